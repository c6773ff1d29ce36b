"""Notes of agents: whose, by whom and when; what they say stands sealed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.notes import NoteRecord
from app.domain.secrets import SealedSecret
from app.ports.clock import Clock
from app.store import tables

_ROWS = tables.notes.c

Kept = tuple[NoteRecord, SealedSecret]


class NoteRows:
    """Notes of agents. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql

    async def add(self, note: NoteRecord, sealed: SealedSecret) -> None:
        """Keep a note; kept twice, it is there once."""
        await self._connection.execute(
            self._dialect.insert(tables.notes)
            .values(
                id=note.id,
                workspace=note.workspace,
                agent_id=note.agent_id,
                about=note.about,
                data_key=sealed.data_key,
                sealed=sealed.blob,
                kept_by=note.kept_by,
                run_id=note.run,
                kept_at=note.kept_at,
            )
            .on_conflict_do_nothing()
        )

    async def count(self, workspace: str, *, agent: str = "", kept_by: str = "") -> int:
        """How many there are; of one agent, or kept by one person, where named."""
        counted = select(func.count()).select_from(tables.notes).where(*_which(workspace, agent, kept_by))
        return int((await self._connection.execute(counted)).scalar() or 0)

    async def all(
        self, workspace: str, *, agent: str = "", kept_by: str = "", start: int = 0, limit: int = 100
    ) -> tuple[Kept, ...]:
        """The notes of a workspace, newest first, without the first `start`; of one agent, or kept by one person, where named."""
        asked = select(tables.notes).where(*_which(workspace, agent, kept_by))
        asked = asked.order_by(_ROWS.kept_at.desc(), _ROWS.id.desc()).offset(start).limit(limit)
        found = await self._connection.execute(asked)
        return tuple((_record(row), SealedSecret(row.data_key, row.sealed)) for row in found)

    async def get(self, workspace: str, note: str) -> NoteRecord | None:
        """A note of this workspace, and of no other."""
        found = await self._connection.execute(
            select(tables.notes).where(_ROWS.workspace == workspace, _ROWS.id == note)
        )
        row = found.first()
        return _record(row) if row else None

    async def delete(self, workspace: str, note: str) -> bool:
        """Drop it. False if it was not there."""
        dropped = await self._connection.execute(
            delete(tables.notes).where(_ROWS.workspace == workspace, _ROWS.id == note).returning(_ROWS.id)
        )
        return dropped.first() is not None

    async def forget_agent(self, workspace: str, agent: str) -> None:
        """Drop all of an agent."""
        await self._connection.execute(
            delete(tables.notes).where(_ROWS.workspace == workspace, _ROWS.agent_id == agent)
        )

    async def forget_all(self, workspace: str) -> None:
        """Drop all of a workspace."""
        await self._connection.execute(delete(tables.notes).where(_ROWS.workspace == workspace))


def _which(workspace: str, agent: str, kept_by: str) -> tuple[ColumnElement[bool], ...]:
    named = ((_ROWS.agent_id, agent), (_ROWS.kept_by, kept_by))
    return (_ROWS.workspace == workspace, *(column == name for column, name in named if name))


def _record(row: Row[Any]) -> NoteRecord:
    return NoteRecord(row.id, row.workspace, row.agent_id, row.kept_by, row.kept_at, row.about, row.run_id)
