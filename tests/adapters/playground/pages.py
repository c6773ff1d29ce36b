"""A page of the playground without a browser: it holds a window's WebSocket and remembers what a page would show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any, Self

import aiohttp
from aiohttp import web
from yarl import URL

from adapters.playground.platform import Playground
from adapters.playground.room import Rooms
from adapters.playground.server import PlaygroundServer
from app.ports.inbound import Inbound
from tests.fakes.charts import FakePainter

TOKEN = "token-of-the-test"  # gitleaks:allow
Event = dict[str, Any]


class Site:
    """The adapter, served on loopback, with pages that belong to it."""

    def __init__(self, inbound: Inbound, rooms: Rooms | None = None) -> None:
        self.inbound = inbound
        self.painter = FakePainter()
        self.rooms = rooms or Rooms(self.painter)
        self.platform = Playground(self.rooms)
        self.server = PlaygroundServer(self.rooms, inbound, TOKEN)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.add_routes(self.server.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port: int = runner.addresses[0][1]
        self.address = URL(self.server.address("127.0.0.1", port))
        self.origin = f"http://127.0.0.1:{port}"
        self._stack.callback(self.server.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def browser(self, *, enter: bool = True) -> aiohttp.ClientSession:
        """A browser with its own cookies; let in unless told otherwise."""
        session = await self._stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        )
        if enter:
            async with session.get(self.address) as answer:
                assert answer.status == 200
        return session

    async def page(self, person: str = "U-ADA", browser: aiohttp.ClientSession | None = None) -> Page:
        """A window that is open as this person."""
        session = browser or await self.browser()
        socket = await session.ws_connect(
            f"{self.origin}/playground/socket?as={person}", headers={"Origin": self.origin}
        )
        page = Page(socket)
        self._stack.push_async_callback(page.close)
        await page.until(lambda: page.snapshot)
        return page


class Page:
    """What one window was told. `ask` returns when the server has dealt with the frame, and everything it caused is here."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.snapshot: Event = {}
        self.messages: dict[str, Event] = {}
        self.screens: dict[str, Event] = {}
        self.errors: dict[str, dict[str, str]] = {}
        self.home: Event | None = None
        self.problems: list[str] = []
        self.statuses: dict[int, int] = {}
        self.appended: list[str] = []
        self._number = 0
        self._reader = asyncio.create_task(self._read())

    async def close(self) -> None:
        await self.socket.close()
        await self._reader

    @property
    def closed(self) -> bool:
        return self._reader.done()

    async def ask(self, kind: str, **fields: Any) -> int:
        """Send a frame; the status of its answer."""
        self._number += 1
        number = self._number
        await self.socket.send_str(json.dumps({"t": kind, "n": number, **fields}))
        await self.until(lambda: number in self.statuses)
        return self.statuses[number]

    async def until(self, condition: Any, seconds: float = 5) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)

    def own(self, text: str) -> Event:
        """The newest message with this text."""
        return next(one for one in reversed(self.messages.values()) if one["text"] == text)

    async def _read(self) -> None:
        async for message in self.socket:
            self._take(json.loads(message.data))

    def _take(self, event: Event) -> None:
        match event["t"]:
            case "snapshot":
                self.snapshot = event
                self.messages = {one["id"]: one for one in event["messages"]}
                self.home = event["home"]
            case "message":
                self.messages[event["message"]["id"]] = event["message"]
            case "append":
                message = self.messages[event["id"]]
                assert message["rev"] + 1 == event["rev"]
                message["text"] += event["text"]
                message["rev"] = event["rev"]
                self.appended.append(event["text"])
            case "removed":
                self.messages.pop(event["id"], None)
            case "home":
                self.home = event["view"]
            case "open" | "replace":
                self.screens[event["screen"]] = event["view"]
                self.errors.pop(event["screen"], None)
            case "close":
                self.screens.pop(event["screen"], None)
            case "errors":
                self.errors[event["screen"]] = event["errors"]
            case "problem":
                self.problems.append(event["text"])
            case "done":
                self.statuses[event["n"]] = event["status"]


def words(value: object) -> Iterator[str]:
    """Every text in a piece of JSON, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from words(one)
    elif isinstance(value, list):
        for one in value:
            yield from words(one)
