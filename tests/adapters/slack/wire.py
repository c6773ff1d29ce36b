"""The Slack side of the suite: the fake's people, and the adapter started against it, over HTTP or Socket Mode."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from adapters.slack.identity import team_of
from adapters.slack.platform import Slack
from adapters.slack.traffic import Limits
from app.domain.chat import ConversationRef, MessageRef, UserRef
from app.domain.events import Addressed
from app.domain.secrets import Secret
from tests.conformance.recorder import Recorder
from tests.conformance.wire import Wire
from tests.fakes.charts import FakePainter
from tests.fakes.slack.delivery import Delivery
from tests.fakes.slack.world import Json
from tests.fakes.slack_server import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer

CHANNEL = "CGENERAL"
FAST = Limits(append_every=0.02, update_every=0.02, appends=100_000, updates=100_000)


class SlackWire(Wire):
    """`slack` is the fake, `platform` the adapter, `inbound` what the adapter calls."""

    platform: Slack
    forgeries: tuple[str, ...] = ("tampered", "unsigned", "stale", "foreign")

    def __init__(self, slack: SlackServer, platform: Slack, inbound: Recorder, painter: FakePainter) -> None:
        self.slack = slack
        self.painter = painter
        self.platform = platform
        self.inbound = inbound
        self.admin = UserRef("slack:T1", "UADMIN")
        self.member = UserRef("slack:T1", "UMEMBER")
        self._screens: list[Json] = []

    async def say(self, user: UserRef, text: str, *, to: Addressed = Addressed.MENTION, thread: str = "") -> str:
        where = self.slack.world.direct(user.id).id if to is Addressed.DIRECT else CHANNEL
        said = f"<@UBOT> {text}" if to is Addressed.MENTION else text
        ts = await self.slack.say(where, user.id, said, thread_ts=thread or None)
        self._answered(self.slack.deliveries.log[-1])
        return ts

    async def redeliver(self) -> None:
        for delivery in [d for d in self.slack.deliveries.log if d.payload.get("event", {}).get("ts")]:
            self._answered(await self.slack.redeliver(delivery))

    async def edit(self, message_id: str, text: str) -> None:
        self._answered(await self.slack.edit(CHANNEL, message_id, f"<@UBOT> {text}"))

    async def delete(self, message_id: str) -> None:
        self._answered(await self.slack.delete(CHANNEL, message_id))

    async def echo(self, text: str) -> None:
        own = {"type": "message", "channel": CHANNEL, "channel_type": "channel", "user": "UBOT", "bot_id": "BBOT"}
        workspace = self.slack.world.workspaces["T1"]
        thread = {"ts": self.slack.world.new_ts(), "thread_ts": self.slack.world.new_ts(), "text": f"<@UBOT> {text}"}
        for event in (own | thread, own | thread | {"type": "app_mention"}):
            self._answered(await self.slack.event(event, workspace))
        changed = {"type": "message", "subtype": "message_changed", "channel": CHANNEL, "message": own | thread}
        self._answered(await self.slack.event(changed | {"previous_message": own}, workspace))

    async def forge(self, kind: str) -> None:
        mention = {"type": "app_mention", "user": "UMEMBER", "text": "<@UBOT> hi", "ts": "1783.1", "channel": CHANNEL}
        body = json.dumps(self.slack.envelope(mention, self.slack.world.workspaces["T1"])).encode()
        sign = self.slack.deliveries.sign
        headers = {
            "tampered": sign(body.replace(b"hi", b"ho")),
            "unsigned": {},
            "stale": sign(body, at=time.time() - 301),
            "foreign": sign(body, secret="another secret"),
        }[kind]
        self._answered(await self.slack.deliveries.post(body, {"Content-Type": "application/json", **headers}))

    async def nonsense(self) -> None:
        workspace = self.slack.world.workspaces["T1"]
        self._answered(await self.slack.event({"type": "reaction_added", "user": "UMEMBER"}, workspace))
        payloads: list[Json] = [
            {"type": "never_heard_of", "team": {"id": "T1"}, "user": {"id": "UMEMBER"}},
            {"type": "block_actions", "team": {"id": "T1"}, "user": {"id": "UMEMBER"}, "actions": []},
            {"type": "block_actions", "team": "T1", "user": 7, "actions": [{"type": "x", "action_id": "y"}]},
            {"type": "view_submission", "team": {"id": "T1"}, "view": "none"},
        ]
        answers = [await self.slack.interact(payload) for payload in payloads]
        self.last_status = max(self.last_status, *(answer.status for answer in answers))

    async def command(self, user: UserRef, text: str) -> None:
        self._answered(await self.slack.command(CHANNEL, user.id, "/byok", text))

    async def open_home(self, user: UserRef) -> None:
        self._answered(await self.slack.open_home(user.id))

    async def press(self, user: UserRef, action_id: str, value: str) -> None:
        where = self._newest_screen(user, action_id)
        element = next(e for b in where["blocks"] for e in _elements(b) if e.get("action_id") == action_id)
        if element["type"] == "external_select":
            offered = await self.slack.suggest(user.id, action_id, value[-3:], view=where)
            assert value in {option["value"] for option in offered}
        self._answered(await self.slack.press(user.id, action_id, where=where, value=value))

    async def submit(self, user: UserRef, values: Mapping[str, str]) -> None:
        self._answered(await self.slack.submit(user.id, values))

    def form(self, user: UserRef) -> tuple[str, ...] | None:
        modal = self.slack.modal(user.id)
        if modal is None or not (inputs := tuple(b["block_id"] for b in modal["blocks"] if b["type"] == "input")):
            return None
        return inputs

    def field_errors(self, user: UserRef) -> Mapping[str, str]:
        modal = self.slack.modal(user.id)
        return modal.get("errors", {}) if modal else {}

    def private(self, user: UserRef) -> list[str]:
        direct = self.slack.messages(self.slack.world.direct(user.id).id)
        return [text_of(one) for one in (*self.slack.ephemerals(user.id), *(m for m in direct if m.get("bot_id")))]

    def public(self) -> list[str]:
        return [text_of(m) for m in self.slack.messages(CHANNEL) if m.get("bot_id")]

    def answers(self, conversation: ConversationRef) -> list[str]:
        assert team_of(conversation.workspace) == "T1"
        return [text_of(m) for m in self.slack.replies(conversation.channel, conversation.thread)]

    def home(self, user: UserRef) -> str:
        return text_of(self.slack.home(user.id) or {})

    async def pictures(self, user: UserRef) -> list[tuple[bytes, str]]:
        direct = [m for m in self.slack.messages(self.slack.world.direct(user.id).id) if m.get("bot_id")]
        shown = [*self.slack.ephemerals(user.id), *direct, self.slack.home(user.id), self.slack.modal(user.id)]
        blocks = [block for one in shown if one for block in one.get("blocks", []) if block["type"] == "image"]
        return [(self.slack.world.files[one["slack_file"]["id"]].data, one["alt_text"]) for one in blocks]

    def refuse_whispers(self) -> None:
        for method in ("chat.postEphemeral", "chat.postMessage"):
            self.slack.fail(method, times=9, error="user_not_in_channel")

    async def share(self, user: UserRef, name: str, media_type: str, data: bytes) -> None:
        await self.slack.say(CHANNEL, user.id, "<@UBOT> look", files=[self.slack.add_file(name, media_type, data)])

    async def room(self, name: str, *, only: Sequence[UserRef] | None = None) -> str:
        made = self.slack.world.add_channel(f"C{name.upper()}", name, is_private=only is not None)
        if only is not None:
            made.members = ["UBOT", *(user.id for user in only)]
        return made.id

    async def write(self, user: UserRef, channel: str, text: str) -> str:
        return await self.slack.say(channel, user.id, text)

    def shown(self, message: MessageRef) -> str:
        return text_of(self.slack.message(message.channel, message.id))

    async def files(self, user: UserRef, conversation: ConversationRef) -> list[tuple[str, bytes]]:
        hung = [f for m in self.slack.replies(conversation.channel, conversation.thread) for f in m.get("files", [])]
        return [(one["name"], self.slack.world.files[one["id"]].data) for one in hung]

    async def handed(self, user: UserRef) -> list[tuple[str, bytes]]:
        direct = self.slack.messages(self.slack.world.direct(user.id).id)
        hung = [one for message in direct if message.get("bot_id") for one in message.get("files", [])]
        return [(one["name"], self.slack.world.files[one["id"]].data) for one in hung]

    async def press_at(self, user: UserRef, message: MessageRef, action_id: str, value: str) -> None:
        where = self.slack.message(message.channel, message.id)
        self._answered(await self.slack.press(user.id, action_id, where=where, value=value))

    def _answered(self, delivery: Delivery) -> None:
        self.last_status = delivery.status

    def _newest_screen(self, user: UserRef, action_id: str) -> Json:
        screens = [self.slack.home(user.id), *self.slack.ephemerals(user.id), self.slack.modal(user.id)]
        return next(s for s in reversed(screens) if s and f'"{action_id}"' in json.dumps(s["blocks"]))


def text_of(shown: Any) -> str:
    """All words in a message or view, as a person reads them; the shortened copy in `text` counts only where there are no blocks."""
    blocks = shown.get("blocks") or []
    stream = shown.get("text", "") if shown.get("streaming_state") or not blocks else ""
    cards = [task["title"] for task in shown.get("tasks", {}).values()]
    return "\n".join([stream, *cards, *(part for block in blocks for part in _words(block))])


def _words(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [word for key, inner in value.items() if key != "value" for word in _words(inner)]
    return [word for inner in value for word in _words(inner)] if isinstance(value, list) else []


def _elements(block: Json) -> list[Json]:
    return [
        e for e in (*block.get("elements", []), block.get("accessory"), block.get("element")) if isinstance(e, dict)
    ]


@asynccontextmanager
async def slack_wire(
    *, socket: bool = False, limits: Limits = FAST, before: Callable[[SlackServer], None] = lambda _: None
) -> AsyncIterator[SlackWire]:
    """A fake Slack, the adapter started against it, and an HTTP server of ours if it takes events over HTTP.

    `before` is done to the fake before the adapter starts.
    """
    async with SlackServer() as slack:
        before(slack)
        painter = FakePainter()
        platform = Slack(
            bot_token=Secret(BOT_TOKEN),
            signing_secret=None if socket else Secret(SIGNING_SECRET),
            app_token=Secret(APP_TOKEN) if socket else None,
            api_url=slack.api_url,
            limits=limits,
            charts=painter,
        )
        inbound = Recorder()
        platform.listen(inbound)
        application = web.Application()
        application.add_routes(platform.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        slack.configure(events_url=f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
        try:
            await platform.start()
            if socket:
                await slack.until(lambda: slack.sockets.connections)
            yield SlackWire(slack, platform, inbound, painter)
        finally:
            await platform.stop()
            await runner.cleanup()
            await platform.close()
            await asyncio.sleep(0)
