"""Runs and the parts of their replies: ids and how it went, never what was said."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.chat import MessageRef
from app.domain.inbox import Claim, RunRecord
from app.domain.run import RunState
from app.ports.clock import Clock
from app.ports.platform import PartRef
from app.store import tables

_RUNS, _PARTS = tables.runs, tables.reply_parts

_STOP_REQUESTED = select(_RUNS.c.stop_requested).where(
    _RUNS.c.id == bindparam("run")
)  # made once, see app.store.agents


class RunRows:
    """Runs and the parts of their replies. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql

    async def begin(self, claim: Claim) -> None:
        """Keep that this run has begun; begun again, nothing changes.

        What an earlier run of the same event had shown becomes this run's to finish, and that run has failed.
        """
        await self._connection.execute(
            self._dialect.insert(_RUNS)
            .values(
                id=claim.run,
                workspace=claim.workspace,
                conversation_id=claim.conversation,
                inbox_id=claim.inbox_id,
                channel=claim.channel,
                message_id=claim.message_id,
                asker=claim.user,
                agent_id=claim.agent_id,
                state=RunState.RUNNING,
                started_at=self._clock.now(),
            )
            .on_conflict_do_nothing()
        )
        if claim.again:
            await self._take_over(claim)

    async def get(self, workspace: str, run: str) -> RunRecord | None:
        """A run of this workspace, and of no other."""
        found = await self._connection.execute(_select().where(_RUNS.c.workspace == workspace, _RUNS.c.id == run))
        return _record(found.first())

    async def running(self, workspace: str, conversation: str = "") -> tuple[RunRecord, ...]:
        """The workspace's (or one conversation's) runs that have not ended."""
        query = _select().where(_RUNS.c.workspace == workspace, _RUNS.c.state == RunState.RUNNING)
        if conversation:
            query = query.where(_RUNS.c.conversation_id == conversation)
        return tuple(record for row in await self._connection.execute(query) if (record := _record(row)))

    async def request_stop(self, run: str) -> bool:
        """Ask a run to stop. False if it has ended already."""
        done = await self._connection.execute(
            update(_RUNS)
            .where(_RUNS.c.id == run, _RUNS.c.state == RunState.RUNNING)
            .values(stop_requested=True)
            .returning(_RUNS.c.id)
        )
        return done.first() is not None

    async def stop_requested(self, run: str) -> bool:
        """Whether somebody asked this run to stop."""
        found = await self._connection.execute(_STOP_REQUESTED, {"run": run})
        return bool(found.scalar())

    async def finish(
        self, run: str, state: RunState, *, agent_id: str = "", error: str = "", retry_of: str = ""
    ) -> None:
        """Keep how it ended; the first end counts."""
        await self._connection.execute(
            update(_RUNS)
            .where(_RUNS.c.id == run, _RUNS.c.state == RunState.RUNNING)
            .values(state=state, agent_id=agent_id, error=error, retry_of=retry_of, finished_at=self._clock.now())
        )

    async def keep_feedback(self, run: str, feedback: str) -> None:
        """Keep what somebody thought of the answer; the last word counts."""
        await self._connection.execute(update(_RUNS).where(_RUNS.c.id == run).values(feedback=feedback))

    async def save_part(self, run: str, part: PartRef) -> None:
        """Keep where a part of the answer stands; saved again, the later one counts."""
        values = {"channel": part.message.channel, "message_id": part.message.id, "streamed": part.streamed}
        await self._connection.execute(
            self._dialect.insert(_PARTS)
            .values(run_id=run, position=part.position, **values)
            .on_conflict_do_update(index_elements=["run_id", "position"], set_=values)
        )

    async def of_message(self, workspace: str, channel: str, message_id: str) -> RunRecord | None:
        """The newest run that answers this message."""
        found = await self._connection.execute(
            _select()
            .where(_RUNS.c.workspace == workspace, _RUNS.c.channel == channel, _RUNS.c.message_id == message_id)
            .order_by(_RUNS.c.started_at.desc())
            .limit(1)
        )
        return _record(found.first())

    async def parts(self, workspace: str, run: str) -> tuple[PartRef, ...]:
        """Where the parts of the answer stand, in order."""
        found = await self._connection.execute(select(_PARTS).where(_PARTS.c.run_id == run).order_by(_PARTS.c.position))
        return tuple(
            PartRef(row.position, MessageRef(workspace, row.channel, row.message_id), row.streamed) for row in found
        )

    async def run_of_part(self, message: MessageRef) -> str:
        """Which run's answer this message belongs to; empty if none's."""
        found = await self._connection.execute(
            select(_PARTS.c.run_id)
            .join(_RUNS, _RUNS.c.id == _PARTS.c.run_id)
            .where(
                _RUNS.c.workspace == message.workspace,
                _PARTS.c.channel == message.channel,
                _PARTS.c.message_id == message.id,
            )
        )
        return found.scalar() or ""

    async def _take_over(self, claim: Claim) -> None:
        earlier = (
            select(_RUNS.c.id)
            .where(_RUNS.c.inbox_id == claim.inbox_id, _RUNS.c.id != claim.run)
            .order_by(_RUNS.c.started_at.desc())
            .limit(1)
        )
        run = (await self._connection.execute(earlier)).scalar()
        if run is None:
            return
        await self.finish(run, RunState.FAILED, error="Abandoned")
        await self._connection.execute(update(_PARTS).where(_PARTS.c.run_id == run).values(run_id=claim.run))


def _select() -> Any:
    where = tables.conversations
    return select(_RUNS, where.c.thread, where.c.shared).join(where, where.c.id == _RUNS.c.conversation_id)


def _record(row: Row[Any] | None) -> RunRecord | None:
    if row is None:
        return None
    return RunRecord(
        row.id, row.workspace, row.conversation_id, row.channel, row.thread, row.message_id, row.asker, row.agent_id,
        RunState(row.state), row.error, row.stop_requested, row.feedback, row.shared,
    )  # fmt: skip
