"""Files of agents on their way to people: a picture stands in the message; any other file the person takes into their own OneDrive.

Teams lets bots send files in one-to-one chats only, and only after the person has agreed. Until then the file waits here, in memory, for a
quarter of an hour at most.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
import structlog
from yarl import URL

from adapters.teams.addresses import Addresses
from adapters.teams.answer import MADE_BY_AI
from adapters.teams.connector import Connector
from adapters.teams.handle import OURS, Consent
from adapters.teams.http import Http
from adapters.teams.payload import Json
from adapters.teams.services import is_below
from adapters.teams.where import Where
from adapters.teams.whispers import Whispers
from app.domain.chat import Place, UserRef
from app.domain.files import picture_type
from app.domain.run import MadeFile
from app.errors import NotReachable, PlatformError, PlatformUnavailable
from app.ports.platform import ReplyTarget

log = structlog.get_logger(__name__)

_CONSENT = "application/vnd.microsoft.teams.card.file.consent"
_INFO = "application/vnd.microsoft.teams.card.file.info"
_INLINE = 1_000_000
"""Bytes of a picture within a message."""
_WAITS = 900.0
_MOST = 32 * 2**20
_SHARES = (".sharepoint.com", ".sharepoint.us", ".sharepoint-mil.us", ".1drv.com", ".onedrive.com")
_ODD = re.compile(r"[\x00-\x1f\x7f/\\<>:\"|?*#%\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
_TIME = aiohttp.ClientTimeout(total=120, connect=5)
_NOT_HERE = "Teams takes files from an app in the one-to-one chat with it only. Ask there for this file."
_TOO_LATE = "That file is not here any more: files wait for a quarter of an hour. Ask for it again."


@dataclass(frozen=True, slots=True)
class _Waiting:
    user: UserRef
    name: str
    data: bytes = field(repr=False)
    until: float = 0.0


class Uploads:
    """`extra` are whole origins that an operator trusts besides Microsoft's, as in Services."""

    def __init__(
        self,
        connector: Connector,
        addresses: Addresses,
        whispers: Whispers,
        http: Http,
        *,
        extra: Iterable[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connector = connector
        self._addresses = addresses
        self._whispers = whispers
        self._http = http
        self._extra = frozenset(one.rstrip("/").lower() for one in extra)
        self._now = monotonic
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()

    async def send(self, target: ReplyTarget, file: MadeFile) -> None:
        """Send a file to the thread. Raises NotReachable where Teams takes no such file."""
        data, name = _bytes_of(file), _safe_name(file.name)
        place = await self._addresses.at(target.conversation, target.hints)
        if (kind := picture_type(data)) and len(data) <= _INLINE:
            url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
            await self._post(place, {"contentType": kind, "contentUrl": url, "name": name}, [MADE_BY_AI])
        elif target.conversation.place is not Place.DIRECT:
            raise NotReachable(_NOT_HERE)
        else:
            await self._offer(place, target.asker, name, data)

    async def hand(self, user: UserRef, file: MadeFile) -> None:
        """Offer a file in the person's own chat. Raises NotReachable where there is none."""
        await self._offer(await self._whispers.chat_with(user), user, _safe_name(file.name), _bytes_of(file))

    async def answered(self, consent: Consent, user: UserRef, place: Where) -> None:
        """The person agreed, or did not. Raises PlatformError."""
        waiting = self._waiting.pop(consent.token, None)
        if waiting is not None and waiting.user != user:
            self._waiting[consent.token] = waiting
            return
        if consent.card:
            await self._whispers.take_back(place, consent.card)
        if not consent.agreed:
            return
        if waiting is None or waiting.until < self._now():
            await self._whispers.say(place, _TOO_LATE, {})
            return
        await self._put(consent.url, waiting.data)
        content = {"uniqueId": consent.unique, "fileType": consent.kind}
        shown: Json = {"contentType": _INFO, "contentUrl": consent.shown_at, "content": content}
        await self._post(place, shown | {"name": consent.name or waiting.name}, [])

    async def _offer(self, place: Where, user: UserRef, name: str, data: bytes) -> None:
        token = secrets.token_hex(16)
        self._waiting[token] = _Waiting(user, name, data, self._now() + _WAITS)
        self._make_room()
        context = {OURS: token}
        content: Json = {"description": "Made for you just now", "sizeInBytes": len(data)}
        content |= {"acceptContext": context, "declineContext": context}
        await self._post(place, {"contentType": _CONSENT, "name": name, "content": content}, [])

    def _make_room(self) -> None:
        for token in [token for token, one in self._waiting.items() if one.until < self._now()]:
            del self._waiting[token]
        while len(self._waiting) > 1 and sum(len(one.data) for one in self._waiting.values()) > _MOST:
            self._waiting.popitem(last=False)

    async def _post(self, place: Where, attachment: Json, entities: list[Json]) -> None:
        await self._connector.send(place, {"type": "message", "attachments": [attachment], "entities": entities})

    async def _put(self, told: str, data: bytes) -> None:
        """The address holds the permission: it is called without any token of ours."""
        headers = {"Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}", "Content-Type": "application/octet-stream"}
        asked = self._http.session.put(
            self._checked(told), data=data, headers=headers, allow_redirects=False, timeout=_TIME
        )
        try:
            async with asked as answer:
                if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                    raise PlatformError(f"the file was not taken (status {answer.status})")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformUnavailable(f"file: {type(error).__name__}") from None

    def _checked(self, told: str) -> URL:
        if not told.isascii() or not told.isprintable() or any(odd in told for odd in " \\"):
            raise PlatformError("the place for the file is not at Microsoft")
        try:
            url = URL(told, encoded=True)
            shared = url.scheme == "https" and url.port == 443 and is_below(url.host or "", frozenset(), _SHARES)
            trusted = f"{url.scheme}://{url.authority}".lower() in self._extra
        except ValueError:
            shared = trusted = False
        if not (shared or trusted) or url.user is not None:
            raise PlatformError("the place for the file is not at Microsoft")
        return url


def _bytes_of(file: MadeFile) -> bytes:
    try:
        data = base64.b64decode(file.data, validate=True)
    except (binascii.Error, ValueError):
        raise PlatformError("that is no file") from None
    if not data:
        raise PlatformError("the file is empty")
    return data


def _safe_name(name: str) -> str:
    return _ODD.sub("_", name).strip(" ._")[-100:] or "file"
