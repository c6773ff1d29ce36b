"""What people are told of once, whoever finds it out and however often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.ports.clock import Clock
from app.store import tables

_TOLD = tables.told


class ToldRows:
    """What was told. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql

    async def once(self, workspace: str, what: str) -> bool:
        """Note that this is told now. Of all who ask, one is told True: who does the telling."""
        noted = await self._connection.execute(
            self._dialect.insert(_TOLD)
            .values(workspace=workspace, what=what, at=self._clock.now())
            .on_conflict_do_nothing()
            .returning(_TOLD.c.what)
        )
        return noted.first() is not None

    async def known(self, workspace: str, what: str) -> bool:
        """Whether this was told, or noted here as if it were."""
        found = await self._connection.execute(
            select(_TOLD.c.what).where(_TOLD.c.workspace == workspace, _TOLD.c.what == what)
        )
        return found.first() is not None

    async def forget_all(self, workspace: str) -> None:
        """Drop all of a workspace."""
        await self._connection.execute(delete(_TOLD).where(_TOLD.c.workspace == workspace))

    async def forget(self, older_than: timedelta) -> None:
        """Drop what was told longer ago than this."""
        await self._connection.execute(delete(_TOLD).where(_TOLD.c.at < self._clock.now() - older_than))
