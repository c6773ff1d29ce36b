"""What comes in at the same time is kept together, and does not fail together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.domain.inbox import Accepted, Arrival
from app.domain.secrets import SealedSecret
from app.services.arrivals import Arrivals
from app.store.tables import inbox
from app.store.unit_of_work import Database, UnitOfWork
from tests.fakes.databases import TestClock

NOT_WRITABLE = "half a \ud83d"


class Counted(Database):
    """Counts its write transactions."""

    begun = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        self.begun += 1
        async with super().begin() as uow:
            yield uow


def arrival(n: int, message_id: str = "") -> Arrival:
    sealed = SealedSecret("dk1", b"sealed")
    return Arrival("slack:T1", "C1", f"{n}.0", f"Ev{n}", message_id or f"{n}.0", "U1", sealed)


async def keep_at_once(arrivals: Arrivals, *items: Arrival) -> list[Accepted | BaseException]:
    return await asyncio.gather(*(arrivals.keep(item) for item in items), return_exceptions=True)


async def kept(database: Database) -> list[str]:
    async with database.read() as uow:
        return list((await uow.connection.execute(select(inbox.c.message_id).order_by(inbox.c.id))).scalars())


async def test_one_event_that_cannot_be_written_does_not_cost_the_others_their_place(
    any_database: Database, clock: TestClock
) -> None:
    arrivals = Arrivals(any_database, clock)
    first, broken, last = await keep_at_once(arrivals, arrival(1), arrival(2, NOT_WRITABLE), arrival(3))
    assert isinstance(first, Accepted)
    assert isinstance(last, Accepted)
    assert first.fresh
    assert last.fresh
    assert isinstance(broken, UnicodeEncodeError)
    assert await kept(any_database) == ["1.0", "3.0"]


async def test_a_database_in_trouble_is_not_asked_again_for_each(database: Database, clock: TestClock) -> None:
    counted = Counted(database.url.render_as_string(hide_password=False), clock)
    async with database.begin() as uow:
        await uow.connection.exec_driver_sql("ALTER TABLE inbox RENAME TO elsewhere")
    outcomes = await keep_at_once(Arrivals(counted, clock), *(arrival(n) for n in range(5)))
    await counted.dispose()
    assert [isinstance(outcome, DBAPIError) for outcome in outcomes] == [True] * 5
    assert counted.begun == 1
