"""Teams on loopback: everything that the adapter talks to, and people whose doings arrive at the bot as genuine, signed activities."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from tests.fakes.teams.connector import PREFIX, ConnectorServer
from tests.fakes.teams.identity import TENANT, Identity
from tests.fakes.teams.world import BOT, CHANNEL, Chat, Json, Member, World


@dataclass
class Delivery:
    """One activity that was brought to the bot, and what it answered."""

    activity: Json
    status: int
    body: Any
    seconds: float = 0.0


class TeamsServer:
    """Identity, connector, files and people on one port. `bot_url` is where the bot listens; `log` is what was brought there.

    `drive` holds the files that people took from the bot.
    """

    def __init__(self) -> None:
        self.world = World()
        self.identity = Identity()
        self.connector = ConnectorServer(self.world, self.identity)
        self.files: dict[str, tuple[str, bytes]] = {}
        self.drive: dict[str, bytes] = {}
        self.file_calls: list[dict[str, str]] = []
        self.bot_url = ""
        self.log: list[Delivery] = []
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.origin = ""

    @property
    def service_url(self) -> str:
        """What activities name as their serviceUrl."""
        return f"{self.origin}{PREFIX}/"

    @property
    def openid_url(self) -> str:
        return f"{self.origin}/v1/.well-known/openidconfiguration"

    @property
    def login_url(self) -> str:
        return self.origin

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=8 * 2**20)
        application.add_routes(
            [
                *self.identity.routes(),
                *self.connector.routes(),
                web.get("/files/{name}", self._file),
                web.put("/drive/{name}", self._keep),
            ]
        )
        application.router.add_get(f"{PREFIX}/v3/attachments/{{name}}/views/original", self._file)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        assert self._runner is not None
        await self._session.close()
        await self._runner.cleanup()

    def headers(self, token: str | None = None) -> dict[str, str]:
        """The headers of a genuine request, or of one with another token."""
        return {"Authorization": f"Bearer {token or self.identity.token(self.service_url)}"}

    async def post(self, activity: Json, headers: dict[str, str] | None = None, **body: Any) -> Delivery:
        """Bring an activity (or the raw `data=` of a request) to the bot."""
        assert self._session is not None
        began = time.perf_counter()
        sent = body or {"json": activity}
        async with self._session.post(
            self.bot_url, headers=self.headers() if headers is None else headers, **sent
        ) as answer:
            told = await answer.json() if answer.content_type == "application/json" else await answer.text()
            delivery = Delivery(activity, answer.status, told, time.perf_counter() - began)
        self.log.append(delivery)
        return delivery

    async def redeliver(self, delivery: Delivery) -> Delivery:
        return await self.post(delivery.activity)

    def activity(self, who: Member, where: Chat | str = CHANNEL, thread: str = "", **more: Any) -> Json:
        """An activity of somebody's somewhere. In a channel without `thread` it is a new top post."""
        chat = self.world.chats[where] if isinstance(where, str) else where
        new_id = str(more.pop("id", "") or self.world.new_id())
        full = f"{chat.id};messageid={thread or new_id}" if chat.kind == "channel" else chat.id
        conversation: Json = {"id": full, "conversationType": chat.kind, "tenantId": TENANT}
        channel_data: Json = {"tenant": {"id": TENANT}}
        if chat.kind == "channel":
            team = {"id": CHANNEL, "aadGroupId": "eeeeeeee-0000-4000-8000-000000000005", "name": "Engine room"}
            channel_data |= {"team": team, "channel": {"id": chat.id}}
        if chat.kind != "personal":
            conversation["isGroup"] = True
        return {
            "type": "message",
            "id": new_id,
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": who.sender(),
            "conversation": conversation,
            "recipient": dict(BOT),
            "channelData": channel_data | more.pop("channelData", {}),
            **more,
        }

    def words(self, text: str, *, mention: bool) -> Json:
        """A message's text, formatted as Teams does it, with or without a mention of the bot before it."""
        info = {"type": "clientInfo", "locale": "en-US", "country": "US", "platform": "Web"}
        if not mention:
            return {"text": text, "textFormat": "plain", "entities": [info]}
        at = f"<at>{BOT['name']}</at>"
        entity = {"type": "mention", "text": at, "mentioned": dict(BOT)}
        return {"text": f"{at}&nbsp;{text}", "textFormat": "plain", "entities": [entity, info]}

    async def say(
        self, who: Member, text: str, where: Chat | str = CHANNEL, *, mention: bool | None = None, **more: Any
    ) -> Delivery:
        """Somebody writes; outside of one-to-one chats they mention the bot unless `mention` says no. `more` goes into the activity."""
        chat = self.world.chats[where] if isinstance(where, str) else where
        mentions = chat.kind != "personal" if mention is None else mention
        return await self.post(self.activity(who, chat, **(self.words(text, mention=mentions) | more)))

    async def invoke(self, who: Member, name: str, value: Json, where: Chat | str = CHANNEL, **more: Any) -> Delivery:
        """Teams asks the bot for something on behalf of somebody. `more`: `replyToId` is the card's activity, `thread` where it stands."""
        invoke_id = f"f:{self.world.new_id()}"
        return await self.post(self.activity(who, where, type="invoke", name=name, value=value, id=invoke_id, **more))

    async def edit(self, who: Member, message_id: str, text: str, where: Chat | str = CHANNEL, **more: Any) -> Delivery:
        changed = {"type": "messageUpdate", "id": message_id, "channelData": {"eventType": "editMessage"}}
        return await self.post(self.activity(who, where, **(self.words(text, mention=True) | changed | more)))

    async def delete(self, who: Member, message_id: str, where: Chat | str = CHANNEL, **more: Any) -> Delivery:
        gone = {"type": "messageDelete", "id": message_id, "channelData": {"eventType": "softDeleteMessage"}}
        return await self.post(self.activity(who, where, **(gone | more)))

    async def install(self, who: Member, where: Chat | str, action: str = "add") -> Delivery:
        """The app is put into (or taken out of, by `remove`) a chat or a team; Teams tells of it in two activities."""
        chat = self.world.chats[where] if isinstance(where, str) else where
        chat.bot_in = action == "add"
        members: Json = {"membersAdded" if action == "add" else "membersRemoved": [dict(BOT)]}
        told = self.activity(who, chat, type="conversationUpdate", **members)
        told["conversation"]["id"] = chat.id
        await self.post(told)
        told = self.activity(who, chat, type="installationUpdate", action=action)
        told["conversation"]["id"] = chat.id
        return await self.post(told)

    def shown(self, where: Chat | str, thread: str = "") -> list[Json]:
        """The bot's messages in a chat (or a thread of it) as they stand now, oldest first."""
        chat = self.world.chats[where] if isinstance(where, str) else where
        of_thread = [a for a in chat.shown.values() if not thread or a["conversation"]["id"].endswith(f"={thread}")]
        return sorted(of_thread, key=lambda activity: int(activity["id"]))

    def add_file(self, name: str, media_type: str, data: bytes, *, inline: bool = False) -> Json:
        """The attachment of a file in a one-to-one chat, or of an image pasted into a message."""
        self.files[name] = (media_type, data)
        if inline:
            return {
                "contentType": media_type,
                "contentUrl": f"{self.origin}{PREFIX}/v3/attachments/{name}/views/original",
            }
        content = {
            "downloadUrl": f"{self.origin}/files/{name}?tempauth=x",
            "uniqueId": name,
            "fileType": name.rpartition(".")[2],
        }
        return {"contentType": "application/vnd.microsoft.teams.file.download.info", "name": name, "content": content}

    async def consent(self, who: Member, offered: Json, action: str = "accept") -> Delivery:
        """Answer the offer of a file, as it stands in a message of the bot's; where it may be put is told with the answer."""
        (card,) = offered["attachments"]
        kind, content = card["name"].rpartition(".")[2], card["content"]
        where: Json = {"name": card["name"], "uniqueId": f"unique-{card['name']}", "fileType": kind}
        where |= {"contentUrl": f"https://tenant.sharepoint.com/{card['name']}"}
        value: Json = {"type": "fileUpload", "action": action, "context": content[f"{action}Context"]}
        if action == "accept":
            value["uploadInfo"] = where | {"uploadUrl": f"{self.origin}/drive/{card['name']}"}
        chat = self.world.personal(who)
        return await self.invoke(who, "fileConsent/invoke", value, chat, replyToId=offered["id"])

    async def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    async def _file(self, request: web.Request) -> web.Response:
        self.file_calls.append(dict(request.headers))
        media_type, data = self.files[request.match_info["name"]]
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if "attachments" in request.path and token not in self.identity.issued:
            return web.Response(status=401)
        return web.Response(body=data, content_type=media_type)

    async def _keep(self, request: web.Request) -> web.Response:
        data = await request.read()
        if request.headers.get("Content-Range") != f"bytes 0-{len(data) - 1}/{len(data)}":
            return web.Response(status=400)
        self.drive[request.match_info["name"]] = data
        return web.json_response({}, status=201)
