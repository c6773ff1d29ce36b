"""What a conversation's actor does in one generation: take the oldest event up, plan, answer, close. Nothing blocks the next event."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from app.domain.inbox import Claim
from app.domain.run import Json, RunState
from app.domain.schedules import has_no_thread
from app.ports.engine import Journal
from app.services.codec import dump, load
from app.services.explain import INTERRUPTED
from app.services.parked import cause_of, park
from app.services.plans import Plan, Planner
from app.services.turns import Ending, Turns
from app.store.unit_of_work import Database, UnitOfWork
from app.telemetry import metrics
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What was taken up, and what to do about it; no plan when planning itself went wrong."""

    claim: Claim
    plan: Plan | None


class Conversations:
    """The body of every actor (see `app.engine.Body`)."""

    def __init__(self, database: Database, planner: Planner, turns: Turns) -> None:
        self._database = database
        self._planner = planner
        self._turns = turns

    async def __call__(self, journal: Journal, conversation: str, generation: int) -> bool:
        """Handle one event, if there is one for this generation, and end the generation in any case. Tells whether more wait."""
        begun_here: list[bool] = []

        async def begin() -> Json:
            begun = await self._begin(conversation, generation, journal.run)
            begun_here.append(begun is not None and begun.claim.first)
            return dump(begun) if begun else None

        kept = await journal.step("begin", begin)
        begun = load(_Begun, kept) if kept else None
        ending = await self._answer(journal, begun, fresh=begun_here == [True]) if begun else None

        async def close() -> Json:
            return await self._close(conversation, generation, begun, ending)

        return bool(await journal.step("close", close))

    async def _begin(self, conversation: str, generation: int, run: str) -> _Begun | None:
        async with self._database.begin() as uow:
            taken = await uow.inbox.claim(conversation, generation, run)
            if taken is None:
                return None
            claim, payload = taken
            await uow.runs.begin(claim)
        try:
            return _Begun(claim, await self._planner.plan(claim, payload))
        except Exception as error:  # noqa: BLE001 - a poisoned event must not block its conversation
            log.error("event could not be planned", run=run, **place_of(error))  # noqa: TRY400 - no exception text in logs
            return _Begun(claim, None)

    async def _answer(self, journal: Journal, begun: _Begun, *, fresh: bool) -> Ending:
        try:
            if begun.plan:
                return await self._turns.take(journal, begun.claim, begun.plan, fresh=fresh)
            return await self._turns.apologise(journal, begun.claim, None)
        except Exception as error:  # noqa: BLE001 - the same
            log.error("turn failed", run=journal.run, **place_of(error))  # noqa: TRY400
        try:
            return await self._turns.apologise(journal, begun.claim, begun.plan)
        except Exception as error:  # noqa: BLE001 - the same
            log.error("failure could not be explained", run=journal.run, **place_of(error))  # noqa: TRY400
        return Ending(RunState.FAILED, error=INTERRUPTED)

    async def _close(self, conversation: str, generation: int, begun: _Begun | None, ending: Ending | None) -> bool:
        async with self._database.begin() as uow:
            if begun and ending:
                claim, plan = begun.claim, begun.plan
                await uow.runs.finish(
                    claim.run, ending.state, agent_id=ending.agent_id, error=ending.error, retry_of=ending.retry_of
                )
                await _parked(uow, claim, plan, ending)
                if plan and plan.answers and ending.agent_id != claim.agent_id:
                    await uow.inbox.keep_agent(conversation, ending.agent_id)
            done = begun.claim.inbox_id if begun and ending else None
            more = await uow.inbox.close(conversation, generation, done=done)
        if begun and ending:
            metrics.run_ended(begun.claim.workspace.partition(":")[0], ending.state)
            log.info(
                "run ended", run=begun.claim.run, workspace=begun.claim.workspace, state=ending.state,
                error=ending.error, calls=ending.calls,
            )  # fmt: skip
        return more


async def _parked(uow: UnitOfWork, claim: Claim, plan: Plan | None, ending: Ending) -> None:
    """What an admin can put right is waited for. Where nothing stands in the chat yet, the schedule's next time is soon enough."""
    cause = cause_of(ending.error)
    if cause is None or plan is None or await uow.runs.stop_requested(claim.run):
        return
    where = await uow.inbox.conversation(claim.conversation)
    if where is None or has_no_thread(where.thread):
        return
    place = plan.mention.conversation.place
    await park(uow, claim.workspace, claim.run, cause, ending.waits_for, place=place, retry_of=ending.retry_of)
