"""Nothing stays longer than it is needed: content goes with the end of its run, ids a day later."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.ports.clock import Clock
from app.store.unit_of_work import Database

TOMBSTONES_STAY = timedelta(hours=24)
MARGIN = timedelta(seconds=5)


class Retention:
    """Tidies the database; the engine tidies its own tables."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._tidied: datetime | None = None

    async def tidy(self) -> None:
        """To be called every few seconds. What was erased leaves the write-ahead log too, as soon as no reader holds it."""
        now = self._clock.now()
        async with self._database.read() as uow:
            erased = self._tidied is None or await uow.inbox.erased_since(self._tidied - MARGIN)
        async with self._database.begin() as uow:
            await uow.inbox.forget(TOMBSTONES_STAY)
        if erased and await self._database.truncate_log():
            self._tidied = now
