"""One HTTP session for everything that this adapter asks of Microsoft."""

from __future__ import annotations

import json
from http import HTTPStatus

import aiohttp

from adapters.teams.payload import Json
from app.errors import PlatformUnavailable

_MOST = 2**20


class Http:
    """Made on first use (it needs a running loop); follows no redirects and reads no proxy from the environment."""

    def __init__(self, *, timeout: float = 20, connect: float = 5, connections: int = 100) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=connect)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session; callers pass `allow_redirects=False`."""
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=60)
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def get_json(self, url: str) -> Json:
        """An object published at a URL; raises PlatformUnavailable, whatever is wrong with it."""
        try:
            async with self.session.get(url, allow_redirects=False) as answer:
                if answer.status != HTTPStatus.OK:
                    raise PlatformUnavailable(f"status {answer.status}")
                return parsed(await at_most(answer, _MOST))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise PlatformUnavailable(type(error).__name__) from None

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()


async def at_most(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body; ValueError when there is more than `limit`."""
    chunks, size = [], 0
    async for chunk in answer.content.iter_chunked(65_536):
        size += len(chunk)
        if size > limit:
            raise ValueError("too large")
        chunks.append(chunk)
    return b"".join(chunks)


def parsed(body: bytes) -> Json:
    """The JSON object in a body; an empty one for an empty body, ValueError for anything else."""
    if not body.strip():
        return {}
    try:
        found = json.loads(body)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 - JSON of another shape is a bad value
    return found
