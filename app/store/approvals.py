"""Questions to people: who was asked what is ids; what it is about is sealed, and gone as soon as it is decided."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.approvals import ApprovalRecord, ApprovalState, target_mark
from app.domain.chat import MessageRef
from app.domain.grants import Target
from app.domain.run import RunState
from app.domain.secrets import SealedSecret
from app.ports.clock import Clock
from app.store import tables

_APPROVALS, _RUNS = tables.approvals, tables.runs
_ADMINS, _ASKER = "admins", "asker"

_AWAITED_IN = select(_APPROVALS.c.conversation_id).where(  # made once, see app.store.agents
    _APPROVALS.c.conversation_id.in_(bindparam("conversations", expanding=True)),
    _APPROVALS.c.state == ApprovalState.PENDING,
    _APPROVALS.c.expires_at > bindparam("now"),
)


class ApprovalRows:
    """Questions to people. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql

    async def add(self, approval: ApprovalRecord, asked: SealedSecret) -> bool:
        """Keep a new question. False if it has been asked before, which changes nothing, or if its run is not (to be) at work any more."""
        run = await self._connection.execute(
            select(_RUNS.c.stop_requested)
            .where(_RUNS.c.id == approval.run, _RUNS.c.state == RunState.RUNNING)
            .with_for_update()  # whoever stops it at this moment comes before, and is seen, or after, and sees this row
        )
        if run.scalar() is not False:
            return False
        added = await self._connection.execute(
            self._dialect.insert(_APPROVALS)
            .values(
                id=approval.id,
                workspace=approval.workspace,
                run_id=approval.run,
                conversation_id=approval.conversation,
                agent_id=approval.agent,
                grant_id=approval.grant,
                tool=approval.tool,
                target=approval.target,
                digest=approval.digest,
                asker=approval.asker,
                approvers=_ADMINS if approval.admins_only else _ASKER,
                may_remember=approval.may_remember,
                state=ApprovalState.PENDING,
                data_key=asked.data_key,
                sealed=asked.blob,
                asked_at=approval.asked_at,
                expires_at=approval.expires_at,
            )
            .on_conflict_do_nothing()
            .returning(_APPROVALS.c.id)
        )
        return added.first() is not None

    async def get(self, workspace: str, approval: str) -> ApprovalRecord | None:
        """A question of this workspace, and of no other."""
        found = await self._connection.execute(_of(workspace, approval))
        return _approval(found.first())

    async def of_run(self, workspace: str, run: str) -> tuple[ApprovalRecord, ...]:
        """All that this run has asked, oldest first."""
        rows = _APPROVALS.c
        found = await self._connection.execute(
            select(_APPROVALS).where(rows.workspace == workspace, rows.run_id == run).order_by(rows.asked_at, rows.id)
        )
        return tuple(approval for row in found if (approval := _approval(row)))

    async def asked(self, workspace: str, approval: str) -> SealedSecret | None:
        """What was asked, sealed (see `approvals.Asked`); None once it is decided."""
        row = (await self._connection.execute(_of(workspace, approval))).first()
        return SealedSecret(row.data_key, row.sealed) if row and row.sealed is not None else None

    async def keep_card(self, approval: str, card: MessageRef) -> None:
        """Keep where people are asked."""
        await self._connection.execute(
            update(_APPROVALS).where(_APPROVALS.c.id == approval).values(channel=card.channel, message_id=card.id)
        )

    async def decide(self, workspace: str, approval: str, state: ApprovalState, by: str) -> bool:
        """End it by somebody's word, in time. Of all who try, one is told True."""
        rows = _APPROVALS.c
        return await self._end(
            and_(rows.workspace == workspace, rows.id == approval, rows.expires_at > self._clock.now()), state, by
        ) == (approval,)

    async def expire(self, approval: str) -> bool:
        """Its time is over. False if it has ended already."""
        return bool(await self._end(_APPROVALS.c.id == approval, ApprovalState.EXPIRED))

    async def cancel(self, approval: str) -> None:
        """It is not to be decided any more, unless it has ended already."""
        await self._end(_APPROVALS.c.id == approval, ApprovalState.CANCELLED)

    async def cancel_run(self, run: str, by: str = "") -> tuple[str, ...]:
        """Nothing that this run asks for is to be decided any more; tells which questions stood."""
        return await self._end(_APPROVALS.c.run_id == run, ApprovalState.CANCELLED, by)

    async def waiting_in(self, workspace: str, conversation: str) -> tuple[ApprovalRecord, ...]:
        """What stands open in a conversation, oldest first."""
        rows = _APPROVALS.c
        found = await self._connection.execute(
            select(_APPROVALS)
            .where(
                rows.workspace == workspace,
                rows.conversation_id == conversation,
                rows.state == ApprovalState.PENDING,
                rows.expires_at > self._clock.now(),
            )
            .order_by(rows.asked_at)
        )
        return tuple(approval for row in found if (approval := _approval(row)))

    async def awaited_in(self, conversations: Collection[str]) -> frozenset[str]:
        """In which of these conversations something stands open."""
        if not conversations:
            return frozenset()
        of_these = {"conversations": list(conversations), "now": self._clock.now()}
        return frozenset((await self._connection.execute(_AWAITED_IN, of_these)).scalars())

    async def approved_before(self, workspace: str, grant: str, target: Target) -> bool:
        """Whether somebody agreed to this target under this grant once; never for a grant without an id."""
        if not grant:
            return False
        rows = _APPROVALS.c
        found = await self._connection.execute(
            select(rows.id)
            .where(
                rows.workspace == workspace,
                rows.grant_id == grant,
                rows.target == target_mark(target),
                rows.state == ApprovalState.APPROVED,
            )
            .limit(1)
        )
        return found.first() is not None

    async def cancel_left_behind(self) -> None:
        """End what stands open though its run has ended, however that came."""
        ended = select(_RUNS.c.id).where(_RUNS.c.state != RunState.RUNNING)
        await self._end(_APPROVALS.c.run_id.in_(ended), ApprovalState.CANCELLED)

    async def forget(self, *, approved: timedelta, others: timedelta) -> None:
        """Drop what ended longer ago than this; what was approved may count for longer (see `approved_before`)."""
        rows, now = _APPROVALS.c, self._clock.now()
        done = and_(rows.state != ApprovalState.PENDING, rows.state != ApprovalState.APPROVED)
        await self._connection.execute(
            delete(_APPROVALS).where(
                or_(
                    and_(rows.state == ApprovalState.APPROVED, rows.decided_at < now - approved),
                    and_(done, rows.decided_at < now - others),
                )
            )
        )

    async def forget_all(self, workspace: str) -> None:
        """Drop everything of a workspace."""
        await self._connection.execute(delete(_APPROVALS).where(_APPROVALS.c.workspace == workspace))

    async def _end(self, which: Any, state: ApprovalState, by: str = "") -> tuple[str, ...]:
        """One statement, so that of two endings one counts; what was asked goes with it."""
        ended = await self._connection.execute(
            update(_APPROVALS)
            .where(which, _APPROVALS.c.state == ApprovalState.PENDING)
            .values(state=state, decided_by=by, decided_at=self._clock.now(), sealed=None, data_key="")
            .returning(_APPROVALS.c.id)
        )
        return tuple(ended.scalars())


def _of(workspace: str, approval: str) -> Any:
    return select(_APPROVALS).where(_APPROVALS.c.workspace == workspace, _APPROVALS.c.id == approval)


def _approval(row: Row[Any] | None) -> ApprovalRecord | None:
    if row is None:
        return None
    return ApprovalRecord(
        id=row.id, workspace=row.workspace, run=row.run_id, conversation=row.conversation_id, agent=row.agent_id,
        grant=row.grant_id, tool=row.tool, target=row.target, digest=row.digest, asker=row.asker,
        admins_only=row.approvers == _ADMINS, may_remember=row.may_remember, asked_at=row.asked_at,
        expires_at=row.expires_at, state=ApprovalState(row.state), decided_by=row.decided_by,
        card=MessageRef(row.workspace, row.channel, row.message_id) if row.message_id else None,
    )  # fmt: skip
