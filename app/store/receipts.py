"""Receipts, as they are read: newest first in pages, or all of a time in their order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.run import Usage
from app.domain.spend import Purpose, Receipt
from app.ports.clock import Clock
from app.store import tables

_ROWS = tables.receipts.c
CHUNK = 1_000
"""Of an export, at a time."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place between receipts: right at the one of this moment and id, which is not among what follows it."""

    at: datetime
    id: str


class ReceiptRows:
    """Receipts of a workspace; with an `asker`, that person's only. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def newest(
        self, workspace: str, limit: int, *, asker: str = "", before: Mark | None = None
    ) -> tuple[Receipt, ...]:
        """The newest ones, newest first; with `before`, of those that are older than it."""
        older = [tuple_(_ROWS.at, _ROWS.id) < _place(before)] if before else []
        query = _receipts(workspace, asker).where(*older).order_by(_ROWS.at.desc(), _ROWS.id.desc()).limit(limit)
        return tuple(_receipt(row) for row in await self._connection.execute(query))

    async def next_newer(self, workspace: str, limit: int, after: Mark, *, asker: str = "") -> tuple[Receipt, ...]:
        """Those that came right after it, newest first."""
        newer = tuple_(_ROWS.at, _ROWS.id) > _place(after)
        query = _receipts(workspace, asker).where(newer).order_by(_ROWS.at, _ROWS.id).limit(limit)
        return tuple(_receipt(row) for row in reversed((await self._connection.execute(query)).all()))

    async def between(
        self, workspace: str, since: datetime, until: datetime, *, asker: str = "", after: Mark | None = None
    ) -> tuple[Receipt, ...]:
        """Those from `since` on and before `until`, oldest first: the next so many (see CHUNK) after a mark. Fewer are the last."""
        place = tuple_(_ROWS.at, _ROWS.id) > _place(after) if after else _ROWS.at >= since
        query = _receipts(workspace, asker).where(place, _ROWS.at < until).order_by(_ROWS.at, _ROWS.id).limit(CHUNK)
        return tuple(_receipt(row) for row in await self._connection.execute(query))


def _receipts(workspace: str, asker: str) -> Select[Any]:
    whose: list[ColumnElement[bool]] = [_ROWS.workspace == workspace]
    return select(tables.receipts).where(*whose, *([_ROWS.asker == asker] if asker else []))


def _place(mark: Mark) -> Any:
    return tuple_(mark.at, mark.id, types=[_ROWS.at.type, _ROWS.id.type])


def _receipt(row: Row[Any]) -> Receipt:
    usage = Usage(
        row.input_tokens, row.output_tokens, row.cached_read, row.cached_write, row.reasoning, row.searches
    )  # fmt: skip
    return Receipt(
        id=row.id,
        workspace=row.workspace,
        run=row.run_id,
        conversation=row.conversation_id,
        channel=row.channel,
        asker=row.asker,
        agent_id=row.agent_id,
        purpose=Purpose(row.purpose),
        key_id=row.key_id,
        fingerprint=row.fingerprint,
        provider=row.provider,
        model=row.model,
        origin=row.origin,
        usage=usage,
        cost=row.cost,
        at=row.at,
        estimated=row.estimated,
        instead_of=row.instead_of,
        outcome=row.outcome,
    )
