"""Uses of tools and what conversations have read: the same on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from app.domain.grants import CLEAN, Denied, Granted, Taint, ToolGrant
from app.store.unit_of_work import Database
from tests.app.belts import Belts, Tried, call
from tests.app.bench import WORKSPACE, Bench
from tests.app.desk import THREAD, Desk
from tests.fakes.databases import TestClock

DAY = timedelta(days=1)


async def use(database: Database, name: str, *grants: str, run: str = "r1") -> bool:
    async with database.begin() as uow:
        held = [("a1", grant) for grant in grants]
        return await uow.tool_uses.add(name, held, workspace=WORKSPACE, tool="recall", run=run, asker="U1")


async def counted(database: Database, clock: TestClock, *grants: str, besides: str = "") -> dict[str, tuple[int, int]]:
    async with database.read() as uow:
        return dict(await uow.tool_uses.counts(WORKSPACE, grants, "r1", since=clock.now() - DAY, besides=besides))


async def test_a_use_is_counted_once_however_often_it_is_decided(any_database: Database, clock: TestClock) -> None:
    assert await use(any_database, "r1/1", "g1", "g2")
    assert not await use(any_database, "r1/1", "g1", "g2")
    assert await use(any_database, "r2/1", "g1", run="r2")
    assert await counted(any_database, clock, "g1", "g2", "g3") == {"g1": (1, 2), "g2": (1, 1)}
    assert await counted(any_database, clock) == {}


async def test_the_call_that_is_decided_on_does_not_stand_in_its_own_way(
    any_database: Database, clock: TestClock
) -> None:
    for name in ("r1/1", "r1/10", "r1/1.1"):
        await use(any_database, name, "g1", "g2")
    assert await counted(any_database, clock, "g1", "g2", besides="r1/1") == {"g1": (2, 2), "g2": (2, 2)}


async def test_a_days_uses_are_those_of_the_last_day_and_go_after_two(any_database: Database, clock: TestClock) -> None:
    await use(any_database, "r1/1", "g1")
    clock.forward(hours=25)
    await use(any_database, "r1/2", "g1")
    assert await counted(any_database, clock, "g1") == {"g1": (2, 1)}
    clock.forward(hours=24)
    async with any_database.begin() as uow:
        await uow.tool_uses.forget(2 * DAY)
    assert await counted(any_database, clock, "g1") == {"g1": (1, 1)}


async def test_a_call_is_begun_once(any_database: Database) -> None:
    await use(any_database, "r1/1", "g1")
    for first in (True, False):
        async with any_database.begin() as uow:
            assert await uow.tool_uses.begin("r1/1") is first
            assert not await uow.tool_uses.begin("r1/2"), "what was not let through is not begun"


async def test_of_two_runs_that_ask_at_once_one_gets_the_last_use_of_a_day(
    any_database: Database, clock: TestClock
) -> None:
    belts = Belts(await Bench(any_database, clock).start(), [Tried("recall")])
    await belts.grant(ToolGrant("recall", per_day=1))
    runs = [await belts.belt() for _ in range(4)]
    decisions = await asyncio.gather(*(belt.decide(call("recall")) for belt in runs))
    assert sum(decision == Granted() for decision in decisions) == 1
    assert sum(isinstance(decision, Denied) for decision in decisions) == 3


async def test_what_a_conversation_has_read_is_kept_until_it_is_to_forget(desk: Desk) -> None:
    await desk.ask("Well?")
    read = Taint(private=True, channels=("C7",))
    async with desk.database.begin() as uow:
        assert await uow.tool_uses.taint(THREAD) == CLEAN
        await uow.tool_uses.keep_taint(THREAD, read)
    async with desk.database.read() as uow:
        assert await uow.tool_uses.taint(THREAD) == read
    await desk.ask("forget")
    async with desk.database.read() as uow:
        assert await uow.tool_uses.taint(THREAD) == CLEAN


async def test_of_two_calls_that_have_read_something_at_once_neither_is_forgotten(
    any_database: Database, clock: TestClock
) -> None:
    desk = Desk(await Bench(any_database, clock).start())
    await desk.say("Well?")
    await desk.settled()
    await desk.bench.background.drain(1)
    reads = [Taint(private=True), Taint(untrusted=True), *(Taint(channels=(f"C{number}",)) for number in range(6))]

    async def learn(taint: Taint) -> None:
        async with any_database.begin() as uow:
            await uow.tool_uses.learn(THREAD, taint)

    await asyncio.gather(*map(learn, reads))
    async with any_database.read() as uow:
        kept = await uow.tool_uses.taint(THREAD)
    assert (kept.private, kept.untrusted, len(kept.channels)) == (True, True, 6)
