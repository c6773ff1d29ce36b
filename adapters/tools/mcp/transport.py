"""What goes out to a server and what is let in: one origin, chosen headers, no redirect, no cookie, nothing compressed, nothing endless.

Loaded on first use. Whatever goes wrong on the way becomes an answer of status 599 with a note of why, since the library under us ends
a whole connection, and every call on it, by one exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import httpcore2
import httpx2

from adapters.net.network import AddressRefused
from adapters.tools.mcp.urls import Address
from app.domain.secrets import Secret

LARGEST = 4 * 1024 * 1024
"""Bytes of one answer, before anything of it is understood."""

FAILED = 599
_SENT = ("host", "connection", "accept", "content-type", "content-length", "transfer-encoding", "last-event-id")
_REDIRECTS = range(300, 400)
_FORGOTTEN = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)


@dataclass(slots=True)
class Notes:
    """What the connection's requests came to last, in our words; `sign_in` if the server asked for that."""

    trouble: str = ""
    down: bool = False  # nothing came back at all
    forgotten: bool = False  # the session, most likely: servers say so by 404, or by 400
    sign_in: bool = False

    def clear(self) -> None:
        """Before a call."""
        self.trouble, self.down, self.forgotten, self.sign_in = "", False, False, False


class TooLarge(httpx2.DecodingError):
    """The answer has no end, or is compressed although nobody asked for that."""


FAILURES = (
    httpx2.RequestError,
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
)


class ServerTransport(httpx2.AsyncBaseTransport):
    """Requests to one server. The token is added here, behind the check of where a request goes, and nowhere else."""

    def __init__(
        self, pool: httpcore2.AsyncConnectionPool, address: Address, token: Secret | None, notes: Notes
    ) -> None:
        self._pool = pool
        self._address = address
        self._token = token
        self._notes = notes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, or say why not."""
        try:
            return await self._send(request)
        except FAILURES as error:
            self._notes.trouble, self._notes.down = why(error), not isinstance(error, TooLarge)
            return httpx2.Response(FAILED)

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        port = url.port or {"https": 443, "http": 80}.get(url.scheme, 0)
        if (url.scheme, url.raw_host.decode().strip("[]"), port) != (
            self._address.scheme,
            self._address.host,
            self._address.port,
        ):
            self._notes.trouble = "it points to another place"
            return httpx2.Response(FAILED)
        if request.method == "GET" and "last-event-id" not in request.headers:
            return httpx2.Response(HTTPStatus.METHOD_NOT_ALLOWED)  # no standing stream: nothing is pushed to us
        answer = await self._pool.handle_async_request(
            httpcore2.Request(
                request.method,
                httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=self._headers(request),
                content=cast("AsyncIterable[bytes]", request.stream),
                extensions=request.extensions,
            )
        )
        self._notes.forgotten = answer.status in _FORGOTTEN and "mcp-session-id" in request.headers
        return await self._taken(answer)

    def _headers(self, request: httpx2.Request) -> list[tuple[bytes, bytes]]:
        sent = [
            (name, value)
            for name, value in request.headers.raw
            if name.decode("ascii").lower() in _SENT or name.lower().startswith(b"mcp-")
        ]
        sent += [(b"User-Agent", b"latchkey"), (b"Accept-Encoding", b"identity")]
        if self._token:
            sent.append((b"Authorization", b"Bearer " + self._token.reveal().encode()))
        return sent

    async def _taken(self, answer: httpcore2.Response) -> httpx2.Response:
        left_out = (b"set-cookie", b"location")
        headers = [(name, value) for name, value in answer.headers if name.lower() not in left_out]
        body = Bounded(cast("AsyncIterable[bytes]", answer.stream))
        known = {name.lower(): value for name, value in headers}
        if known.get(b"content-encoding", b"identity").lower() != b"identity":
            await body.aclose()
            raise TooLarge("compressed")
        self._note(answer.status)
        if known.get(b"content-type", b"").lower().startswith(b"text/event-stream"):
            return httpx2.Response(answer.status, headers=headers, stream=body)
        try:
            whole = b"".join([part async for part in body])
        finally:
            await body.aclose()
        kept = [
            (name, value) for name, value in headers if name.lower() not in (b"transfer-encoding", b"content-length")
        ]
        return httpx2.Response(answer.status, headers=kept, content=whole)

    def _note(self, status: int) -> None:
        if status in _REDIRECTS:
            self._notes.trouble = "it redirects to another place"
        elif status == HTTPStatus.UNAUTHORIZED:
            self._notes.sign_in = True
        elif status == HTTPStatus.FORBIDDEN:
            self._notes.trouble = "it does not allow that"
        elif status == HTTPStatus.TOO_MANY_REQUESTS:
            self._notes.trouble = "it is being asked too often"
        elif status >= HTTPStatus.BAD_REQUEST:
            self._notes.trouble = f"it answered with an error ({status})"

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class Bounded(httpx2.AsyncByteStream):
    """A body that ends with TooLarge once it is longer than `largest` bytes."""

    def __init__(self, stream: AsyncIterable[bytes], largest: int = LARGEST) -> None:
        self._stream = stream
        self._left = largest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield self._counted(part)

    def _counted(self, part: bytes) -> bytes:
        self._left -= len(part)
        if self._left < 0:
            raise TooLarge("endless")
        return part

    async def aclose(self) -> None:
        """Close it."""
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


def why(error: Exception) -> str:
    """A failure on the way, in our words, to go on from `it`."""
    if isinstance(error, AddressRefused):
        return "its name leads to a private address"
    if isinstance(error, TooLarge):
        return "its answer is too large"
    if isinstance(error, httpcore2.TimeoutException | asyncio.TimeoutError):
        return "it did not answer in time"
    return "it can't be reached"
