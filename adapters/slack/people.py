"""Who somebody is to a workspace, asked of Slack and remembered shortly."""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters.slack.identity import Identity, Json, items, obj, string
from adapters.slack.installations import Installations
from adapters.slack.web_api import WebApi
from app.domain.chat import MemberKind, UserRef
from app.errors import PlatformError

_MINUTES = 300.0
_FRESH = 30.0
_MOST = 10_000
_ADMINS = (MemberKind.OWNER, MemberKind.ADMIN)


class People:
    """users.info with a cache: half a minute where it decides what somebody may do as an admin, minutes otherwise."""

    def __init__(
        self, web: WebApi, installations: Installations, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._web = web
        self._installations = installations
        self._now = monotonic
        self._seen: dict[UserRef, tuple[float, MemberKind, str]] = {}

    async def is_admin(self, user: UserRef) -> bool:
        """Whether Slack calls them an admin or owner of this workspace; doubt is False."""
        kind, _ = await self._of(user, fresh_for=_FRESH)
        return kind in _ADMINS

    async def kind(self, user: UserRef) -> MemberKind:
        """What they are to the workspace; doubt is EXTERNAL."""
        if user.id.startswith("B"):  # of an app that posted without a user: `users.info` does not know it
            return MemberKind.BOT
        kind, _ = await self._of(user, fresh_for=_MINUTES)
        return kind

    async def name(self, user: UserRef) -> str:
        """How people call them; the id if unknown."""
        _, name = await self._of(user, fresh_for=_MINUTES)
        return name or user.id

    async def _of(self, user: UserRef, *, fresh_for: float) -> tuple[MemberKind, str]:
        seen = self._seen.get(user)
        if seen is not None and self._now() - seen[0] < fresh_for:
            return seen[1], seen[2]
        try:
            here = await self._installations.of(user.workspace)
            found = obj((await self._web.form(here.token, "users.info", {"user": user.id})).get("user"))
        except PlatformError:
            return MemberKind.EXTERNAL, ""
        kind, name = kind_of(found, here.me), name_of(found)
        if len(self._seen) >= _MOST:
            self._seen.clear()
        self._seen[user] = (self._now(), kind, name)
        return kind, name


def kind_of(user: Json, me: Identity) -> MemberKind:
    """What a user object of Slack's says about somebody in our workspace. Pure."""
    if user.get("is_bot") is True or user.get("id") == "USLACKBOT":
        return MemberKind.BOT
    if user.get("deleted") is True or user.get("is_stranger") is True or not _belongs(user, me):
        return MemberKind.EXTERNAL
    if user.get("is_restricted") is True or user.get("is_ultra_restricted") is True:
        return MemberKind.GUEST
    if user.get("is_owner") is True or user.get("is_primary_owner") is True:
        return MemberKind.OWNER
    return MemberKind.ADMIN if user.get("is_admin") is True else MemberKind.MEMBER


def _belongs(user: Json, me: Identity) -> bool:
    """In our team, or in a team of our enterprise that shares this workspace with us."""
    if string(user.get("team_id")) == me.team:
        return True
    enterprise = obj(user.get("enterprise_user"))
    return (
        bool(me.enterprise)
        and enterprise.get("enterprise_id") == me.enterprise
        and me.team in items(enterprise.get("teams"))
    )


def name_of(user: Json) -> str:
    """The name that people see."""
    profile = obj(user.get("profile"))
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return next((name for name in map(string, names) if name), "")
