"""Who somebody is to a workspace, asked of the connector and remembered for minutes."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace

from adapters.teams.addresses import Addresses
from adapters.teams.connector import Connector
from adapters.teams.payload import Json, string
from adapters.teams.refusals import TeamsRefused
from adapters.teams.where import Where, split, tenant_of
from app.domain.chat import MemberKind, UserRef
from app.errors import PlatformError

_MINUTES = 300.0
_MINUTE = 60.0
_SOON = 1.5
_MOST = 10_000
_ROLES = {"user": MemberKind.MEMBER, "member": MemberKind.MEMBER, "owner": MemberKind.MEMBER, "guest": MemberKind.GUEST}


_ACCOUNT = re.compile(r"<@(29:[^>\s]+)>")
"""A mention of somebody by the id that this app alone knows them by; Teams mostly tells no other."""


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
        self._places[user] = replace(place, conversation=split(place.conversation)[0])
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

    async def names(self, users: Iterable[UserRef]) -> dict[UserRef, str]:
        """How people call these; the ids of those about whom Teams is slow to tell, for who looks at a screen waits."""
        asked = {user: asyncio.create_task(self.name(user)) for user in users}
        if asked:
            _, late = await asyncio.wait(asked.values(), timeout=_SOON)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        return {user: user.id if task.cancelled() else task.result() for user, task in asked.items()}

    async def named(self, text: str, place: Where) -> str:
        """The text, with those mentioned by the directory's ids, as far as they wrote to the app before."""
        for account in dict.fromkeys(_ACCOUNT.findall(text)):
            found = await self._addresses.person(place.workspace, account)
            if not found:
                self.saw(UserRef(place.workspace, account), place)  # where one can ask about them
            text = text.replace(f"<@{account}>", f"<@{found or account}>")
        return text

    async def identified(self, text: str, place: Where) -> str:
        """The same, and of all others the connector is asked: for a command, in which it matters who somebody is."""
        text = await self.named(text, place)
        for account in dict.fromkeys(_ACCOUNT.findall(text)):
            try:
                found = string((await self._connector.member(place, account)).get("aadObjectId")).lower()
            except PlatformError:
                found = ""
            text = text.replace(f"<@{account}>", f"<@{found or account}>")
        return text

    async def _of(self, user: UserRef) -> tuple[MemberKind, str]:
        until, kind, name = self._known.get(user, (0.0, MemberKind.EXTERNAL, ""))
        if until > self._now():
            return kind, name
        try:
            found = await self._described(user)
        except PlatformError:
            return MemberKind.EXTERNAL, ""
        kind, name = kind_of(found, tenant_of(user.workspace)), string(found.get("name"))
        self._known[user] = (self._now() + (_MINUTES if found else _MINUTE), kind, name)
        self._known.move_to_end(user)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return kind, name

    async def _described(self, user: UserRef) -> Json:
        """What the connector tells where they were seen last, or before; nothing when they are in none of these conversations any more."""
        account = await self._addresses.account(user.workspace, user.id)
        lately = [self._places[user]] if user in self._places else []
        for place in dict.fromkeys((*lately, *await self._addresses.known_in(user.workspace, user.id))):
            try:
                return await self._connector.member(place, account)
            except TeamsRefused:
                continue
        return {}


def kind_of(member: Json, tenant: str) -> MemberKind:
    """What the connector's account of a member says about somebody in this tenant. Pure."""
    if string(member.get("id")).startswith("28:"):
        return MemberKind.BOT
    if string(member.get("tenantId")).lower() != tenant or not (member.get("aadObjectId") or member.get("objectId")):
        return MemberKind.EXTERNAL  # of another organisation, or anonymous
    return _ROLES.get(string(member.get("userRole")).lower() or "user", MemberKind.EXTERNAL)
