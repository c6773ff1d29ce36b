"""Methods that write: chat.*, assistant.threads.*, agents.sessions.*."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.fakes.slack.blocks import check_message, check_pictures
from tests.fakes.slack.streams import Streams
from tests.fakes.slack.world import APP_ID, Channel, Json, SlackError, Workspace, World

_KEPT = ("blocks", "metadata", "username", "icon_emoji", "icon_url", "thread_ts", "unfurl_links", "unfurl_media")


@dataclass
class Chat:
    """Posting, editing and deleting, and what is shown around a thread (status, title, prompts, sessions)."""

    world: World
    streams: Streams
    ephemerals: list[Json] = field(default_factory=list)
    statuses: list[Json] = field(default_factory=list)
    titles: dict[tuple[str, str], str] = field(default_factory=dict)
    prompts: dict[str, Json] = field(default_factory=dict)
    sessions: dict[tuple[str, str], str] = field(default_factory=dict)

    def post_message(self, workspace: Workspace, args: Json) -> Json:
        """chat.postMessage"""
        channel = self._channel(workspace, args)
        message = self._content(workspace, args, longest=40_000)
        if args.get("thread_ts") and args["thread_ts"] not in channel.messages:
            raise SlackError("thread_not_found")
        message |= {"user": workspace.bot_user_id, "bot_id": workspace.bot_id, "app_id": APP_ID}
        message |= {name: args[name] for name in _KEPT if name in args}
        if any(name in args for name in ("username", "icon_emoji", "icon_url")):
            self._need_scope(workspace, "chat:write.customize")
        self.world.post(channel.id, message)
        return {"channel": channel.id, "ts": message["ts"], "message": message}

    def update(self, workspace: Workspace, args: Json) -> Json:
        """chat.update; blocks that are not named stay as they were"""
        channel = self._channel(workspace, args)
        message = self.world.message(channel.id, str(args.get("ts")))
        if message.get("bot_id") != workspace.bot_id:
            raise SlackError("cant_update_message")
        if self.streams.is_live(channel.id, message["ts"]):
            raise SlackError("streaming_state_conflict")
        content = self._content(workspace, args, longest=4_000)
        message |= content | {"edited": {"user": workspace.bot_user_id, "ts": self.world.new_ts()}}
        message |= {name: args[name] for name in ("blocks", "metadata") if name in args}
        message.setdefault("versions", []).append(message["text"])
        message.pop("streaming_state", None)
        return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": message}

    def delete(self, workspace: Workspace, args: Json) -> Json:
        """chat.delete"""
        channel = self._channel(workspace, args)
        message = self.world.message(channel.id, str(args.get("ts")))
        if message.get("bot_id") != workspace.bot_id:
            raise SlackError("cant_delete_message")
        del channel.messages[message["ts"]]
        return {"channel": channel.id, "ts": message["ts"]}

    def post_ephemeral(self, workspace: Workspace, args: Json) -> Json:
        """chat.postEphemeral"""
        channel = self._channel(workspace, args)
        if args.get("user") not in channel.members:
            raise SlackError("user_not_in_channel")
        message = self._content(workspace, args, longest=40_000)
        self.ephemerals.append(
            {
                "channel": channel.id,
                "user": args["user"],
                "thread_ts": args.get("thread_ts"),
                "blocks": args.get("blocks", []),
            }
            | message
        )
        return {"message_ts": self.world.new_ts()}

    def set_status(self, workspace: Workspace, args: Json) -> Json:
        """assistant.threads.setStatus"""
        self.world.channel(str(args.get("channel_id")))
        if not args.get("thread_ts") or "status" not in args:
            raise SlackError("invalid_arguments")
        self.statuses.append(args)
        return {}

    def set_prompts(self, workspace: Workspace, args: Json) -> Json:
        """assistant.threads.setSuggestedPrompts"""
        prompts = args.get("prompts")
        if not isinstance(prompts, list) or not 0 < len(prompts) <= 4:
            raise SlackError("invalid_arguments")
        if any(not p.get("title") or not p.get("message") for p in prompts):
            raise SlackError("invalid_arguments")
        self._need_scope(workspace, "assistant:write")
        self.prompts[self.world.channel(str(args.get("channel_id"))).id] = args
        return {}

    def set_title(self, workspace: Workspace, args: Json) -> Json:
        """assistant.threads.setTitle"""
        self._need_scope(workspace, "assistant:write")
        self.titles[str(args.get("channel_id")), str(args.get("thread_ts"))] = str(args.get("title"))
        return {}

    def session_status(self, workspace: Workspace, args: Json) -> Json:
        """agents.sessions.setStatus"""
        if args.get("status") not in {"processing", "active", "suspended", "closed"}:
            raise SlackError("invalid_arguments")
        if len(args.get("title") or "") > 200:
            raise SlackError("invalid_arguments")
        self.world.channel(str(args.get("channel_id")))
        self.sessions[str(args["channel_id"]), str(args.get("thread_ts"))] = args["status"]
        return {"session": {"status": args["status"]}}

    def session_rename(self, workspace: Workspace, args: Json) -> Json:
        """agents.sessions.rename"""
        self.titles[str(args.get("channel_id")), str(args.get("thread_ts"))] = str(args.get("title"))
        return {}

    def stop_stream(self, workspace: Workspace, args: Json) -> Json:
        """chat.stopStream, which may leave a session's `processing`."""
        answer = self.streams.stop(workspace, args)
        if args.get("session_status"):
            thread = self.world.message(answer["channel"], answer["ts"])["thread_ts"]
            self.sessions[answer["channel"], thread] = args["session_status"]
        return answer

    def _channel(self, workspace: Workspace, args: Json) -> Channel:
        name = str(args.get("channel", ""))
        if name in self.world.users:
            return self.world.direct(name, workspace.id)
        channel = self.world.channel(name)
        if channel.team != workspace.id:
            raise SlackError("channel_not_found")
        if workspace.bot_user_id not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def _content(self, workspace: Workspace, args: Json, *, longest: int) -> Json:
        markdown = args.get("markdown_text")
        if markdown and (args.get("text") or args.get("blocks")):
            raise SlackError("markdown_text_conflict")
        if len(markdown or "") > 12_000 or len(args.get("text") or "") > longest:
            raise SlackError("msg_too_long")
        if not markdown and not args.get("text") and not args.get("blocks"):
            raise SlackError("no_text")
        if args.get("blocks"):
            check_message(args["blocks"])
            check_pictures(args["blocks"], self.world.files)
        return {"type": "message", "text": markdown or args.get("text") or ""}

    def _need_scope(self, workspace: Workspace, scope: str) -> None:
        if scope not in workspace.scopes.split(","):
            raise SlackError("missing_scope", needed=scope, provided=workspace.scopes)
