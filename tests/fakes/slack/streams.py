"""chat.startStream, appendStream, stopStream as a state machine with Slack's limits."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tests.fakes.slack.blocks import check_message
from tests.fakes.slack.world import Json, SlackError, Workspace, World


@dataclass
class Stream:
    """One streamed message and why it no longer takes text (`ended`)."""

    channel: str
    ts: str
    team: str
    started: float = field(default_factory=time.monotonic)
    size: int = 0
    ended: str = ""
    appends: list[float] = field(default_factory=list)


class Streams:
    """All streams; `lifetime` and `cap` may be set lower for a test, `available=False` takes the feature away."""

    def __init__(self, world: World) -> None:
        self.lifetime = 300.0
        self.cap = 12_000
        self.available = True
        self.missing_error = "unknown_method"
        self.all: dict[tuple[str, str], Stream] = {}
        self._world = world

    def start(self, workspace: Workspace, args: Json) -> Json:
        """Begin a message that takes text; answers with its `ts`."""
        self._need_feature()
        channel = self._world.channel(str(args.get("channel", "")))
        if not channel.is_im:
            for needed in ("recipient_team_id", "recipient_user_id"):
                if not args.get(needed):
                    raise SlackError(f"missing_{needed}")
        if not args.get("thread_ts"):
            raise SlackError("invalid_thread_ts")
        message: Json = {"type": "message", "text": "", "user": workspace.bot_user_id, "bot_id": workspace.bot_id}
        message |= {"thread_ts": args["thread_ts"], "app_id": "A0LATCHKEY", "streaming_state": "in_progress"}
        message |= {name: args[name] for name in ("username", "icon_emoji", "icon_url") if args.get(name)}
        text = _text_of(args)
        if len(text.encode()) > self.cap:
            raise SlackError("msg_too_long")
        self._world.post(channel.id, message)
        stream = Stream(channel.id, message["ts"], workspace.id)
        self.all[channel.id, stream.ts] = stream
        self._take(stream, args)
        return {"channel": channel.id, "ts": stream.ts}

    def append(self, workspace: Workspace, args: Json) -> Json:
        """Add text to a live stream."""
        self._need_feature()
        stream = self._live(workspace, args)
        if not _text_of(args) and not args.get("chunks"):
            raise SlackError("no_text")
        self._take(stream, args)
        stream.appends.append(time.monotonic())
        return {"channel": stream.channel, "ts": stream.ts}

    def stop(self, workspace: Workspace, args: Json) -> Json:
        """End a live stream, with a last text and blocks."""
        self._need_feature()
        stream = self._live(workspace, args)
        if args.get("blocks"):
            check_message(args["blocks"])
        self._take(stream, args)
        message = self._world.message(stream.channel, stream.ts)
        message |= {name: args[name] for name in ("blocks", "metadata") if args.get(name)}
        self.end(stream, "message_not_in_streaming_state")
        return {"channel": stream.channel, "ts": stream.ts, "message": message}

    def end(self, stream: Stream, why: str) -> None:
        """No more text for this one; later calls get `why`."""
        stream.ended = why
        self._world.message(stream.channel, stream.ts)["streaming_state"] = "completed"

    def is_live(self, channel: str, ts: str) -> bool:
        """Whether this message is still streaming (then chat.update is refused)."""
        stream = self.all.get((channel, ts))
        return stream is not None and not self._expired(stream)

    def live_in(self, channel: str, thread: str) -> list[Stream]:
        """The running streams of a thread."""
        in_thread = {m["ts"] for m in self._world.thread(channel, thread)}
        return [s for s in self.all.values() if s.channel == channel and s.ts in in_thread and not self._expired(s)]

    def _live(self, workspace: Workspace, args: Json) -> Stream:
        stream = self.all.get((str(args.get("channel")), str(args.get("ts"))))
        if stream is None:
            self._world.message(str(args.get("channel")), str(args.get("ts")))
            raise SlackError("message_not_in_streaming_state")
        if stream.team != workspace.id:
            raise SlackError("message_not_owned_by_app")
        if self._expired(stream):
            raise SlackError(stream.ended)
        return stream

    def _expired(self, stream: Stream) -> bool:
        if not stream.ended and time.monotonic() - stream.started > self.lifetime:
            self.end(stream, "message_not_in_streaming_state")
        return bool(stream.ended)

    def _take(self, stream: Stream, args: Json) -> None:
        text = _text_of(args)
        size = (
            stream.size
            + len(text.encode())
            + sum(len(str(c)) for c in args.get("chunks") or () if c.get("type") == "task_update")
        )
        if size > self.cap:
            raise SlackError("msg_too_long")
        stream.size = size
        message = self._world.message(stream.channel, stream.ts)
        message["text"] += text
        for card in (c for c in args.get("chunks") or () if c.get("type") == "task_update"):
            if card.get("status") not in {"pending", "in_progress", "complete", "error"} or not card.get("title"):
                raise SlackError("invalid_arguments")
            message.setdefault("tasks", {})[card["id"]] = card

    def _need_feature(self) -> None:
        if not self.available:
            raise SlackError(self.missing_error)


def _text_of(args: Json) -> str:
    chunks = args.get("chunks") or ()
    if args.get("markdown_text") and chunks:
        raise SlackError("markdown_text_conflict")
    if len(args.get("markdown_text") or "") > 12_000:
        raise SlackError("msg_too_long")
    return (args.get("markdown_text") or "") + "".join(
        c.get("text", "") for c in chunks if c.get("type") == "markdown_text"
    )
