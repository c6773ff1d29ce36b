"""Where adapters may write to, unasked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.ports.clock import Clock
from app.store import tables

_REFERENCES, _WORKSPACES = tables.conversation_references, tables.workspaces


class ReferenceRows:
    """Conversation references. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql

    async def save(self, workspace: str, key: str, values: Mapping[str, str]) -> None:
        """Keep these under this key, in the place of what was there."""
        kept = {"body": dict(values), "kept_at": self._clock.now()}
        await self._connection.execute(
            self._dialect.insert(_REFERENCES)
            .values(workspace=workspace, key=key, **kept)
            .on_conflict_do_update(index_elements=["workspace", "key"], set_=kept)
        )

    async def find(self, workspace: str, key: str) -> Mapping[str, str] | None:
        """What is kept under this key."""
        found = await self._connection.execute(
            select(_REFERENCES.c.body).where(_REFERENCES.c.workspace == workspace, _REFERENCES.c.key == key)
        )
        body: Mapping[str, str] | None = found.scalar()
        return body

    async def keys(self, workspace: str, prefix: str) -> tuple[str, ...]:
        """Every key that begins like this, in order."""
        found = await self._connection.execute(
            select(_REFERENCES.c.key)
            .where(_REFERENCES.c.workspace == workspace, _REFERENCES.c.key.startswith(prefix, autoescape=True))
            .order_by(_REFERENCES.c.key)
        )
        return tuple(found.scalars())

    async def forget(self, workspace: str, key: str) -> None:
        """Keep it no longer."""
        await self._connection.execute(
            delete(_REFERENCES).where(_REFERENCES.c.workspace == workspace, _REFERENCES.c.key == key)
        )

    async def forget_left_behind(self, since: timedelta) -> None:
        """Keep nothing of workspaces that were removed so long ago; what came in the meantime may be of one that is just coming back."""
        limit = self._clock.now() - since
        removed = select(_WORKSPACES.c.id).where(_WORKSPACES.c.removed_at <= limit)
        rows = _REFERENCES.c
        await self._connection.execute(delete(_REFERENCES).where(rows.workspace.in_(removed), rows.kept_at <= limit))

    async def forget_all(self, workspace: str) -> None:
        """Keep nothing of this workspace."""
        await self._connection.execute(delete(_REFERENCES).where(_REFERENCES.c.workspace == workspace))
