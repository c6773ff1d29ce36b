"""Telling admins what happened by itself: privately, or not at all."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from app.domain.chat import UserRef
from app.domain.views import View
from app.errors import PlatformError
from app.ports.platform import ChatPlatform
from app.services.access import Access

log = structlog.get_logger(__name__)


class Notices:
    """Whispers to people. That somebody can't be reached is logged and nothing else: it is never posted where others read."""

    def __init__(self, platforms: Mapping[str, ChatPlatform], access: Access) -> None:
        self._platforms = platforms
        self._access = access

    async def tell(self, user: UserRef, view: View) -> bool:
        """Tell one person; whether that went well."""
        platform = self._platforms.get(user.workspace.partition(":")[0])
        if platform is None:
            return False  # not served any more
        try:
            await platform.whisper(user, view)
        except PlatformError as error:
            log.warning("somebody could not be told", workspace=user.workspace, user=user.id, error=error.code)
            return False
        return True

    async def tell_admins(self, workspace: str, first: str, view: View, *, most: int = 5) -> None:
        """Tell whom it concerns first, if still an admin, then admins that are known by name; at most so many."""
        for user in await self.admins(workspace, first, most=most):
            await self.tell(user, view)

    async def admins(self, workspace: str, first: str, *, most: int = 5) -> tuple[UserRef, ...]:
        """Whom `tell_admins` tells: nobody, where no admin is known by name."""
        concerned = UserRef(workspace, first)
        named = [user for user in await self._access.known_admins(workspace) if user != concerned]
        told = [concerned] if await self._access.is_admin(concerned) else []
        return tuple([*told, *named][:most])
