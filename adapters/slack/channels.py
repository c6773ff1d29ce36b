"""Channels for tools: which there are, who can read them, and what was said in them. Whether who asks may is looked at each time."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar

import structlog

from adapters.slack.history import aside, message_of
from adapters.slack.identity import Json, items, obj, string
from adapters.slack.installations import Installation, Installations
from adapters.slack.people import People, kind_of
from adapters.slack.web_api import SlackRefused, WebApi
from app.domain.chat import HistoryMessage, MemberKind, UserRef
from app.errors import NotReachable, PlatformError
from app.ports.platform import ChannelInfo, Readers

log = structlog.get_logger(__name__)

T = TypeVar("T")

_ID = re.compile(r"(?:<#)?([CG][A-Z0-9]{2,})(?:\|[^>]*>|>)?")
_INSIDERS = (MemberKind.OWNER, MemberKind.ADMIN, MemberKind.MEMBER)
_PAGE = 1000
_MOST_PAGES = 20
_MOST_MESSAGES = 200
_NAMES_FOR = 300.0
_GUESTS_FOR = 120.0
_FRESH = 10.0
_MOST_KEPT = 200
_REASONS = {
    "not_in_channel": "The app is not in that channel. Invite it there first.",
    "missing_scope": "The app was installed without the right to read channels. An admin has to install it again.",
}
NOT_READABLE = "There is no such channel, or the person who asks cannot read it."


class Channels:
    """Names of channels are remembered for minutes; what they are and who is in them for seconds, the length of a tool call.

    Each of its several looks would else cost a share of the fifty that Slack allows a minute.
    """

    def __init__(
        self,
        web: WebApi,
        installations: Installations,
        people: People,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._web = web
        self._installations = installations
        self._people = people
        self._now = monotonic
        self._names: dict[str, tuple[float, dict[str, str]]] = {}
        self._strange: dict[str, tuple[float, frozenset[str]]] = {}
        self._seen: OrderedDict[tuple[str, str], tuple[float, Json]] = OrderedDict()
        self._inside: OrderedDict[tuple[str, str], tuple[float, frozenset[str]]] = OrderedDict()

    async def find(self, asker: UserRef, name: str) -> ChannelInfo | None:
        """The channel of that name or id, if the asker can read it."""
        here = await self._installations.of(asker.workspace)
        found = await self._described(here, name.strip())
        return described(found) if found and await self._may_read(here, asker, found) else None

    async def readers(self, workspace: str, channel: str) -> Readers:
        """Who can read it; doubt is nobody."""
        shared = False
        try:
            here = await self._installations.of(workspace)
            info = described(await self._info(here, channel))
            shared = info.shared
            guests = await self._guests(here)
            members = await self._members(here, channel) if guests or not info.open else frozenset()
        except PlatformError as error:
            log.info("slack does not tell who reads a channel", reason=error.message)
            return Readers(False, shared=shared)
        people = frozenset() if info.open else members - {here.me.bot_user}
        return Readers(info.open, people, shared, members & guests)

    async def history(self, asker: UserRef, channel: str, limit: int, before: str) -> tuple[HistoryMessage, ...]:
        """The newest messages of a channel, without replies in threads, oldest first."""
        here = await self._installations.of(asker.workspace)
        found = await self._described(here, channel)
        if not found or not await self._may_read(here, asker, found):
            raise NotReachable(NOT_READABLE)
        args: dict[str, Any] = {"channel": channel, "limit": max(1, min(limit, _MOST_MESSAGES))}
        args |= {"latest": before} if before else {}
        try:
            page = await self._web.form(here.token, "conversations.history", args)
        except SlackRefused as error:
            raise NotReachable(_REASONS.get(error.error, error.message)) from None
        said = [obj(one) for one in items(page.get("messages"))]
        made = [message_of(one, here.me) for one in reversed(said) if not aside(one)]
        return tuple(one for one in made if one is not None)[-limit:] if limit > 0 else ()

    async def _described(self, here: Installation, name: str) -> Json:
        """What Slack tells of a channel, by its id or by its name; empty where there is none that the app knows of."""
        by_id = _ID.fullmatch(name)
        try:
            if by_id:
                return await self._info(here, by_id[1])
            wanted = name.removeprefix("#")
            channel = (await self._known_names(here)).get(wanted)
            found = await self._info(here, channel) if channel else {}
        except SlackRefused as error:
            log.info("slack does not tell of a channel", reason=error.message)
            return {}
        return (
            found if wanted in {found.get("name"), found.get("name_normalized")} else {}
        )  # it may be another's by now

    async def _info(self, here: Installation, channel: str) -> Json:
        key = (here.me.workspace, channel)
        kept = _fresh(self._seen, key, self._now())
        if kept is not None:
            return kept
        found = obj((await self._web.form(here.token, "conversations.info", {"channel": channel})).get("channel"))
        _keep(self._seen, key, self._now(), found)
        return found

    async def _may_read(self, here: Installation, asker: UserRef, channel: Json) -> bool:
        """Members of the workspace read what is open; guests and outsiders, and of private channels everybody, where they are members."""
        if channel.get("is_im") is True:
            return False
        if described(channel).open and await self._people.kind(asker) in _INSIDERS:
            return True
        try:
            return asker.id in await self._members(here, string(channel.get("id")))
        except SlackRefused:
            return False

    async def _members(self, here: Installation, channel: str) -> frozenset[str]:
        """Everybody in a channel. Raises PlatformError where there are more than can be read through."""
        key = (here.me.workspace, channel)
        kept = _fresh(self._inside, key, self._now())
        if kept is not None:
            return kept
        pages = [page async for page in self._pages(here, "conversations.members", {"channel": channel})]
        found = frozenset(string(member) for page in pages for member in items(page.get("members")))
        _keep(self._inside, key, self._now(), found)
        return found

    async def _guests(self, here: Installation) -> frozenset[str]:
        """The workspace's guests, who read of what is open only what they are members of. Raises PlatformError where that is not told."""
        since, guests = self._strange.get(here.me.workspace, (0.0, None))
        if guests is not None and self._now() - since < _GUESTS_FOR:
            return guests
        pages = [page async for page in self._pages(here, "users.list", {})]
        people = [obj(person) for page in pages for person in items(page.get("members"))]
        strange = (person for person in people if kind_of(person, here.me) in (MemberKind.GUEST, MemberKind.EXTERNAL))
        guests = frozenset(string(person.get("id")) for person in strange)
        self._strange[here.me.workspace] = (self._now(), guests)
        return guests

    async def _known_names(self, here: Installation) -> dict[str, str]:
        since, names = self._names.get(here.me.workspace, (0.0, {}))
        if names and self._now() - since < _NAMES_FOR:
            return names
        names = {}
        args = {"types": "public_channel,private_channel", "exclude_archived": "true"}
        async for page in self._pages(here, "conversations.list", args):
            for one in (obj(entry) for entry in items(page.get("channels"))):
                names[string(one.get("name"))] = string(one.get("id"))
        self._names[here.me.workspace] = (self._now(), names)
        return names

    async def _pages(self, here: Installation, method: str, args: dict[str, Any]) -> AsyncIterator[Json]:
        cursor = ""
        for _ in range(_MOST_PAGES):
            page = await self._web.form(
                here.token, method, args | {"limit": _PAGE} | ({"cursor": cursor} if cursor else {})
            )
            yield page
            cursor = string(obj(page.get("response_metadata")).get("next_cursor"))
            if not cursor:
                return
        raise PlatformError(f"{method}: more than can be read through")


def _fresh(kept: Mapping[tuple[str, str], tuple[float, T]], key: tuple[str, str], now: float) -> T | None:
    found = kept.get(key)
    return found[1] if found is not None and now - found[0] < _FRESH else None


def _keep(kept: OrderedDict[tuple[str, str], tuple[float, T]], key: tuple[str, str], now: float, value: T) -> None:
    kept[key] = (now, value)
    kept.move_to_end(key)
    while len(kept) > _MOST_KEPT:
        kept.popitem(last=False)


def described(channel: Json) -> ChannelInfo:
    """What `conversations.info` tells of a channel. Pure."""
    closed = any(channel.get(kind) is True for kind in ("is_private", "is_im", "is_mpim"))
    shared = any(channel.get(how) is True for how in ("is_ext_shared", "is_org_shared", "is_pending_ext_shared"))
    return ChannelInfo(string(channel.get("id")), string(channel.get("name")), open=not closed, shared=shared)
