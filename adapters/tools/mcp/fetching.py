"""Single requests to addresses that strangers name: judged, without redirects or cookies, small. Loaded on first use."""

from __future__ import annotations

from collections.abc import AsyncIterable, Collection
from typing import cast

import httpcore2
import httpx2

from adapters.tools.mcp.pools import Pools
from adapters.tools.mcp.transport import FAILURES, Bounded, why
from adapters.tools.mcp.urls import judged
from app.errors import BadInput
from app.ports.mcp import McpTrouble

LARGEST = 256 * 1024
_SENT = ("host", "accept", "authorization", "content-type", "content-length", "mcp-protocol-version")
_TIMES = {"connect": 5.0, "read": 10.0, "write": 10.0, "pool": 5.0}


class Fetcher:
    """Sends one request at a time, each on a connection of its own."""

    def __init__(self, pools: Pools, private_hosts: Collection[tuple[str, int]]) -> None:
        self._pool = pools.pool(keep=0)
        self._private_hosts = private_hosts

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """The whole answer, whatever its status; a redirect is one too. Raises McpTrouble."""
        try:
            address = judged(str(request.url), self._private_hosts)
        except BadInput:
            raise McpTrouble("its sign-in is at an address that may not be called") from None
        headers = [(name, value) for name, value in request.headers.raw if name.decode("ascii").lower() in _SENT]
        headers += [(b"User-Agent", b"latchkey"), (b"Accept-Encoding", b"identity")]
        asked = httpcore2.Request(
            request.method,
            str(address),
            headers=headers,
            content=cast("AsyncIterable[bytes]", request.stream),
            extensions={"timeout": _TIMES},
        )
        try:
            answer = await self._pool.handle_async_request(asked)
            body = Bounded(cast("AsyncIterable[bytes]", answer.stream), LARGEST)
            try:
                whole = b"".join([part async for part in body])
            finally:
                await body.aclose()
        except FAILURES as error:
            raise McpTrouble(f"its sign-in can't be used: {why(error)}") from None
        kept = [
            (name, value) for name, value in answer.headers if name.lower() in (b"content-type", b"www-authenticate")
        ]
        return httpx2.Response(answer.status, headers=kept, content=whole, request=request)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()
