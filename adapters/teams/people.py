"""Who somebody is to a workspace, asked of the connector and remembered for minutes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from adapters.teams.addresses import Addresses
from adapters.teams.connector import Connector
from adapters.teams.payload import Json, string
from adapters.teams.where import Where, tenant_of
from app.domain.chat import MemberKind, UserRef
from app.errors import PlatformError

_MINUTES = 300.0
_MOST = 10_000
_ROLES = {"user": MemberKind.MEMBER, "member": MemberKind.MEMBER, "owner": MemberKind.MEMBER, "guest": MemberKind.GUEST}


class People:
    """Members of the conversations that the app is in. The connector knows of no admins: Latchkey's own list says who is one."""

    def __init__(
        self, connector: Connector, addresses: Addresses, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._connector = connector
        self._addresses = addresses
        self._now = monotonic
        self._places: OrderedDict[UserRef, Where] = OrderedDict()
        self._known: OrderedDict[UserRef, tuple[float, MemberKind, str]] = OrderedDict()

    def saw(self, user: UserRef, place: Where) -> None:
        """Somebody did something there just now."""
        self._places[user] = place
        self._places.move_to_end(user)
        if len(self._places) > _MOST:
            self._places.popitem(last=False)

    async def kind(self, user: UserRef) -> MemberKind:
        """What they are to the workspace; doubt is EXTERNAL."""
        kind, _ = await self._of(user)
        return kind

    async def name(self, user: UserRef) -> str:
        """How people call them; the id if unknown."""
        _, name = await self._of(user)
        return name or user.id

    async def _of(self, user: UserRef) -> tuple[MemberKind, str]:
        known = self._known.get(user)
        if known is not None and self._now() - known[0] < _MINUTES:
            return known[1], known[2]
        place = self._places.get(user) or await self._addresses.somewhere(user.workspace, user.id)
        if place is None:
            return MemberKind.EXTERNAL, ""
        try:
            found = await self._connector.member(place, await self._addresses.account(user.workspace, user.id))
        except PlatformError:
            return MemberKind.EXTERNAL, ""
        kind, name = kind_of(found, tenant_of(user.workspace)), string(found.get("name"))
        self._known[user] = (self._now(), kind, name)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return kind, name


def kind_of(member: Json, tenant: str) -> MemberKind:
    """What the connector's account of a member says about somebody in this tenant. Pure."""
    if string(member.get("id")).startswith("28:"):
        return MemberKind.BOT
    if string(member.get("tenantId")) != tenant or not (member.get("aadObjectId") or member.get("objectId")):
        return MemberKind.EXTERNAL  # of another organisation, or anonymous
    return _ROLES.get(string(member.get("userRole")).lower() or "user", MemberKind.EXTERNAL)
