"""Keeping what came in, many at a time: whoever waits for the disk waits together."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from app.domain.inbox import Accepted, Arrival
from app.ports.clock import Clock
from app.services.ids import new_id
from app.store.unit_of_work import DATA_ERRORS, Database

MOST_AT_ONCE = 200

Waiting = tuple[Arrival, asyncio.Future[Accepted]]


class Arrivals:
    """Group commit: events that arrive while a transaction is under way share the next one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: list[Waiting] = []
        self._keeping: asyncio.Task[None] | None = None

    async def keep(self, arrival: Arrival) -> Accepted:
        """Durable when it returns. Raises what the database raises: then this one was not kept."""
        kept: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, kept))
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_all())
        return await kept

    async def _keep_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                await self._keep(group)
        finally:
            self._keeping = None

    async def _keep(self, group: list[Waiting]) -> None:
        try:
            try:
                await self._together(group)
            except DATA_ERRORS:
                for one in group:  # what can't be written must not cost the others their place
                    await self._alone(one)
        except BaseException as error:  # whatever it was, nobody may wait for ever
            for _, kept in group:
                if not kept.done():
                    kept.set_exception(error if isinstance(error, Exception) else RuntimeError("not kept"))
            if not isinstance(error, Exception):
                raise

    async def _alone(self, one: Waiting) -> None:
        try:
            await self._together([one])
        except DATA_ERRORS as error:
            if not one[1].done():
                one[1].set_exception(error)

    async def _together(self, group: list[Waiting]) -> None:
        now = self._clock.now()
        async with self._database.begin() as uow:
            accepted = await uow.inbox.accept([(new_id("conv", now), arrival) for arrival, _ in group])
            awaiting = await uow.approvals.awaited_in({item.conversation for item in accepted if item.fresh})
            entries = [
                arrival.audit
                for (arrival, _), item in zip(group, accepted, strict=True)
                if item.fresh and arrival.audit
            ]
            for entry in sorted(entries, key=lambda entry: entry.workspace):  # in one order: each trail has a lock
                await uow.audit.append(entry)
        for (_, kept), item in zip(group, accepted, strict=True):
            if not kept.done():  # its caller may have gone
                kept.set_result(replace(item, awaits=item.conversation in awaiting))
