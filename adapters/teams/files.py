"""Files that people hung on their messages: fetched from Microsoft's hosts and from nowhere else, the bot's token sent to the connector only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus

import aiohttp
from yarl import URL

from adapters.teams.http import Http, at_most
from adapters.teams.services import Services, is_below
from adapters.teams.tokens import BotToken
from app.domain.chat import FileRef
from app.domain.files import picture_type
from app.domain.secrets import Secret
from app.errors import PlatformError, PlatformUnavailable

_SHARES = (".sharepoint.com", ".sharepoint.us", ".sharepoint-mil.us", ".sharepoint.cn")
_TIME = aiohttp.ClientTimeout(total=60, connect=5)
_GRAPH = frozenset(
    {"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn"}
)
_ATTACHMENT = re.compile(r"(?:/[\w-]+){0,3}/v3/attachments/[\w-][\w.-]*/views/[\w-]+", re.ASCII)
_GONE = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_WITHHELD = (
    "Teams gives bots no files from channels and group chats; it can be sent in the one-to-one chat with the app"
)
_NO_PICTURE = "Teams did not hand this picture to the app; it can be sent as a file in the one-to-one chat"
_IN_GRAPH = "Teams keeps this picture in Microsoft Graph, for which the app has no permission; it can be sent as a file in the one-to-one chat"
_EXPIRED = (
    "Teams does not hand it over, or not any more: such an address holds for some minutes only; it can be sent again"
)
_ELSEWHERE = "it is not at a place from which Teams gives files"
_PICTURES = frozenset({"image/*", "image/png", "image/jpeg", "image/gif", "image/webp"})
_PDF = b"%PDF-"


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
            raise PlatformError(_NO_PICTURE if file.media_type == "image/*" else _WITHHELD)
        url = _address(file.url)
        if url.host in _GRAPH:
            raise PlatformError(_IN_GRAPH)
        if self._is_attachment(url):
            data = await self._with_token(url, limit)
        elif self._is_shared(url):
            data = await self._fetched(url, limit, {})
        else:
            raise PlatformError(_ELSEWHERE)
        if data is None:
            raise PlatformError(_EXPIRED)
        if not _is(file.media_type, data):
            raise PlatformError("the file is not what its name says")
        return data

    async def _with_token(self, url: URL, limit: int) -> bytes | None:
        """What the connector keeps it gives to the bot; a token that it does not take any more is replaced once."""
        token = await self._current()
        data = await self._fetched(url, limit, _bearer(token))
        if data is None:
            self._token.drop(token)
            data = await self._fetched(url, limit, _bearer(await self._current()))
        return data

    async def _current(self) -> Secret:
        try:
            return await self._token.current()
        except PlatformError as error:  # what is wrong with our registration is nothing about the file
            raise PlatformUnavailable(error.message) from None

    async def _fetched(self, url: URL, limit: int, headers: dict[str, str]) -> bytes | None:
        """The body, measured as it is after decompression; None where it is not given to us."""
        try:
            async with self._http.session.get(url, headers=headers, allow_redirects=False, timeout=_TIME) as answer:
                if answer.status in _GONE:
                    return None
                if answer.status >= 500 or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
                    raise PlatformUnavailable(f"file: status {answer.status}")
                if answer.status != HTTPStatus.OK:
                    raise PlatformError(f"the file cannot be fetched (status {answer.status})")
                return await at_most(answer, limit)
        except (aiohttp.ClientError, OSError) as error:
            raise PlatformUnavailable(f"file: {type(error).__name__}") from None
        except ValueError:
            raise PlatformError(f"the file is larger than {limit} bytes") from None

    def _is_attachment(self, url: URL) -> bool:
        """Whether it is an attachment at the connector: with the bot's token, nothing else there may be read on a message's word."""
        return self._services.allows(f"{_origin(url)}/") and _ATTACHMENT.fullmatch(url.raw_path) is not None

    def _is_shared(self, url: URL) -> bool:
        """Whether it is a file on a share, which comes with its permission in the address."""
        shared = url.scheme == "https" and url.port == 443 and is_below(url.host or "", frozenset(), _SHARES)
        return url.user is None and (shared or _origin(url) in self._extra)


def _address(told: str) -> URL:
    """An address as it was told; whatever is odd about it is refused."""
    if not told.isascii() or not told.isprintable() or any(odd in told for odd in " \\"):
        raise PlatformError(_ELSEWHERE)
    try:
        url = URL(told, encoded=True)
        _ = url.authority  # only now its port is looked at
    except ValueError:
        raise PlatformError(_ELSEWHERE) from None
    return url


def _origin(url: URL) -> str:
    return f"{url.scheme}://{url.authority}".lower()


def _bearer(token: Secret) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.reveal()}"}


def _is(media_type: str, data: bytes) -> bool:
    """Whether the first bytes are such a file's. One kind of picture under another's name is shown all the same, and looked at for what it is."""
    if media_type in _PICTURES:
        return bool(picture_type(data))
    return data.startswith(_PDF) if media_type == "application/pdf" else True
