"""What goes out to a provider and what is let in: chosen headers only, no cookies, nothing compressed, nothing endless. Loaded on first use."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import cast

import httpcore2
import httpx2

SENT = frozenset(
    {
        "host", "connection", "accept", "authorization", "x-api-key", "anthropic-version", "anthropic-beta",
        "content-type", "content-length", "transfer-encoding", "idempotency-key",
    }
)  # fmt: skip
"""Headers that leave. Others are the SDKs' talk about this machine, or come from environment variables such as
ANTHROPIC_CUSTOM_HEADERS and OPENAI_ORG_ID, which the SDKs read whatever they are told."""

LARGEST = 32 * 1024 * 1024
"""Bytes of one answer; a listing of every model there is has one or two."""


class TooLarge(httpx2.DecodingError):
    """The answer has no end, or is compressed although nobody asked for that."""


class ModelTransport(httpx2.AsyncBaseTransport):
    """A connection pool with these habits; errors are httpx2's, AddressRefused among their causes."""

    def __init__(self, pool: httpcore2.AsyncConnectionPool, *, largest: int = LARGEST) -> None:
        self._pool = pool
        self._largest = largest

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        headers = [(name, value) for name, value in request.headers.raw if name.decode("ascii").lower() in SENT]
        headers += [(b"User-Agent", b"latchkey"), (b"Accept-Encoding", b"identity")]
        url = request.url
        asked = httpcore2.Request(
            request.method,
            httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=headers,
            content=cast("AsyncIterable[bytes]", request.stream),
            extensions=request.extensions,
        )
        try:
            answer = await self._pool.handle_async_request(asked)
        except Exception as error:
            raise _as_httpx2(error) from error
        kept = [(name, value) for name, value in answer.headers if name.lower() != b"set-cookie"]
        body = _Bounded(cast("AsyncIterable[bytes]", answer.stream), self._largest)
        if any(name.lower() == b"content-encoding" and value.lower() != b"identity" for name, value in kept):
            await body.aclose()
            raise TooLarge("compressed")
        return httpx2.Response(answer.status, headers=kept, stream=body, extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes], largest: int) -> None:
        self._stream = stream
        self._left = largest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                yield self._counted(part)
        except Exception as error:
            raise _as_httpx2(error) from error

    def _counted(self, part: bytes) -> bytes:
        self._left -= len(part)
        if self._left < 0:
            raise TooLarge("endless")
        return part

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


def _as_httpx2(error: Exception) -> Exception:
    """httpx2's counterpart of an httpcore2 error: they have the same names."""
    for kind in type(error).__mro__:
        known = getattr(httpx2, kind.__name__, None) if kind.__module__.startswith("httpcore2") else None
        if isinstance(known, type) and issubclass(known, httpx2.TransportError):
            return known(kind.__name__)
    return error
