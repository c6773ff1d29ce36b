"""Workspaces, their admins and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.run import Json
from app.ports.clock import Clock
from app.store import tables

# Made once, see app.store.agents.
_ONE = select(tables.workspaces).where(tables.workspaces.c.id == bindparam("workspace"))
_ADMIN = select(tables.admins.c.user).where(
    tables.admins.c.workspace == bindparam("workspace"), tables.admins.c.user == bindparam("user")
)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A tenant of a platform. `settings` is what `app.services.workspaces` makes of it; `removed_at` is set while the app is not installed."""

    id: str
    name: str
    settings: Mapping[str, Json]
    created_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class AddedAdmin:
    """A person whom an admin of the workspace made one too."""

    user: str
    added_by: str
    added_at: datetime


class WorkspaceRows:
    """Workspaces, their admins and settings. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def add(self, workspace: str, name: str) -> bool:
        """Begin a workspace. False if it is there already: then nothing is changed."""
        values = {"id": workspace, "name": name, "settings": {}, "created_at": self._clock.now()}
        return await self._insert_new(tables.workspaces, values)

    async def get(self, workspace: str) -> Workspace | None:
        """A workspace, if it is known."""
        found = await self._connection.execute(_ONE, {"workspace": workspace})
        row = found.first()
        return _workspace(row) if row else None

    async def all(self) -> tuple[Workspace, ...]:
        """Every workspace, in the order of their ids."""
        found = await self._connection.execute(select(tables.workspaces).order_by(tables.workspaces.c.id))
        return tuple(_workspace(row) for row in found)

    async def lock(self, workspace: str) -> None:
        """Let no other transaction change this workspace's keys, agents or admins until this one ends."""
        await self._connection.execute(
            select(tables.workspaces.c.id).where(tables.workspaces.c.id == workspace).with_for_update()
        )

    async def rename(self, workspace: str, name: str) -> None:
        """Keep the name that people know it by."""
        await self._update(workspace, name=name)

    async def keep_settings(self, workspace: str, settings: Mapping[str, Json]) -> None:
        """Keep all settings anew."""
        await self._update(workspace, settings=dict(settings))

    async def mark_removed(self, workspace: str) -> None:
        """Note that the app was taken out of it."""
        await self._update(workspace, removed_at=self._clock.now())

    async def mark_installed(self, workspace: str) -> None:
        """Note that the app is in it again."""
        await self._update(workspace, removed_at=None)

    async def admins(self, workspace: str) -> tuple[AddedAdmin, ...]:
        """Who was added as an admin, in the order they were added."""
        admins = tables.admins
        found = await self._connection.execute(
            select(admins.c.user, admins.c.added_by, admins.c.added_at)
            .where(admins.c.workspace == workspace)
            .order_by(admins.c.added_at, admins.c.user)
        )
        return tuple(AddedAdmin(row.user, row.added_by, row.added_at) for row in found)

    async def is_admin(self, workspace: str, user: str) -> bool:
        """Whether this person was added as an admin here."""
        found = await self._connection.execute(_ADMIN, {"workspace": workspace, "user": user})
        return found.first() is not None

    async def add_admin(self, workspace: str, user: str, by: str) -> bool:
        """Make somebody an admin. False if they were added before."""
        values = {"workspace": workspace, "user": user, "added_by": by, "added_at": self._clock.now()}
        return await self._insert_new(tables.admins, values)

    async def remove_admin(self, workspace: str, user: str) -> bool:
        """Take it back. False if they were not added."""
        admins = tables.admins
        done = await self._connection.execute(
            delete(admins).where(admins.c.workspace == workspace, admins.c.user == user).returning(admins.c.user)
        )
        return done.first() is not None

    async def _update(self, workspace: str, **values: Any) -> None:
        await self._connection.execute(
            update(tables.workspaces).where(tables.workspaces.c.id == workspace).values(**values)
        )

    async def _insert_new(self, table: Table, values: Mapping[str, Any]) -> bool:
        dialect = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        key = next(iter(table.primary_key.columns))
        done = await self._connection.execute(
            dialect.insert(table).values(**values).on_conflict_do_nothing().returning(key)
        )
        return done.first() is not None


def _workspace(row: Row[Any]) -> Workspace:
    return Workspace(row.id, row.name, row.settings, row.created_at, row.removed_at)
