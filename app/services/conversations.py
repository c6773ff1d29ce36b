"""What a conversation's actor does in one generation: take the oldest event up, plan, answer, close. Nothing blocks the next event."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from app.domain.inbox import Claim
from app.domain.run import Json, RunState
from app.ports.engine import Journal
from app.services.codec import dump, load
from app.services.explain import INTERRUPTED
from app.services.plans import Plan, Planner
from app.services.turns import Ending, Turns
from app.store.unit_of_work import Database
from app.telemetry import metrics

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

    async def __call__(self, journal: Journal, conversation: str, generation: int) -> None:
        """Handle one event, if there is one for this generation, and end the generation in any case."""
        fresh: list[bool] = []

        async def begin() -> Json:
            begun, first = await self._begin(conversation, generation, journal.run)
            fresh.append(first)
            return dump(begun) if begun else None

        kept = await journal.step("begin", begin)
        begun = load(_Begun, kept) if kept else None
        ending = await self._answer(journal, begun, fresh=fresh == [True]) if begun else None

        async def close() -> Json:
            await self._close(conversation, generation, begun.claim if begun else None, ending)
            return None

        await journal.step("close", close)

    async def _begin(self, conversation: str, generation: int, run: str) -> tuple[_Begun | None, bool]:
        """Also whether it is taken up for the first time: else something of an answer may be shown already."""
        async with self._database.begin() as uow:
            claim = await uow.inbox.claim(conversation, generation, run)
            if claim is None:
                return None, False
            first = await uow.runs.get(claim.workspace, run) is None and not claim.again
            await uow.runs.begin(claim)
        try:
            return _Begun(claim, await self._planner.plan(claim)), first
        except Exception as error:  # noqa: BLE001 - a poisoned event must not block its conversation
            log.error("event could not be planned", run=run, error=type(error).__name__)  # noqa: TRY400 - no exception text in logs
            return _Begun(claim, None), first

    async def _answer(self, journal: Journal, begun: _Begun, *, fresh: bool) -> Ending:
        try:
            if begun.plan:
                return await self._turns.take(journal, begun.claim, begun.plan, fresh=fresh)
            return await self._turns.apologise(journal, begun.claim, None)
        except Exception as error:  # noqa: BLE001 - the same
            log.error("turn failed", run=journal.run, error=type(error).__name__)  # noqa: TRY400
        try:
            return await self._turns.apologise(journal, begun.claim, begun.plan)
        except Exception as error:  # noqa: BLE001 - the same
            log.error("failure could not be explained", run=journal.run, error=type(error).__name__)  # noqa: TRY400
        return Ending(RunState.FAILED, error=INTERRUPTED)

    async def _close(self, conversation: str, generation: int, claim: Claim | None, ending: Ending | None) -> None:
        async with self._database.begin() as uow:
            if claim and ending:
                record = await uow.runs.get(claim.workspace, claim.run)
                if record:
                    await uow.runs.add_receipts(replace(record, agent_id=ending.agent_id), ending.receipts)
                await uow.runs.finish(
                    claim.run, ending.state, agent_id=ending.agent_id, error=ending.error, retry_of=ending.retry_of
                )
                await uow.inbox.finish(claim.inbox_id)
            await uow.inbox.close(conversation, generation)
        if claim and ending:
            metrics.run_ended(claim.workspace.partition(":")[0], ending.state)
            log.info(
                "run ended", run=claim.run, workspace=claim.workspace, state=ending.state, error=ending.error,
                calls=len(ending.receipts),
            )  # fmt: skip
