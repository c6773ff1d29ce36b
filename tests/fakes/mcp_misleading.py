"""A server that says of its sign-ins what it likes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from aiohttp import web


class MisleadingServer:
    """An async context manager. `metadata` overrides what its authorisation server says; a None is left out."""

    def __init__(self, *, metadata: Mapping[str, object] | None = None, resource: str = "") -> None:
        self._metadata = dict(metadata or {})
        self._resource = resource
        app = web.Application()
        app.add_routes(
            [
                web.post("/mcp", self._mcp),
                web.get("/.well-known/oauth-protected-resource/mcp", self._protected),
                web.get("/.well-known/oauth-authorization-server", self._server),
                web.post("/register", self._register),
            ]
        )
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self.origin = f"http://{self.host}"
        self.url = f"{self.origin}/mcp"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _mcp(self, request: web.Request) -> web.Response:
        return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})

    async def _protected(self, request: web.Request) -> web.Response:
        return web.json_response({"resource": self._resource or self.url, "authorization_servers": [self.origin]})

    async def _server(self, request: web.Request) -> web.Response:
        told: dict[str, Any] = {
            "issuer": self.origin,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "registration_endpoint": f"{self.origin}/register",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }
        told = {name: value for name, value in (told | self._metadata).items() if value is not None}
        return web.json_response(told)

    async def _register(self, request: web.Request) -> web.Response:
        return web.json_response({"client_id": "c1", **await request.json()}, status=201)
