"""Schedules: when which agent is due where; what it is to do stands sealed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.schedules import Schedule
from app.domain.secrets import SealedSecret
from app.ports.clock import Clock
from app.store import tables

_ROWS = tables.schedules.c
_REMOVED = select(tables.workspaces.c.id).where(tables.workspaces.c.removed_at.is_not(None))


class ScheduleRows:
    """Schedules. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def add(self, schedule: Schedule, sealed: SealedSecret) -> None:
        """Keep a new one; its id must be free."""
        await self._connection.execute(
            insert(tables.schedules).values(
                id=schedule.id,
                workspace=schedule.workspace,
                agent_id=schedule.agent_id,
                channel=schedule.channel,
                cron=schedule.cron,
                time_zone=schedule.time_zone,
                data_key=sealed.data_key,
                sealed=sealed.blob,
                paused=schedule.paused,
                created_by=schedule.created_by,
                created_at=schedule.created_at,
                next_at=schedule.next_at,
                last_outcome=schedule.last_outcome,
                running=schedule.running,
            )
        )

    async def get(self, workspace: str, schedule: str) -> Schedule | None:
        """A schedule of this workspace, and of no other."""
        found = await self._connection.execute(_of(workspace, schedule))
        row = found.first()
        return _schedule(row) if row else None

    async def sealed(self, workspace: str, schedule: str) -> SealedSecret | None:
        """What it is to do."""
        row = (await self._connection.execute(_of(workspace, schedule))).first()
        return SealedSecret(row.data_key, row.sealed) if row else None

    async def all(self, workspace: str) -> tuple[Schedule, ...]:
        """Every schedule of a workspace, oldest first."""
        found = await self._connection.execute(
            select(tables.schedules).where(_ROWS.workspace == workspace).order_by(_ROWS.created_at, _ROWS.id)
        )
        return tuple(_schedule(row) for row in found)

    async def due(self, now: datetime, limit: int, after: Schedule | None = None) -> tuple[Schedule, ...]:
        """What should have begun by now, the longest due first, from the one behind `after` on; nothing of workspaces that the app was removed from."""
        behind: ColumnElement[bool] = true()
        if after:
            behind = or_(_ROWS.next_at > after.next_at, and_(_ROWS.next_at == after.next_at, _ROWS.id > after.id))
        found = await self._connection.execute(
            select(tables.schedules)
            .where(_ROWS.next_at <= now, _ROWS.paused.is_(False), _ROWS.workspace.not_in(_REMOVED), behind)
            .order_by(_ROWS.next_at, _ROWS.id)
            .limit(limit)
        )
        return tuple(_schedule(row) for row in found)

    async def begin(self, schedule: Schedule, next_at: datetime | None, *, outcome: str | None = None) -> bool:
        """Take up what is due: of all who try, one is told True. With an `outcome` it has ended already."""
        values: dict[str, Any] = {"next_at": next_at, "last_at": schedule.next_at, "running": outcome is None}
        if outcome is not None:
            values["last_outcome"] = outcome
        begun = await self._connection.execute(
            update(tables.schedules)
            .where(_ROWS.id == schedule.id, _ROWS.next_at == schedule.next_at, _ROWS.paused.is_(False))
            .values(**values)
            .returning(_ROWS.id)
        )
        return begun.first() is not None

    async def running(self) -> tuple[Schedule, ...]:
        """Those whose last run is not known to have ended."""
        found = await self._connection.execute(select(tables.schedules).where(_ROWS.running.is_(True)))
        return tuple(_schedule(row) for row in found)

    async def settle(self, schedule: Schedule, outcome: str) -> bool:
        """Note how its last run ended. Of all who try, one is told True."""
        settled = await self._connection.execute(
            update(tables.schedules)
            .where(_ROWS.id == schedule.id, _ROWS.last_at == schedule.last_at, _ROWS.running.is_(True))
            .values(running=False, last_outcome=outcome)
            .returning(_ROWS.id)
        )
        return settled.first() is not None

    async def rest(self, schedule: str, outcome: str | None = None) -> bool:
        """Pause it, and note why where that was nobody's wish. False if it rested already."""
        values: dict[str, Any] = {"paused": True, "next_at": None}
        if outcome is not None:
            values["last_outcome"] = outcome
        paused = await self._connection.execute(
            update(tables.schedules)
            .where(_ROWS.id == schedule, _ROWS.paused.is_(False))
            .values(**values)
            .returning(_ROWS.id)
        )
        return paused.first() is not None

    async def resume(self, schedule: str, next_at: datetime, by: str) -> None:
        """Go on, on behalf of whoever wants that."""
        await self._connection.execute(
            update(tables.schedules)
            .where(_ROWS.id == schedule)
            .values(paused=False, next_at=next_at, created_by=by, last_outcome="")
        )

    async def delete(self, workspace: str, schedule: str) -> bool:
        """Drop it. False if it was not there."""
        dropped = await self._connection.execute(
            delete(tables.schedules).where(_ROWS.workspace == workspace, _ROWS.id == schedule).returning(_ROWS.id)
        )
        return dropped.first() is not None

    async def forget_agent(self, workspace: str, agent: str) -> None:
        """Drop all of an agent."""
        await self._connection.execute(
            delete(tables.schedules).where(_ROWS.workspace == workspace, _ROWS.agent_id == agent)
        )

    async def forget_all(self, workspace: str) -> None:
        """Drop all of a workspace."""
        await self._connection.execute(delete(tables.schedules).where(_ROWS.workspace == workspace))


def _of(workspace: str, schedule: str) -> Any:
    return select(tables.schedules).where(_ROWS.workspace == workspace, _ROWS.id == schedule)


def _schedule(row: Row[Any]) -> Schedule:
    return Schedule(
        id=row.id,
        workspace=row.workspace,
        agent_id=row.agent_id,
        channel=row.channel,
        cron=row.cron,
        time_zone=row.time_zone,
        created_by=row.created_by,
        created_at=row.created_at,
        paused=row.paused,
        next_at=row.next_at,
        last_at=row.last_at,
        last_outcome=row.last_outcome,
        running=row.running,
    )
