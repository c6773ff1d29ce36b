"""Wrapped data keys, and the check rows that tell whether the master key is the right one."""

from __future__ import annotations

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.ports.clock import Clock
from app.store import tables


class DataKeyRows:
    """One transaction's view of the wrapped data keys."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def newest(self, workspace: str) -> tuple[str, bytes] | None:
        """Id and wrapped bytes of the data key that new records stand under."""
        rows = tables.data_keys
        found = await self._connection.execute(
            select(rows.c.id, rows.c.wrapped)
            .where(rows.c.workspace == workspace)
            .order_by(rows.c.created_at.desc(), rows.c.id)
            .limit(1)
        )
        row = found.first()
        return (row.id, bytes(row.wrapped)) if row else None

    async def wrapped(self, workspace: str, data_key: str) -> bytes | None:
        """A data key of this workspace, and of no other."""
        rows = tables.data_keys
        found = await self._connection.execute(
            select(rows.c.wrapped).where(rows.c.workspace == workspace, rows.c.id == data_key)
        )
        blob = found.scalar()
        return bytes(blob) if blob is not None else None

    async def add(self, workspace: str, data_key: str, wrapper: str, wrapped: bytes) -> None:
        """Keep a new data key, wrapped."""
        await self._connection.execute(
            insert(tables.data_keys).values(
                id=data_key, workspace=workspace, wrapper=wrapper, wrapped=wrapped, created_at=self._clock.now()
            )
        )

    async def delete_all(self, workspace: str) -> None:
        """Drop every data key of a workspace."""
        await self._connection.execute(delete(tables.data_keys).where(tables.data_keys.c.workspace == workspace))

    async def checks(self) -> dict[str, bytes]:
        """The check rows, by the wrapper that made them."""
        found = await self._connection.execute(select(tables.key_checks.c.wrapper, tables.key_checks.c.blob))
        return {row.wrapper: bytes(row.blob) for row in found}

    async def add_check(self, wrapper: str, blob: bytes) -> None:
        """Keep a new wrapper's check row."""
        await self._connection.execute(insert(tables.key_checks).values(wrapper=wrapper, blob=blob))
