"""Files that people hung on their messages: fetched from Microsoft's hosts and from nowhere else, the bot's token sent to the connector only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

import aiohttp
from yarl import URL

from adapters.teams.http import Http, at_most
from adapters.teams.services import Services, is_below
from adapters.teams.tokens import BotToken
from app.domain.chat import FileRef
from app.errors import PlatformError, PlatformUnavailable

_SHARES = (".sharepoint.com", ".sharepoint.us", ".sharepoint-mil.us")
_SECONDS = 60
_GRAPH = frozenset({"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us"})
_WITHHELD = (
    "Teams gives bots no files from channels and group chats; it can be sent in the one-to-one chat with the app"
)
_IN_GRAPH = "Teams keeps this picture in Microsoft Graph, for which the app has no permission; it can be sent as a file in the one-to-one chat"
_MAGIC = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
    "application/pdf": (b"%PDF-",),
}


class Files:
    """`extra` are whole origins that an operator trusts besides Microsoft's, as in Services; what lies there needs no token."""

    def __init__(self, http: Http, token: BotToken, services: Services, *, extra: Iterable[str] = ()) -> None:
        self._http = http
        self._token = token
        self._services = services
        self._extra = frozenset(one.rstrip("/").lower() for one in extra)

    async def download(self, file: FileRef, limit: int) -> bytes:
        """The bytes; PlatformError when there are more than `limit`, when they are not what they are said to be, or when Teams has none."""
        if not file.url:
            raise PlatformError(_WITHHELD)
        try:
            url = URL(file.url, encoded=True)
        except ValueError:
            raise PlatformError("the file has no usable address") from None
        headers = await self._headers(url)
        try:
            async with (
                asyncio.timeout(_SECONDS),
                self._http.session.get(url, headers=headers, allow_redirects=False) as answer,
            ):
                if answer.status != HTTPStatus.OK:
                    raise PlatformError(f"the file cannot be fetched (status {answer.status})")
                data = await at_most(answer, limit)
        except ValueError:
            raise PlatformError(f"the file is larger than {limit} bytes") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformUnavailable(f"file: {type(error).__name__}") from None
        if not _is(file.media_type, data):
            raise PlatformError("the file is not what its name says")
        return data

    async def _headers(self, url: URL) -> dict[str, str]:
        """A file on a share comes with its permission in the address; one at the connector needs the bot's token."""
        if url.host in _GRAPH:
            raise PlatformError(_IN_GRAPH)
        origin = f"{url.scheme}://{url.authority}".lower()
        if self._services.allows(f"{origin}/"):
            return {"Authorization": f"Bearer {(await self._token.current()).reveal()}"}
        shared = url.scheme == "https" and url.port == 443 and is_below(url.host or "", frozenset(), _SHARES)
        if url.user is not None or not (shared or origin in self._extra):
            raise PlatformError("the file is not at a place of Microsoft's")
        return {}


def _is(media_type: str, data: bytes) -> bool:
    """Whether the first bytes are what such a file begins with, where it has such."""
    if media_type == "image/*" or media_type not in _MAGIC:
        return True
    return data.startswith(_MAGIC[media_type])
