"""Channels for tools: which there are, and who is in them. Who asks is checked now, each time; a bot cannot read what was said there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterable

import structlog

from adapters.teams.addresses import Addresses
from adapters.teams.connector import Connector
from adapters.teams.payload import Json, items, obj, string
from adapters.teams.sites import Sites
from adapters.teams.where import Where
from app.domain.chat import ConversationRef, UserRef
from app.errors import PlatformError
from app.ports.platform import ChannelInfo, Readers

log = structlog.get_logger(__name__)

_GENERAL = "General"
"""What Teams calls a team's first channel, which it gives without a name."""
_SHARED = "shared"
_MOST_NAMES = 5_000
_MOST_TEAMS = 20
_MOST_PAGES = 20


class Called:
    """How channels were called when Teams last listed them, for what people read; who may read one is asked each time."""

    def __init__(self) -> None:
        self._names: OrderedDict[tuple[str, str], str] = OrderedDict()

    def keep(self, workspace: str, channel: ChannelInfo) -> None:
        """Remember the name."""
        self._names[workspace, channel.id] = channel.name
        self._names.move_to_end((workspace, channel.id))
        if len(self._names) > _MOST_NAMES:
            self._names.popitem(last=False)

    def of(self, workspaces: Collection[str], channels: Iterable[str]) -> dict[str, str]:
        """The names of these channels, of what one workspace is shown; those that are not remembered are left out."""
        if len(workspaces) != 1:
            return {}
        (workspace,) = workspaces
        return {channel: name for channel in channels if (name := self._names.get((workspace, channel)))}


class Channels:
    """Channels of the teams that the app is in. None of them is open: a channel's readers are its team's members, or its own."""

    def __init__(self, connector: Connector, addresses: Addresses, sites: Sites, called: Called) -> None:
        self._connector = connector
        self._addresses = addresses
        self._sites = sites
        self._called = called

    async def find(self, asker: UserRef, name: str) -> ChannelInfo | None:
        """The channel of that name or id, if the asker is in it. Of several of one name, the first that they are in."""
        wanted = name.strip().removeprefix("#").casefold()
        async for channel in self._listed(asker.workspace):
            if wanted in {channel.id.casefold(), channel.name.casefold()} and await self._is_in(asker, channel.id):
                return channel
        return None

    async def readers(self, workspace: str, channel: str) -> Readers:
        """Who is in it; doubt is nobody."""
        people: set[str] = set()
        shared = False
        try:
            place = await self.place(workspace, channel)
            async for member in self._connector.members(place, most_pages=_MOST_PAGES):
                people.add(string(member.get("aadObjectId")) or string(member.get("objectId")) or string(member["id"]))
                shared = shared or string(member.get("tenantId")) not in {"", place.tenant}
        except PlatformError as error:
            log.info("teams does not tell who is in a channel", reason=error.message)
            return Readers(False)
        return Readers(False, frozenset(people), shared)

    async def place(self, workspace: str, channel: str) -> Where:
        """How to write a new message there. Raises NotReachable where nothing ever came from this workspace."""
        return await self._addresses.at(ConversationRef(workspace, channel, channel), {})

    async def _is_in(self, asker: UserRef, channel: str) -> bool:
        try:
            place = await self.place(asker.workspace, channel)
            account = await self._addresses.account(asker.workspace, asker.id)
            return bool(await self._connector.member(place, account))
        except PlatformError:
            return False

    async def _listed(self, workspace: str) -> AsyncIterator[ChannelInfo]:
        service = await self._addresses.service(workspace)
        for team in (await self._sites.teams(workspace))[:_MOST_TEAMS] if service else ():
            try:
                found = await self._connector.channels(service, team) if service else {}
            except PlatformError as error:
                log.info("teams does not tell of a team's channels", reason=error.message)
                continue
            for entry in (obj(one) for one in items(found.get("conversations"))):
                channel = described(entry)
                self._called.keep(workspace, channel)
                yield channel


def described(channel: Json) -> ChannelInfo:
    """What the connector tells of a channel. Pure."""
    shared = string(channel.get("type")).lower() == _SHARED
    return ChannelInfo(string(channel.get("id")), string(channel.get("name")) or _GENERAL, shared=shared)
