"""Keeping what came in, many at a time: whoever waits for the disk waits together."""

from __future__ import annotations

import asyncio

from app.domain.inbox import Accepted, Arrival
from app.ports.clock import Clock
from app.services.ids import new_id
from app.store.unit_of_work import Database

MOST_AT_ONCE = 200


class Arrivals:
    """Group commit: events that arrive while a transaction is under way share the next one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: list[tuple[Arrival, asyncio.Future[Accepted]]] = []
        self._keeping: asyncio.Task[None] | None = None

    async def keep(self, arrival: Arrival) -> Accepted:
        """Durable when it returns. Raises what the database raises: then nothing was kept."""
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

    async def _keep(self, group: list[tuple[Arrival, asyncio.Future[Accepted]]]) -> None:
        now = self._clock.now()
        try:
            async with self._database.begin() as uow:
                accepted = await uow.inbox.accept([(new_id("conv", now), arrival) for arrival, _ in group])
        except BaseException as error:  # whatever it was, nobody may wait for ever
            for _, kept in group:
                if not kept.done():
                    kept.set_exception(error if isinstance(error, Exception) else RuntimeError("not kept"))
            if not isinstance(error, Exception):
                raise
            return
        for (_, kept), item in zip(group, accepted, strict=True):
            if not kept.done():  # its caller may have gone
                kept.set_result(item)
