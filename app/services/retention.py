"""Nothing stays longer than it is needed: content goes with the end of its run, ids a day later."""

from __future__ import annotations

from datetime import timedelta

from app.services.transcripts import Transcripts
from app.store.unit_of_work import Database

TOMBSTONES_STAY = timedelta(hours=24)
APPROVED_STAYS = timedelta(days=90)
"""For so long what was approved for the first time is not asked again."""

USES_STAY = timedelta(days=2)
"""Limits count those of a day."""
REQUESTS_STAY = timedelta(days=30)
"""So long a card on which somebody asks for more can be decided, or says who did."""

TOLD_STAYS = timedelta(days=400)
"""So long nobody is told a second time of what they are told of once."""

STRAGGLERS = timedelta(minutes=1)
"""What was under way when the app was removed may write an address down after that."""


class Retention:
    """Tidies the database; the engine tidies its own tables."""

    def __init__(self, database: Database, transcripts: Transcripts) -> None:
        self._database = database
        self._transcripts = transcripts

    async def tidy(self) -> None:
        """To be called every few seconds. What was erased, shredded keys too, leaves SQLite's write-ahead log and file as soon as no reader holds it."""
        async with self._database.begin() as uow:
            await uow.inbox.forget(TOMBSTONES_STAY)
            await uow.approvals.cancel_left_behind()
            await uow.tool_uses.forget(USES_STAY)
            await uow.approvals.forget(approved=APPROVED_STAYS, others=TOMBSTONES_STAY)
            await uow.limits.forget_requests(REQUESTS_STAY)
            await uow.told.forget(TOLD_STAYS)
            await uow.references.forget_left_behind(STRAGGLERS)
        await self._transcripts.tidy()
        await self._database.truncate_log()  # quick when nothing was written
