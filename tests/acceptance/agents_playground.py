"""Microsoft 365 Agents Playground 0.2.28: Teams for bots, written by Microsoft, with its authentication on.

What was learned by driving it:
- Its file of people and places wants `version: "0.1.1"`, exactly five users beside the current one, and one group chat, team and further channel.
  With anything else in it the program prints that it listens, and ends.
- Everything comes from the current user, whoever a message says it is from; another's act is a custom activity with another `from`.
- The id of a message's activity is not the id in `;messageid=`. Unmentioned messages in channels and groups are not delivered.
- It logs in with its own client id at login.microsoftonline.com, whatever it is told (see `login_on_loopback.cjs`), and sends what it is given.
- What people see comes over one WebSocket (`createMessage`, `updateMessage`, `deleteMessage`), what was asked and answered over another. Both
  begin with what was missed, for the first who listens.
- Of a stream it keeps one message, whatever the order of its chunks; it has no limits of size or pace. Members are found by `29:` id only.
- It deletes nothing (501): a home that was asked for again stands there twice.
- `task/fetch` and `task/submit` are custom activities; their answers are seen in the log. `adaptiveCard/action` is answered to who asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from tests.acceptance.bot_framework import BotFramework
from tests.acceptance.process import Process, free_port, until
from tests.fakes.teams.identity import APP_ID, PASSWORD, TENANT

HERE = Path(__file__).parent
BOT = f"28:{APP_ID}"
ALEX, MEGAN = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
PERSONAL, GROUP, GENERAL = "a:personal", "19:group@thread.v2", "19:general@thread.tacv2"
MENTION = "<at>Latchkey</at>"

Json = dict[str, Any]


@dataclass
class Shown:
    """A message of the app's, as people see it now."""

    conversation: str
    id: str
    body: Json

    @property
    def cards(self) -> list[Json]:
        return [one["content"] for one in self.body.get("attachments") or []]

    @property
    def words(self) -> str:
        """Everything that can be read in it."""
        return "\n".join([self.body.get("text") or "", *(text for card in self.cards for text in words(card))])


def words(part: Any) -> list[str]:
    """The texts of a card."""
    if isinstance(part, list):
        return [text for one in part for text in words(one)]
    if not isinstance(part, dict):
        return []
    own = [part[name] for name in ("text", "title", "label", "errorMessage") if isinstance(part.get(name), str)]
    return own + [text for one in part.values() if isinstance(one, dict | list) for text in words(one)]


def parts(card: Any) -> list[Json]:
    """Every element and action of a card, in the order of reading."""
    if isinstance(card, list):
        return [part for one in card for part in parts(one)]
    if not isinstance(card, dict):
        return []
    return [card, *(part for one in card.values() if isinstance(one, dict | list) for part in parts(one))]


def action(card: Json, title: str) -> Json:
    """The button of this title."""
    found = [one for one in parts(card) if str(one.get("type", "")).startswith("Action.") and one.get("title") == title]
    assert found, f"no button {title!r} among {words(card)}"
    return found[0]


