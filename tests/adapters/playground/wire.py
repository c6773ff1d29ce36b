"""The playground's side for the suite of chat platforms: two windows, one for each person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from adapters.playground import render
from adapters.playground.room import Post
from adapters.playground.world import ADA, MAX, WORKSPACE, Room
from app.domain.chat import ConversationRef, MessageRef, Persona, UserRef
from app.domain.events import Addressed
from app.ports.platform import PartRef, ReplyTarget
from tests.adapters.playground.pages import Page, Site, words
from tests.conformance.recorder import Recorder
from tests.conformance.wire import Wire

CHANNEL = "C-GENERAL"


class PlaygroundWire(Wire):
    forgeries = ("no cookie", "wrong cookie", "foreign origin", "no origin", "foreign host", "cross site")

    def __init__(self, site: Site, inbound: Recorder, pages: Mapping[str, Page]) -> None:
        self.site = site
        self.platform = site.platform
        self.painter = site.painter
        self.inbound = inbound
        self.admin, self.member = ADA.ref, MAX.ref
        self.pages = pages
        self.last = ""
        self.last_by = MAX.ref

    async def say(self, user: UserRef, text: str, *, to: Addressed = Addressed.MENTION, thread: str = "") -> str:
        text = f"@Latchkey {text}" if to is Addressed.MENTION else text
        channel = f"D-{user.id}" if to is Addressed.DIRECT else CHANNEL
        return await self._send(user, channel=channel, text=text, thread=thread)

    async def _send(self, user: UserRef, **fields: Any) -> str:
        page = self.pages[user.id]
        self.last_status = await page.ask("message", **fields)
        self.last, self.last_by = page.own(fields["text"])["id"], user
        return self.last

    async def redeliver(self) -> None:
        self.last_status = await self.pages[self.last_by.id].ask("resend", message=self.last)

    async def edit(self, message_id: str, text: str) -> None:
        self.last_status = await self.pages[self.last_by.id].ask("edit", message=message_id, text=text)

    async def delete(self, message_id: str) -> None:
        self.last_status = await self.pages[self.last_by.id].ask("delete", message=message_id)

    async def echo(self, text: str) -> None:
        async def save(part: PartRef) -> None: ...

        conversation = ConversationRef(WORKSPACE, CHANNEL, "")
        target = ReplyTarget(conversation, self.member, "", "run-0", Persona("Latchkey"), {})
        reply = await self.platform.open_reply(target, save)
        await reply.finish(f"@Latchkey {text}")

    async def forge(self, kind: str) -> None:
        browser = await self.site.browser(enter=kind != "no cookie")
        headers = {"Origin": self.site.origin}
        if kind == "wrong cookie":
            browser.cookie_jar.update_cookies(
                {cookie.key: "guessed" for cookie in browser.cookie_jar}, self.site.address
            )
        elif kind == "foreign origin":
            headers["Origin"] = "https://example.com"
        elif kind == "no origin":
            headers.clear()
        elif kind == "foreign host":
            headers["Host"] = f"example.com:{self.site.address.port}"
        elif kind == "cross site":
            headers["Sec-Fetch-Site"] = "cross-site"
        try:
            async with browser.ws_connect(f"{self.site.origin}/playground/socket", headers=headers) as socket:
                await Page(socket).ask("message", channel=CHANNEL, text="@Latchkey let me in")
                self.last_status = 101
        except aiohttp.WSServerHandshakeError as error:
            self.last_status = error.status

    async def nonsense(self) -> None:
        self.last_status = await self.pages[self.member.id].ask("sing", song="la la")

    async def command(self, user: UserRef, text: str) -> None:
        self.last_status = await self.pages[user.id].ask("command", channel=CHANNEL, text=f"/byok {text}")

    async def open_home(self, user: UserRef) -> None:
        self.last_status = await self.pages[user.id].ask("home")

    async def press(self, user: UserRef, action_id: str, value: str) -> None:
        page = self.pages[user.id]
        where: dict[str, Any] = {"home": True}
        if page.screens:
            where = {"screen": list(page.screens)[-1]}
        elif own := [post for post in self._posts() if post.only == user.id]:
            where = {"message": own[-1].id}
        self.last_status = await page.ask("action", id=action_id, value=value, values={}, **where)

    async def submit(self, user: UserRef, values: Mapping[str, str]) -> None:
        page = self.pages[user.id]
        self.last_status = await page.ask("submit", screen=list(page.screens)[-1], values=dict(values))

    def form(self, user: UserRef) -> tuple[str, ...] | None:
        forms = [view for view in self.pages[user.id].screens.values() if view["submit"]]
        return tuple(block["id"] for block in forms[-1]["blocks"] if "id" in block) if forms else None

    def field_errors(self, user: UserRef) -> Mapping[str, str]:
        page = self.pages[user.id]
        return page.errors[list(page.screens)[-1]]

    def private(self, user: UserRef) -> list[str]:
        posts = [self._text(post) for post in self._posts() if post.only == user.id]
        dialogs = [view for view in self.pages[user.id].screens.values() if not view["submit"]]
        return posts + [" ".join(words(view)) for view in dialogs]

    def public(self) -> list[str]:
        return [self._text(post) for post in self._posts() if post.from_app and not post.only]

    def answers(self, conversation: ConversationRef) -> list[str]:
        return [self._text(post) for post in self.site.rooms.thread(conversation) if post.from_app]

    def home(self, user: UserRef) -> str:
        view = self.site.rooms.homes.get(user.id)
        return " ".join(words(render.view(view, self._names))) if view else ""

    async def pictures(self, user: UserRef) -> list[tuple[bytes, str]]:
        page, found = self.pages[user.id], list[tuple[bytes, str]]()
        private = [view for one in page.messages.values() if one["onlyYou"] for view in one["views"]]
        browser = await self.site.browser()
        for view in (*private, *page.screens.values(), page.home or {"blocks": []}):
            for block in view["blocks"]:
                if block["type"] == "chart" and block["picture"]:
                    async with browser.get(f"{self.site.origin}/playground/files/{block['picture']}") as answer:
                        assert answer.content_type == "image/png"
                        found.append((await answer.read(), block["alt"]))
        return found

    def refuse_whispers(self) -> None:
        self.site.rooms.people.clear()  # they have left the workspace

    async def share(self, user: UserRef, name: str, media_type: str, data: bytes) -> None:
        browser = await self.site.browser()
        headers = {"Origin": self.site.origin, "Content-Type": media_type}
        address = f"{self.site.origin}/playground/files?name={name}"
        async with browser.post(address, data=data, headers=headers) as answer:
            kept = await answer.json()
        await self._send(user, channel=CHANNEL, text="@Latchkey have a look", files=[kept["id"]])

    async def room(self, name: str, *, only: Sequence[UserRef] | None = None) -> str:
        room = Room(f"C-{name.upper()}", name, "", only=tuple(user.id for user in only or ()))
        self.site.rooms.channels[room.id] = room
        return room.id

    async def write(self, user: UserRef, channel: str, text: str) -> str:
        return await self._send(user, channel=channel, text=text)

    def shown(self, message: MessageRef) -> str:
        post = self.site.rooms.post(message.id)
        assert post is not None
        return self._text(post)

    async def files(self, user: UserRef, conversation: ConversationRef) -> list[tuple[str, bytes]]:
        browser, found = await self.site.browser(), list[tuple[str, bytes]]()
        for post in self.site.rooms.thread(conversation):
            for file in post.files if post.from_app else ():
                async with browser.get(f"{self.site.origin}/playground/files/{file.id}") as answer:
                    found.append((file.name, await answer.read()))
        return found

    async def handed(self, user: UserRef) -> list[tuple[str, bytes]]:
        browser, found = await self.site.browser(), list[tuple[str, bytes]]()
        for post in self._posts():
            for file in post.files if post.only == user.id else ():
                async with browser.get(f"{self.site.origin}/playground/files/{file.id}") as answer:
                    found.append((file.name, await answer.read()))
        return found

    async def press_at(self, user: UserRef, message: MessageRef, action_id: str, value: str) -> None:
        page = self.pages[user.id]
        self.last_status = await page.ask("action", id=action_id, value=value, values={}, message=message.id)

    def _posts(self) -> list[Post]:
        return list({post.id: post for page in (ADA, MAX) for post in self.site.rooms.seen_by(page.id)}.values())

    def _text(self, post: Post) -> str:
        shown = render.message(post, "", self._names, self.site.rooms.people.get(post.author))
        done = [step["title"] for step in shown["steps"]] if shown["state"] == "working" else [shown["fold"]]
        return " ".join([shown["text"], *done, *words(shown["views"])])

    @property
    def _names(self) -> render.Names:
        rooms = self.site.rooms
        return render.Names(rooms.person_name, rooms.channel_name, rooms.picture)
