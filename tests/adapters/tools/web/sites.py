"""Sites on loopback with names of their own, a place inside that nobody must reach, and every connection of this process written down."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from adapters.tools.web.client import PublicWeb
from app.ports.web import WebAddress

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
_watching: list[list[tuple[Any, ...]]] = []


def _note(event: str, about: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _watching and about[0].family in (socket.AF_INET, socket.AF_INET6):
        for connections in _watching:
            connections.append(about[1])


sys.addaudithook(_note)  # it sees every connect() of Python's, whoever asks for it; it can't be taken off again


@contextmanager
def watched() -> Iterator[list[tuple[Any, ...]]]:
    """Where this process connects to meanwhile, as the socket is told."""
    connections: list[tuple[Any, ...]] = []
    _watching.append(connections)
    try:
        yield connections
    finally:
        _watching.remove(connections)


@dataclass
class Inside:
    """A service inside, on both loopback addresses; it counts who comes."""

    port: int
    accepted: int = 0


@asynccontextmanager
async def inside() -> AsyncIterator[Inside]:
    """It listens; at the end it is shown that it would have noticed."""

    async def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place.accepted += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nsecret")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    place = Inside(server.sockets[0].getsockname()[1])
    six = await asyncio.start_server(meet, "::1", place.port) if socket.has_ipv6 else None
    yield place
    seen = place.accepted
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    assert b"secret" in await reader.read()
    writer.close()
    assert place.accepted == seen + 1, "it does not count"
    for one in filter(None, (server, six)):
        one.close()
        await one.wait_closed()


class Names:
    """A name service: each lookup of a name takes its next answer, the last one stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []

    def tell(self, name: str, *answers: list[str]) -> None:
        self.answers[name] = list(answers)

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        known = self.answers.get(host)
        if not known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return known.pop(0) if len(known) > 1 else known[0]


@dataclass
class Site:
    """A server that does what `answers` say, by path, and remembers what it was asked."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)
    peers: set[Any] = field(default_factory=set)
    bodies: list[bytes] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "site.example") -> str:
        return f"http://{host}:{self.port}{path}"

    def redirect(self, path: str, to: str, status: int = 302) -> str:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers={"Location": to, "Set-Cookie": "who=you"})

        self.answers[path] = answer
        return self.url(path)

    def text(self, path: str, text: str, **more: Any) -> str:
        return self.gives(path, text.encode(), **{"content_type": "text/plain", **more})

    def gives(self, path: str, body: bytes, **more: Any) -> str:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(body=body, **more)

        self.answers[path] = answer
        return self.url(path)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.peers.add(request.transport and request.transport.get_extra_info("peername"))
        self.bodies.append(await request.read())
        answer = self.answers.get(request.path)
        return await answer(request) if answer else web.Response(status=404, text="not here")


@asynccontextmanager
async def site(tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    made = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


def client(site: Site, names: Names, **more: Any) -> PublicWeb:
    """A client for which this site is somewhere on the internet, under three names."""
    hosts = ("site.example", "www.site.example", "other.example")
    for host in hosts:
        names.tell(host, ["127.0.0.1"])
    return PublicWeb(private_hosts=[f"{host}:{site.port}" for host in hosts], resolve=names, **more)


def anywhere(_: WebAddress) -> bool:
    """A policy that lets everything pass: what is refused then is refused by the client."""
    return True