class AgentsPlayground:
    """An async context manager; `bot` is the messaging endpoint."""

    def __init__(self, folder: Path, login: BotFramework, bot: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.service_url = f"{self.url}/_connector"
        self.messages: dict[tuple[str, str], Shown] = {}
        self.log: list[Json] = []
        (folder / ".m365agentsplayground.yml").write_text(json.dumps(_people_and_places()))  # YAML has JSON in it
        login.service_url = self.service_url
        self._process = Process(
            [
                "node", "--require", HERE / "login_on_loopback.cjs",
                HERE / "node_modules/@microsoft/m365agentsplayground/cli.js", "start",
                "-e", bot, "-c", "msteams", "-p", str(self.port), "--service-url", self.service_url,
                "--cid", APP_ID, "--cs", PASSWORD, "--tid", TENANT, "--disable-telemetry",
            ],
            folder / "agents-playground.log",
            {"TEAMSAPPTESTER_BROWSER": "none", "LOGIN_ON_LOOPBACK": login.url},
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        await self._process.start()
        await self._process.announces(r"Listening on (\d+)")
        self._http = aiohttp.ClientSession(self.url)
        self._listening = [
            asyncio.create_task(self._listen("/_ws_conversation/v1/conversations/stream", self._seen)),
            asyncio.create_task(self._listen("/_ws/log/stream", lambda line: self.log.append(line.get("log", {})))),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._listening:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._listening)
        await self._http.close()
        await self._process.stop()

    async def say(self, text: str, where: str = PERSONAL) -> str:
        """Alex writes; the id of the conversation that this is in: of a channel's post, its thread."""
        mentions = [{"mentioned": {"id": BOT}, "text": MENTION}] if MENTION in text else []
        body = {"from": {"id": "29:alex"}, "text": text, "textFormat": "plain", "mentions": mentions}
        answer = await self._post(f"/_conversation/v1/conversations/{quote(where, safe='')}/messages", body)
        return answer.get("postConversationId") or where

    async def installation(self, what: str, where: str = PERSONAL) -> None:
        """Alex installs or uninstalls the app: `install`, `uninstall`; returns when the app has taken note."""
        activity = await self._template(where, what)
        await self._custom(activity)
        answer = await until(lambda: self._answer_to(activity["id"]), f"{what} is answered")
        assert answer["statusCode"] == 200, answer

    async def fetch(self, data: Json, where: str = PERSONAL, *, name: str = "task/fetch", by: str = ALEX) -> Json:
        """Somebody presses a button that opens a dialog, or (`task/submit`) one in a dialog; the answer's `task`."""
        answer = await self.invoke(name, {"data": data, "context": {"theme": "default"}}, where, by=by)
        task: Json = answer.get("task", {})
        return task

    async def invoke(
        self, name: str, value: Json, where: str = PERSONAL, *, by: str = ALEX, reply_to: str = ""
    ) -> Json:
        """Somebody does what Teams asks the app about at once; its answer."""
        activity = await self._template(where, "install")
        del activity["action"]
        activity |= {"type": "invoke", "name": name, "value": value, "replyToId": reply_to}
        if by != ALEX:
            activity["from"] = {"id": "29:megan", "aadObjectId": by, "name": "Megan Bowen"}
        await self._custom(activity)
        answer = await until(lambda: self._answer_to(activity["id"]), f"{name} is answered")
        assert answer["statusCode"] == 200, answer
        body: Json = answer["body"] or {}
        return body

    async def press(self, message: Shown, title: str, inputs: Json | None = None) -> Json:
        """Alex presses a button of a card; the answer, of a dialog or of an Action.Execute."""
        pressed = next(action(card, title) for card in message.cards if title in words(card))
        data = pressed.get("data", {}) | (inputs or {})
        if pressed["type"] == "Action.Submit":
            return await self.fetch(data, message.conversation)
        value = {"action": {"type": "Action.Execute", "title": title, "verb": pressed["verb"], "data": data}}
        body = {
            "name": "adaptiveCard/action",
            "value": value | {"trigger": "manual"},
            "from": {"id": "29:alex"},
            "conversation": {"id": message.conversation},
            "replyToId": message.id,
        }
        return await self._post("/_conversation/v1/invoke", body)

    async def shown(self, text: str, where: str = PERSONAL, seconds: float = 20) -> Shown:
        """The newest message with this text, as soon as there is one."""

        def found() -> Shown | None:
            return next(
                (m for m in reversed(self.messages.values()) if m.conversation == where and text in m.words), None
            )

        try:
            return await until(found, f"{text!r} is shown", seconds)
        except AssertionError as error:
            seen = [message.words for message in self.messages.values() if message.conversation == where]
            raise AssertionError(f"{error}: {seen}") from None

    def in_conversation(self, where: str) -> list[Shown]:
        """What the app says there, oldest first."""
        return [message for message in self.messages.values() if message.conversation == where]

    def _answer_to(self, activity: str) -> Json | None:
        return next((line["response"] for line in self.log if line.get("messageId") == activity), None)

    def _seen(self, event: Json) -> None:
        where, message = event.get("actionConversationId", ""), event.get("message") or {}
        key = (where, message.get("messageId") or event.get("messageId", ""))
        if event.get("action") == "deleteMessage":
            self.messages.pop(key, None)
        elif message.get("from", {}).get("id") == BOT:
            self.messages[key] = Shown(where, key[1], message)

    async def _listen(self, path: str, to: Any) -> None:
        async with self._http.ws_connect(path, max_msg_size=0) as socket:
            async for line in socket:
                to(json.loads(line.data))

    async def _template(self, where: str, kind: str) -> Json:
        path = "/_internal/v1/customActivities/template"
        async with self._http.get(path, params={"conversationId": where, "type": kind}) as answer:
            assert answer.status == 200, await answer.text()
            made: Json = await answer.json()
            return made

    async def _custom(self, activity: Json) -> None:
        await self._post("/_internal/v1/customActivities", activity)

    async def _post(self, path: str, body: Json) -> Json:
        async with self._http.post(path, json=body) as answer:
            text = await answer.text()
            assert answer.status == 200, f"{path}: {answer.status} {text[:500]}"
            made: Json = json.loads(text) if text else {}
            return made


def _people_and_places() -> Json:
    others = [_person(f"p{number}", f"Person {number}", f"{number}" * 8) for number in range(3, 7)]
    return {
        "version": "0.1.1",
        "tenantId": TENANT,
        "bot": {"id": BOT, "name": "Latchkey"},
        "currentUser": _person("alex", "Alex Wilber", "1" * 8),
        "users": [_person("megan", "Megan Bowen", "2" * 8), *others],
        "personalChat": {"id": PERSONAL},
        "groupChat": {"id": GROUP, "name": "Group Chat"},
        "team": {
            "id": GENERAL,
            "name": "My Team",
            "aadGroupId": "33333333-3333-4333-8333-333333333333",
            "channels": [{"id": "19:random@thread.tacv2", "name": "Random"}],
        },
    }


def _person(id_: str, name: str, digits: str) -> Json:
    first, last = name.split(" ")
    part = digits[:4]
    return {
        "id": f"29:{id_}",
        "name": name,
        "userPrincipleName": f"{id_}@example.com",
        "aadObjectId": f"{digits}-{part}-4{part[1:]}-8{part[1:]}-{part}{part}{part}",
        "givenName": first,
        "surname": last,
        "email": f"{id_}@example.com",
    }
