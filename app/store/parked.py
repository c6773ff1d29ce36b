"""Questions that wait for an admin to put something right: ids, never what was asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, func, or_, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.chat import Place
from app.domain.keys import KeyStatus
from app.ports.clock import Clock
from app.store import tables
from app.store.inbox import DONE, RETRY_MARK

_PARKED, _RUNS, _INBOX = tables.parked, tables.runs, tables.inbox
_REMOVED = select(tables.workspaces.c.id).where(tables.workspaces.c.removed_at.is_not(None))


@dataclass(frozen=True, slots=True)
class ParkedRun:
    """A run whose question waits. `place` is the conversation's: no run remembers that."""

    run: str
    workspace: str
    cause: str
    subject: str
    place: Place
    parked_at: datetime


class ParkedRows:
    """Parked questions. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql

    async def add(
        self, workspace: str, run: str, cause: str, subject: str, *, place: Place, since: datetime | None = None
    ) -> None:
        """Let the question of this run wait, since now or (asked before) since then; twice is once."""
        await self._connection.execute(
            self._dialect.insert(_PARKED)
            .values(
                run_id=run, workspace=workspace, cause=cause, subject=subject, place=place,
                parked_at=since or self._clock.now(),
            )
            .on_conflict_do_nothing()
        )  # fmt: skip

    async def get(self, workspace: str, run: str) -> ParkedRun | None:
        """A run of this workspace, if its question waits or is being asked again."""
        found = await self._connection.execute(
            select(_PARKED).where(_PARKED.c.workspace == workspace, _PARKED.c.run_id == run)
        )
        row = found.first()
        return _parked(row) if row else None

    async def release(self, workspace: str, cause: str, subject: str) -> int:
        """What waits for this, or for a part of it (`subject …`), may be asked again; tells how many questions that are."""
        released = await self._connection.execute(
            update(_PARKED)
            .where(
                _PARKED.c.workspace == workspace,
                _PARKED.c.cause == cause,
                or_(_PARKED.c.subject == subject, _PARKED.c.subject.startswith(f"{subject} ", autoescape=True)),
                _PARKED.c.released_at.is_(None),
            )
            .values(released_at=self._clock.now())
            .returning(_PARKED.c.run_id)
        )
        return len(released.all())

    async def waiting(self, workspace: str, cause: str, subject: str) -> int:
        """How many questions wait for this."""
        found = await self._connection.execute(
            select(func.count()).where(
                _PARKED.c.workspace == workspace,
                _PARKED.c.cause == cause,
                _PARKED.c.subject == subject,
                _PARKED.c.asked_at.is_(None),
            )
        )
        return int(found.scalar_one())

    async def any(self) -> bool:
        """Whether there is anything here at all."""
        return (await self._connection.execute(select(_PARKED.c.run_id).limit(1))).first() is not None

    async def workspaces(self, *, keyless_too: bool) -> tuple[str, ...]:
        """Those where something waits that may be worth asking again: it was released, or there is a key that works."""
        keys = tables.provider_keys.c
        works = exists().where(keys.workspace == _PARKED.c.workspace, keys.status == KeyStatus.VERIFIED)
        hope = or_(_PARKED.c.released_at.is_not(None), true() if keyless_too else works)
        found = await self._connection.execute(
            select(_PARKED.c.workspace)
            .where(_PARKED.c.asked_at.is_(None), _PARKED.c.workspace.not_in(_REMOVED), hope)
            .distinct()
            .order_by(_PARKED.c.workspace)
        )
        return tuple(found.scalars())

    async def ready(self, workspace: str, cause: str, agents: Collection[str], limit: int) -> tuple[ParkedRun, ...]:
        """What may be asked again, oldest first: what was released, and what these agents should have answered but for this cause."""
        found = await self._connection.execute(
            select(_PARKED)
            .join(_RUNS, _RUNS.c.id == _PARKED.c.run_id)
            .where(
                _PARKED.c.workspace == workspace,
                _PARKED.c.asked_at.is_(None),
                or_(
                    _PARKED.c.released_at.is_not(None),
                    (_PARKED.c.cause == cause) & _RUNS.c.agent_id.in_(sorted(agents)),
                ),
            )
            .order_by(_PARKED.c.parked_at, _RUNS.c.inbox_id)
            .limit(limit)
        )
        return tuple(_parked(row) for row in found)

    async def under_way(self, workspace: str, since: datetime) -> int:
        """How many are being asked again that were begun after this moment."""
        found = await self._connection.execute(
            select(func.count()).where(_PARKED.c.workspace == workspace, _PARKED.c.asked_at > since)
        )
        return int(found.scalar_one())

    async def ask(self, run: str) -> bool:
        """Take it up. Of all who try, one is told True."""
        taken = await self._connection.execute(
            update(_PARKED)
            .where(_PARKED.c.run_id == run, _PARKED.c.asked_at.is_(None))
            .values(asked_at=self._clock.now())
            .returning(_PARKED.c.run_id)
        )
        return taken.first() is not None

    async def drop(self, run: str) -> None:
        """Somebody had it asked again themselves."""
        await self._connection.execute(delete(_PARKED).where(_PARKED.c.run_id == run))

    async def tidy(self, event: str, older_than: timedelta) -> None:
        """Drop what has waited too long, and what was asked again and is done with: its event is this prefix and the run."""
        waits = exists().where(
            _INBOX.c.workspace == _PARKED.c.workspace,
            _INBOX.c.event_id == event + _PARKED.c.run_id,
            _INBOX.c.state != DONE,
        )
        too_old = _PARKED.c.parked_at < self._clock.now() - older_than
        await self._connection.execute(
            delete(_PARKED).where(or_(_PARKED.c.asked_at.is_(None) & too_old, _PARKED.c.asked_at.is_not(None) & ~waits))
        )

    async def forget_message(self, workspace: str, channel: str, message_id: str) -> None:
        """Drop a question that was taken back."""
        await self._forget(
            _RUNS.c.workspace == workspace,
            _RUNS.c.channel == channel,
            or_(
                _RUNS.c.message_id == message_id,
                _RUNS.c.message_id.startswith(message_id + RETRY_MARK, autoescape=True),
            ),
        )

    async def forget_channels(self, workspace: str, channels: Collection[str]) -> None:
        """Drop what was asked where the app is no more."""
        await self._forget(_RUNS.c.workspace == workspace, _RUNS.c.channel.in_(channels))

    async def forget_all(self, workspace: str) -> None:
        """Drop all of a workspace."""
        await self._connection.execute(delete(_PARKED).where(_PARKED.c.workspace == workspace))

    async def _forget(self, *runs: Any) -> None:
        of = _PARKED.c.run_id.in_(select(_RUNS.c.id).where(_RUNS.c.id == _PARKED.c.run_id, *runs))
        await self._connection.execute(delete(_PARKED).where(of))


def _parked(row: Any) -> ParkedRun:
    return ParkedRun(row.run_id, row.workspace, row.cause, row.subject, Place(row.place), row.parked_at)
