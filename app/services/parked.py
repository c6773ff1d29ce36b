"""Questions that failed for what an admin can put right: they wait, a day at most, and are then asked again by themselves."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Protocol

import structlog

from app.domain.chat import ConversationRef, Place
from app.errors import KeyRejected, NoCredit, NoKey, OverLimit, PriceUnknown, WontOpen
from app.ports.clock import Clock
from app.ports.engine import Runs
from app.ports.keys import Sealer
from app.services.ids import new_id
from app.services.repeating import RETRIED, arrival, repetition
from app.store.parked import ParkedRun
from app.store.unit_of_work import Database, UnitOfWork
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)

LONGEST = timedelta(hours=24)
"""Whoever asked longer ago than this has helped themselves; what is known of an event is forgotten by then, too."""

AT_ONCE = 3
"""Repetitions of one workspace that are under way: a key that was just set is not stormed, and one that fails again fails few."""

STUCK = timedelta(minutes=10)
"""Longer than this a repetition that has not ended keeps no other back: it may wait for a person."""


class Cause(StrEnum):
    """What a question waits for; the subject says which."""

    KEY = "key"  # subject: the key, or empty where there is none
    LIMIT = "limit"  # the limit
    PRICE = "price"  # provider/model


_CAUSES = {
    KeyRejected.__name__: Cause.KEY,
    NoCredit.__name__: Cause.KEY,
    NoKey.__name__: Cause.KEY,
    OverLimit.__name__: Cause.LIMIT,
    PriceUnknown.__name__: Cause.PRICE,
}


def cause_of(code: str) -> Cause | None:
    """What a run that ended with this code of app.errors waits for, if it is worth waiting."""
    return _CAUSES.get(code)


async def park(
    uow: UnitOfWork,
    workspace: str,
    run: str,
    cause: Cause,
    subject: str = "",
    *,
    place: Place = Place.CHANNEL,
    retry_of: str = "",
) -> None:
    """Let the question of this run wait. Of a repetition that fails again it counts since when the first one has waited."""
    before = await uow.parked.get(workspace, retry_of) if retry_of else None
    await uow.parked.add(
        workspace, run, cause, subject, place=place, since=before.parked_at if before else None
    )  # fmt: skip
    if before:
        await uow.parked.drop(retry_of)


async def release(uow: UnitOfWork, workspace: str, cause: Cause, subject: str) -> int:
    """What waited for this is asked again within seconds; tells how many questions that are. Keys need not be told of: they are looked at."""
    return await uow.parked.release(workspace, cause, subject)


class KnowsKeys(Protocol):
    """What is needed of `app.services.keys`."""

    demo: bool
    """Whether agents may answer without a key."""

    async def ready(self, workspace: str) -> frozenset[str]:
        """The agents whose key is known to work."""


class Parked:
    """Asks again; any number of processes may do so."""

    def __init__(self, database: Database, sealer: Sealer, runs: Runs, *, keys: KnowsKeys, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._runs = runs
        self._keys = keys
        self._clock = clock

    async def tick(self) -> None:
        """To be called every few seconds: ask again what may be, oldest first, a few at a time."""
        async with self._database.read() as uow:
            if not await uow.parked.any():
                return  # as nearly always: nobody is kept from writing
        async with self._database.begin() as uow:
            await uow.parked.tidy(RETRIED, LONGEST)
            workspaces = await uow.parked.workspaces(keyless_too=self._keys.demo)
        for workspace in workspaces:
            try:
                await self._ask_in(workspace)
            except Exception as error:  # noqa: BLE001 - one workspace's trouble must not keep the others waiting
                log.error("parked questions not asked", workspace=workspace, **place_of(error))  # noqa: TRY400 - no exception text in logs

    async def _ask_in(self, workspace: str) -> None:
        ready = await self._keys.ready(workspace)
        async with self._database.read() as uow:
            room = AT_ONCE - await uow.parked.under_way(workspace, self._clock.now() - STUCK)
            waiting = await uow.parked.ready(workspace, Cause.KEY, ready, room) if room > 0 else ()
        for parked in waiting:
            await self._ask(parked)

    async def _ask(self, parked: ParkedRun) -> None:
        """In one transaction it is taken up and its event is kept: either both have happened or neither has."""
        async with self._database.read() as uow:
            record = await uow.runs.get(parked.workspace, parked.run)
        if record is None:
            return
        where = ConversationRef(record.workspace, record.channel, record.thread, parked.place, record.shared)
        try:
            item = await arrival(self._sealer, record, repetition(record, where, self._clock.now()))
        except WontOpen:
            return  # the app is being removed
        async with self._database.begin() as uow:
            if not await uow.parked.ask(parked.run):
                return  # somebody else has, or somebody pressed Retry, or took the question back
            await uow.inbox.accept([(new_id("conv", self._clock.now()), item)])
        log.info("parked question asked again", run=parked.run, workspace=parked.workspace, cause=parked.cause)
        await self._runs.start(record.conversation)
