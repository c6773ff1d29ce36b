"""A server of tools on loopback, made of the `mcp` package's own server: with open doors, with a token, or with its OAuth."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import anyio
import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions
from mcp.types import ToolAnnotations
from pydantic import AnyHttpUrl
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.fakes.mcp_sign_in import SignInDesk

SAYS = "Adds two numbers."


@dataclass
class Seen:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class FakeMcpServer:
    """An async context manager. `answer_with` is a status that every request gets instead, `redirect_to` an address that it is sent to."""

    token: str = ""
    oauth: bool = False
    legacy: bool = False
    lifetime: int | None = 3600  # of the OAuth tokens, in seconds
    port: int = 0
    answer_with: int = 0
    redirect_to: str = ""
    raw: bytes = b""  # an answer's body, whatever was asked
    requests: list[Seen] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        self.desk = SignInDesk(self.lifetime)
        self.server = MCPServer("fake", **self._auth())
        self._add_tools()
        app = self.server.streamable_http_app(stateless_http=not self.legacy)
        config = uvicorn.Config(
            self._watched(app), lifespan="on", log_config=None, ws="none", timeout_graceful_shutdown=1
        )
        self._uvicorn = _Quiet(config)
        self._task = asyncio.create_task(self._uvicorn.serve([self._socket]))
        while not self._uvicorn.started:
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release.set()
        self._uvicorn.should_exit = True
        await self._task
        self._socket.close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/mcp"

    @property
    def host(self) -> str:
        """As LATCHKEY_MCP_HOSTS lists it."""
        return f"127.0.0.1:{self.port}"

    def replace(self, name: str, does: Callable[..., Any], description: str) -> None:
        """Let a tool be another one from now on, under its name."""
        self.server.remove_tool(name)
        self.server.add_tool(does, name=name, description=description)

    def tokens(self) -> list[str]:
        """What came as Authorization, request by request."""
        return [seen.headers.get("authorization", "") for seen in self.requests]

    def _auth(self) -> dict[str, Any]:
        if not self.oauth:
            return {}
        settings = AuthSettings(
            issuer_url=AnyHttpUrl(self.origin),
            resource_server_url=AnyHttpUrl(self.url),
            client_registration_options=ClientRegistrationOptions(enabled=True, valid_scopes=["tools"], default_scopes=["tools"]),
            required_scopes=["tools"],
            validate_token_resource=True,
        )  # fmt: skip
        return {"auth": settings, "auth_server_provider": self.desk}

    def _add_tools(self) -> None:
        def add(a: int, b: int) -> str:
            self.calls.append("add")
            return str(a + b)

        def whoami() -> str:
            return f"You came with {self.requests[-1].headers.get('authorization', 'nothing')}."

        def fail() -> str:
            raise ValueError("inner")

        def big(size: int) -> str:
            return "x" * size

        async def hang() -> str:
            self.calls.append("hang")
            await self.release.wait()
            await anyio.lowlevel.checkpoint()
            return "late"

        self.server.add_tool(add, description=SAYS, annotations=ToolAnnotations(title="Add", read_only_hint=True))
        for does, says in ((whoami, "Says who asks."), (fail, "Fails."), (big, "Says much."), (hang, "Never ends.")):
            self.server.add_tool(does, description=says)

    def _watched(self, app: ASGIApp) -> ASGIApp:
        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            seen = Seen(scope["method"], scope["path"], headers)
            self.requests.append(seen)

            async def received() -> Any:
                message = await receive()
                seen.body += message.get("body", b"")
                return message

            if self.redirect_to:
                await _answer(send, 307, [(b"location", self.redirect_to.encode())])
            elif self.answer_with:
                await _answer(send, self.answer_with, [])
            elif self.raw:
                await _answer(send, 200, [(b"content-type", b"application/json")], self.raw)
            elif self.token and headers.get("authorization") != f"Bearer {self.token}":
                await _answer(send, 401, [(b"www-authenticate", b'Bearer error="invalid_token"')])
            else:
                await app(scope, received, send)

        return watched


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Quiet(uvicorn.Server):
    """Leaves the signals to the test runner."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
