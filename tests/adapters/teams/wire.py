"""The Teams side of the suite: the fake's people with their cards and dialogs, and the adapter started against it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from adapters.teams.handle import ACTION, CHANNELS_PREFIX, COMMAND, DATASET, OURS, SECRET_PREFIX, VALUE
from adapters.teams.platform import Cloud, Registration, Teams
from adapters.teams.reply import Pace
from adapters.teams.traffic import Limits, Traffic
from app.domain.chat import ConversationRef, MessageRef, UserRef
from app.domain.events import Addressed
from app.domain.secrets import Secret
from tests.conformance.recorder import Recorder
from tests.conformance.wire import Wire
from tests.fakes.charts import FakePainter
from tests.fakes.references import KeptReferences
from tests.fakes.teams.identity import APP_ID, PASSWORD, TENANT
from tests.fakes.teams.world import BOT, CHANNEL, Chat, Json, Member
from tests.fakes.teams_server import Delivery, TeamsServer

WORKSPACE = f"teams:{TENANT}"
FAST = Pace(every=0.02)
ANY = ((1_000_000, 1.0),)
ROOMY = Limits(conversation=ANY, conversation_spare=ANY, tenant=ANY, tenant_spare=ANY)


class TeamsWire(Wire):
    """`teams` is the fake, `platform` the adapter, `inbound` what the adapter calls. `dialogs` and `said` are what a person has before them."""

    platform: Teams
    forgeries: tuple[str, ...] = ("unsigned", "garbage", "for another bot", "of another service")

    def __init__(
        self, teams: TeamsServer, platform: Teams, inbound: Recorder, references: KeptReferences, painter: FakePainter
    ) -> None:
        self.teams = teams
        self.painter = painter
        self.platform = platform
        self.inbound = inbound
        self.references = references
        self.admin = UserRef(WORKSPACE, teams.world.ann.oid)
        self.member = UserRef(WORKSPACE, teams.world.bob.oid)
        self.dialogs: dict[UserRef, Json] = {}
        self.said: dict[UserRef, list[str]] = defaultdict(list)
        self._authors: dict[str, Member] = {}

    def who(self, user: UserRef) -> Member:
        found = self.teams.world.person(user.id)
        assert found is not None
        return found

    def chat(self, user: UserRef) -> Chat:
        return self.teams.world.personal(self.who(user))

    async def say(self, user: UserRef, text: str, *, to: Addressed = Addressed.MENTION, thread: str = "") -> str:
        where: Chat | str = self.chat(user) if to is Addressed.DIRECT else CHANNEL
        mention = to is Addressed.MENTION
        told = self._answered(await self.teams.say(self.who(user), text, where, mention=mention, thread=thread))
        self._authors[told.activity["id"]] = self.who(user)
        return str(told.activity["id"])

    async def redeliver(self) -> None:
        self._answered(await self.teams.redeliver(self.teams.log[-1]))

    async def edit(self, message_id: str, text: str) -> None:
        self._answered(await self.teams.edit(self._authors[message_id], message_id, text))

    async def delete(self, message_id: str) -> None:
        self._answered(await self.teams.delete(self._authors[message_id], message_id))

    async def echo(self, text: str) -> None:
        words = self.teams.words(text, mention=True)
        own = self.teams.activity(self.teams.world.ann, CHANNEL, **words) | {"from": dict(BOT)}
        self._answered(await self.teams.post(own))

    async def forge(self, kind: str) -> None:
        identity, service = self.teams.identity, self.teams.service_url
        headers = {
            "unsigned": {},
            "garbage": self.teams.headers("not.a.token"),
            "for another bot": self.teams.headers(identity.token(service, aud="another")),
            "of another service": self.teams.headers(identity.token("https://smba.trafficmanager.net/elsewhere/")),
        }[kind]
        mention = self.teams.activity(self.teams.world.bob, **self.teams.words("hi", mention=True))
        self._answered(await self.teams.post(mention, headers))

    async def nonsense(self) -> None:
        bob = self.teams.world.bob
        odd: list[Json] = [
            {"type": "neverHeardOf"},
            {"type": "event", "name": "application/vnd.microsoft.readReceipt", "value": 7},
            {"type": "message", "value": {"x": 1}, "channelData": {"tenant": "none"}},
            {"type": "conversationUpdate", "channelData": {"eventType": "neverHeardOf"}},
        ]
        told = [await self.teams.post(self.teams.activity(bob, **one)) for one in odd]
        for name, value in (("never/heardOf", {}), ("task/fetch", {"data": "x"}), ("adaptiveCard/action", {"a": 1})):
            told.append(await self.teams.invoke(bob, name, value))
        self.last_status = max(one.status for one in told)

    async def command(self, user: UserRef, text: str) -> None:
        self._answered(await self.teams.say(self.who(user), f"byok {text}"))
        await self.settled()
        shown = self._cards(user)
        if shown and (ways_in := [a for a in _actions(shown[-1]) if a["data"][OURS].get(ACTION) == COMMAND]):
            await self._act(user, ways_in[0], shown[-1], {})

    async def open_home(self, user: UserRef) -> None:
        self._answered(await self.teams.say(self.who(user), "home", self.chat(user)))
        await self.settled()

    async def press(self, user: UserRef, action_id: str, value: str) -> None:
        card, action = next(
            (card, action)
            for card in reversed(self._cards(user, with_home=True))
            for action in _actions(card)
            if action["data"][OURS].get(ACTION) == action_id and action["data"][OURS].get(VALUE, value) == value
        )
        inputs = {}
        if choice := next((one for one in _inputs(card) if one["id"] == action_id), None):
            listed = [one["value"] for one in choice["choices"]]
            assert value in listed or value in await self._offered(user, choice, value)
            inputs[action_id] = value
        await self._act(user, action, card, inputs)

    async def submit(self, user: UserRef, values: Mapping[str, str]) -> None:
        card = self.dialogs[user]
        (send,) = card["actions"]
        named = {_field(one["id"]): one["id"] for one in _inputs(card)}
        await self._act(user, send, card, {named[name]: value for name, value in values.items()})

    def form(self, user: UserRef) -> tuple[str, ...] | None:
        names = tuple(_field(one["id"]) for one in _inputs(self.dialogs.get(user, {})))
        return names or None

    def field_errors(self, user: UserRef) -> Mapping[str, str]:
        marked = [one for one in _elements(self.dialogs[user]) if str(one.get("id", "")).startswith("error:")]
        return {one["id"].removeprefix("error:"): text_of(one).strip().removeprefix("⛔ ") for one in marked}

    def private(self, user: UserRef) -> list[str]:
        home = self._home_ids(user)
        direct = [text_of(one) for one in self.teams.shown(self.chat(user)) if one["id"] not in home]
        whispered = [
            text_of(one)
            for chat in self.teams.world.chats.values()
            for one in chat.targeted.values()
            if one["recipient"]["id"] == self.who(user).id
        ]
        dialog = self.dialogs.get(user, {})
        read = [text_of(dialog)] if dialog and not _inputs(dialog) else []
        return [*whispered, *direct, *self.said[user], *read]

    def public(self) -> list[str]:
        return [text_of(one) for one in self.teams.shown(CHANNEL)]

    def answers(self, conversation: ConversationRef) -> list[str]:
        thread = "" if conversation.thread == conversation.channel else conversation.thread
        return [text_of(one) for one in self.teams.shown(conversation.channel, thread)]

    def home(self, user: UserRef) -> str:
        return "\n".join(text_of(self.chat(user).shown.get(one, {})) for one in self._home_ids(user))

    async def pictures(self, user: UserRef) -> list[tuple[bytes, str]]:
        whispered = [one for chat in self.teams.world.chats.values() for one in chat.targeted.values()]
        mine = [one for one in whispered if one["recipient"]["id"] == self.who(user).id]
        shown = [*mine, *self.teams.shown(self.chat(user))]
        cards = [hung["content"] for one in shown for hung in one.get("attachments", []) if "content" in hung]
        images = [one for one in _elements([*cards, self.dialogs.get(user, {})]) if one.get("type") == "Image"]
        return [(base64.b64decode(one["url"].partition(",")[2]), one["altText"]) for one in images]

    def refuse_whispers(self) -> None:
        self.teams.connector.fail(403, times=99, verb="POST")

    async def share(self, user: UserRef, name: str, media_type: str, data: bytes) -> None:
        hung_on = [self.teams.add_file(name, media_type, data)]
        self._answered(await self.teams.say(self.who(user), "look", self.chat(user), attachments=hung_on))

    async def room(self, name: str, *, only: Sequence[UserRef] | None = None) -> str:
        members = self.teams.world.people if only is None else [self.who(user) for user in only]
        return self.teams.world.channel(name, list(members)).id

    async def write(self, user: UserRef, channel: str, text: str) -> str:
        told = await self.teams.say(self.who(user), text, channel, mention=False)
        return str(told.activity["id"])

    def shown(self, message: MessageRef) -> str:
        return text_of(self.teams.world.chats[message.channel].shown[message.id])

    async def files(self, user: UserRef, conversation: ConversationRef) -> list[tuple[str, bytes]]:
        found = list[tuple[str, bytes]]()
        for shown in self.teams.shown(conversation.channel):
            for hung in shown.get("attachments", []):
                url = str(hung.get("contentUrl", ""))
                if url.startswith("data:"):
                    found.append((hung["name"], base64.b64decode(url.partition(",")[2])))
                elif hung["contentType"].endswith("file.consent"):
                    self._answered(await self.teams.consent(self.who(user), shown))
                    await self.settled()
                    found.append((hung["name"], self.teams.drive[hung["name"]]))
        return found

    async def handed(self, user: UserRef) -> list[tuple[str, bytes]]:
        return await self.files(user, ConversationRef(user.workspace, self.chat(user).id, ""))

    async def press_at(self, user: UserRef, message: MessageRef, action_id: str, value: str) -> None:
        shown = self.teams.world.chats[message.channel].shown[message.id]
        where = {"activity": message.id, "where": shown["conversation"]["id"]}
        card = shown["attachments"][0]["content"] | where
        action = next(
            a for a in _actions(card) if (a["data"][OURS][ACTION], a["data"][OURS][VALUE]) == (action_id, value)
        )
        await self._act(user, action, card, {})

    async def settled(self) -> None:
        """What follows from what was answered is done."""
        assert self.platform._app is not None
        await self.platform._app.drain(5)
        await self.platform._outcomes.drain(5)

    async def _act(self, user: UserRef, action: Json, card: Json, inputs: Json) -> Delivery:
        """Press a button as Teams does it, and look at what comes back."""
        data, there = action["data"] | inputs, card.get("where", self.chat(user).id)
        where, _, thread = there.partition(";messageid=")
        stands = {"replyToId": card.get("activity", ""), "thread": thread}
        if action["type"] == "Action.Execute":
            doing: Json = {"type": "Action.Execute", "verb": action["verb"], "data": data}
            value: Json = {"action": doing, "trigger": "manual"}
            told = await self.teams.invoke(self.who(user), "adaptiveCard/action", value, where, **stands)
            self._shown_at_once(user, card, told.body)
        else:
            name, value = "task/fetch" if "msteams" in data else "task/submit", {"data": data, "context": {}}
            told = await self.teams.invoke(self.who(user), name, value, where, **stands)
            self._continued(user, told.body)
        self._answered(told)
        await self.settled()
        return told

    def _shown_at_once(self, user: UserRef, card: Json, body: Any) -> None:
        assert body["statusCode"] == 200
        if body["type"] == "application/vnd.microsoft.activity.message":
            self.said[user].append(body["value"])
        elif whispered := self.teams.world.chats[CHANNEL].targeted.get(card["activity"]):
            whispered["attachments"] = [{"content": body["value"]}]

    def _continued(self, user: UserRef, body: Any) -> None:
        self.dialogs.pop(user, None)
        task = body["task"] if body else {}
        if task.get("type") == "continue":
            self.dialogs[user] = task["value"]["card"]["content"]
        elif task.get("type") == "message":
            self.said[user].append(task["value"])

    async def _offered(self, user: UserRef, choice: Json, typed: str) -> list[str]:
        dataset = choice["choices.data"]["dataset"]
        assert dataset.startswith(DATASET)
        value = {"queryText": typed, "queryOptions": {"skip": 0, "top": 15}, "dataset": dataset}
        told = await self.teams.invoke(self.who(user), "application/search", value, self.chat(user))
        assert told.body["type"] == "application/vnd.microsoft.search.searchResponse"
        return [one["value"] for one in told.body["value"]["results"]]

    def _cards(self, user: UserRef, *, with_home: bool = False) -> list[Json]:
        """Cards that a person can press, oldest first; the open dialog is the newest."""
        home = [] if with_home else self._home_ids(user)
        whispered = self.teams.world.chats[CHANNEL].targeted.values()
        cards = [
            attachment["content"] | {"activity": one["id"], "where": one["conversation"]["id"]}
            for one in (*whispered, *self.teams.shown(self.chat(user)))
            if one["id"] not in home and one.get("recipient", {}).get("id", self.who(user).id) == self.who(user).id
            for attachment in one.get("attachments", [])
        ]
        return [*cards, *([self.dialogs[user]] if user in self.dialogs else [])]

    def _home_ids(self, user: UserRef) -> list[str]:
        return self.references.rows.get((user.workspace, f"home:{user.id}"), {}).get("activity", "").split()

    def _answered(self, told: Delivery) -> Delivery:
        self.last_status = told.status
        return told


def text_of(shown: Any) -> str:
    """All words in a message or card, as a person reads them."""
    if isinstance(shown, dict):
        keys = ("text", "title", "label", "body", "items", "inlines", "columns", "rows", "cells", "actions", "card")
        own = [text_of(shown[key]) for key in (*keys, "attachments", "content") if key in shown]
        return ("" if shown.get("type") in {"RichTextBlock", "TextRun"} else "\n").join(one for one in own if one)
    if isinstance(shown, list):
        runs = all(isinstance(one, dict) and one.get("type") == "TextRun" for one in shown)
        return ("" if runs else "\n").join(text_of(one) for one in shown)
    return str(shown)


def _elements(card: Any) -> list[Json]:
    """Every object within a card, data of actions aside."""
    if isinstance(card, list):
        return [found for one in card for found in _elements(one)]
    if not isinstance(card, dict):
        return []
    return [card, *(found for key, inner in card.items() if key != "data" for found in _elements(inner))]


def _actions(card: Json) -> list[Json]:
    return [one for one in _elements(card) if OURS in one.get("data", {})]


def _inputs(card: Json) -> list[Json]:
    return [one for one in _elements(card) if str(one.get("type", "")).startswith("Input.")]


def _field(input_id: str) -> str:
    return input_id.removeprefix(SECRET_PREFIX).removeprefix(CHANNELS_PREFIX)


@asynccontextmanager
async def teams_wire(*, pace: Pace = FAST, limits: Limits = ROOMY, targeted: bool = False) -> AsyncIterator[TeamsWire]:
    """A fake Teams, the adapter started against it, and an HTTP server of ours for what Teams sends."""
    async with TeamsServer() as teams:
        references, inbound, painter = KeptReferences(), Recorder(), FakePainter()
        platform = Teams(
            Registration(APP_ID, Secret(PASSWORD), tenant=TENANT),
            references,
            cloud=Cloud(teams.openid_url, teams.login_url, (teams.origin.removeprefix("http://"),)),
            targeted=targeted,
            pace=pace,
            traffic=Traffic(limits),
            charts=painter,
        )
        platform.listen(inbound)
        application = web.Application()
        application.add_routes(platform.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        teams.bot_url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/messages"
        try:
            await platform.start()
            yield TeamsWire(teams, platform, inbound, references, painter)
        finally:
            await platform.stop()
            await runner.cleanup()
            await platform.close()
            await asyncio.sleep(0)


def dumped(card: Json) -> str:
    """A card as it travels."""
    return json.dumps(card, ensure_ascii=False)
