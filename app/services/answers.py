"""What people do with an answer: stop it, have it tried again, say what they think of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import structlog

from app.domain.approvals import topic
from app.domain.chat import ConversationRef, UserRef
from app.domain.events import Action, Mention, Nothing, Outcome, Private
from app.domain.inbox import RunRecord
from app.domain.run import RunState
from app.domain.views import Level
from app.errors import NotAllowed
from app.ports.clock import Clock
from app.ports.engine import Runs
from app.ports.keys import Sealer
from app.services.arrivals import Arrivals
from app.services.continuing import CONTINUE
from app.services.explain import RETRY
from app.services.repeating import arrival, continuation, repetition
from app.services.screens.words import notice
from app.store.unit_of_work import Database

log = structlog.get_logger(__name__)

FEEDBACK, STOP = "feedback", "stop"
ACTIONS = frozenset({CONTINUE, FEEDBACK, RETRY, STOP})
THUMBS = ("good", "bad")

GONE = notice(Level.INFO, "That answer is too old for this.")


class TellsAdmins(Protocol):
    """What is needed of `app.services.access`."""

    async def is_admin(self, user: UserRef) -> bool:
        """Whether this person is an admin now."""


class Answers:
    """Acts on runs. Whose run it is, or who is an admin, is asked at the moment of the act."""

    def __init__(
        self, database: Database, sealer: Sealer, runs: Runs, *, arrivals: Arrivals, access: TellsAdmins, clock: Clock
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._runs = runs
        self._arrivals = arrivals
        self._access = access
        self._clock = clock

    async def action(self, event: Action) -> Outcome:
        """Feedback, retry, continue or stop under an answer. Raises NotAllowed."""
        thumb, _, run = event.value.rpartition(":")
        async with self._database.read() as uow:
            record = await uow.runs.get(event.user.workspace, run)
            if record is None and event.message:  # the platform's button may only know its message
                record = await uow.runs.get(event.user.workspace, await uow.runs.run_of_part(event.message))
        if record is None:
            return Private(GONE)
        if event.action_id == FEEDBACK:
            return await self._feedback(record, thumb)
        await self._must_be_theirs(record, event.user)
        if event.action_id == STOP:
            await self.stop(record.id)
            return Nothing()
        if record.state is RunState.RUNNING:
            return Private(notice(Level.INFO, "This is still being answered."))
        if event.action_id == CONTINUE:
            return await self._continue(record, event)
        return await self._retry(record, event)

    async def stop(self, run: str) -> None:
        """Stop a run, wherever it is at: it keeps what it has said so far. Whatever it asked a person is over."""
        async with self._database.begin() as uow:
            running = await uow.runs.request_stop(run)
            waiting = await uow.approvals.cancel_run(run)
        if running:
            await self._runs.stop(run)
        for approval in waiting:
            await self._runs.signal(run, topic(approval), value=True)

    async def stop_conversation(self, conversation: ConversationRef) -> None:
        """Stop what is being answered in a conversation."""
        where = conversation
        async with self._database.read() as uow:
            known = await uow.inbox.find(where.workspace, where.channel, where.thread)
            running = await uow.runs.running(where.workspace, known.id) if known else ()
        for run in running:
            await self.stop(run.id)

    async def _feedback(self, record: RunRecord, thumb: str) -> Outcome:
        if thumb not in THUMBS:
            return Nothing()
        async with self._database.begin() as uow:
            await uow.runs.keep_feedback(record.id, thumb)
        log.info("feedback", run=record.id, workspace=record.workspace, thumb=thumb)
        return Private(notice(Level.INFO, "Thank you for telling."))

    async def _retry(self, record: RunRecord, event: Action) -> Outcome:
        """One repetition per run, however often the button is pressed; a repetition has a button of its own."""
        await self._begin(record, repetition(record, _conversation(record, event), self._clock.now()))
        async with self._database.begin() as uow:
            await uow.parked.drop(record.id)  # after, not before: neither is it lost, nor is it a second event
        return Nothing()

    async def _continue(self, record: RunRecord, event: Action) -> Outcome:
        """One continuation per run, likewise."""
        fresh = await self._begin(record, continuation(record, _conversation(record, event), self._clock.now()))
        return Nothing() if fresh else Private(notice(Level.INFO, "This answer goes on below already."))

    async def _begin(self, record: RunRecord, mention: Mention) -> bool:
        """Have it taken up; tells whether that is new."""
        accepted = await self._arrivals.keep(await arrival(self._sealer, record, mention))
        await self._runs.start(accepted.conversation)
        return accepted.fresh

    async def _must_be_theirs(self, record: RunRecord, user: UserRef) -> None:
        if user.id != record.asker and not await self._access.is_admin(user):
            raise NotAllowed("Only the person who asked, or an admin, can do that.")


def _conversation(record: RunRecord, event: Action) -> ConversationRef:
    """The conversation as the platform tells of it, if it is the run's. What is told of a button does not say whether it is shared."""
    told = event.conversation
    if not told or (told.workspace, told.channel, told.thread) != (record.workspace, record.channel, record.thread):
        told = ConversationRef(record.workspace, record.channel, record.thread)
    return replace(told, shared=record.shared)
