"""What came in is kept once, in order, and taken up by one actor after the other; on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, text

from app.domain.chat import MessageRef
from app.domain.inbox import Accepted, Arrival, Claim
from app.domain.run import RunState
from app.domain.secrets import SealedSecret
from app.ports.platform import PartRef
from app.store.tables import inbox
from app.store.unit_of_work import Database, UnitOfWork
from tests.fakes.databases import TestClock

W = "slack:T1"


def arrival(
    n: int, *, event: str = "", thread: str = "1.0", files: int = 0, sealed: bytes | None = b"sealed"
) -> Arrival:
    payload = SealedSecret("dk1", sealed) if sealed else None
    return Arrival(W, "C1", thread, event or f"Ev{n}", f"{n}.0", "U1", payload, files)


async def keep(database: Database, *arrivals: Arrival) -> tuple[Accepted, ...]:
    async with database.begin() as uow:
        return await uow.inbox.accept([(f"conv_{item.event_id}", item) for item in arrivals])


async def claim(database: Database, conversation: str, generation: int, run: str) -> Claim | None:
    async with database.begin() as uow:
        found = await uow.inbox.claim(conversation, generation, run)
        if found:
            await uow.runs.begin(found[0])
        return found[0] if found else None


async def done(database: Database, taken: Claim, generation: int) -> bool:
    async with database.begin() as uow:
        await uow.inbox.finish(taken.inbox_id)
        await uow.runs.finish(taken.run, RunState.DONE)
        return await uow.inbox.close(taken.conversation, generation)


async def withdraw(database: Database, inbox_id: int) -> str:
    async with database.begin() as uow:
        return await uow.inbox.withdraw(inbox_id)


async def states(database: Database) -> list[str]:
    async with database.read() as uow:
        return list((await uow.connection.execute(select(inbox.c.state).order_by(inbox.c.id))).scalars())


async def somebody_waits_for(uow: UnitOfWork, database: Database) -> None:
    """On PostgreSQL, until another transaction waits for a lock; SQLite has but one writer at a time anyway."""
    async with asyncio.timeout(10):
        while not database.is_sqlite:
            if (await uow.connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))).scalar():
                return
            await asyncio.sleep(0.01)


async def test_a_redelivery_is_recognised_by_its_event_and_a_double_by_its_message(any_database: Database) -> None:
    first, again = await keep(any_database, arrival(1), arrival(1))
    (double,) = await keep(any_database, arrival(1, event="EvOther"))
    assert (first.fresh, again.fresh, double.fresh) == (True, False, False)
    assert first.conversation == again.conversation == double.conversation


async def test_events_are_taken_up_oldest_first_and_one_generation_handles_one(any_database: Database) -> None:
    first, *_ = await keep(any_database, arrival(1), arrival(2), arrival(3, thread="other"))
    conversation = first.conversation

    one = await claim(any_database, conversation, 0, "r0")
    assert one
    assert one.message_id == "1.0"
    again = await claim(any_database, conversation, 0, "r0")
    assert again == replace(one, first=False), "asked again after a crash: the same event"
    assert await done(any_database, one, 0) is True

    assert await claim(any_database, conversation, 0, "r0") is None, "that generation is over"
    two = await claim(any_database, conversation, 1, "r1")
    assert two
    assert two.message_id == "2.0"
    assert await done(any_database, two, 1) is False
    assert await claim(any_database, conversation, 2, "r2") is None


async def test_closing_twice_bumps_once(any_database: Database) -> None:
    (kept,) = await keep(any_database, arrival(1))
    async with any_database.begin() as uow:
        assert await uow.inbox.close(kept.conversation, 0) is True
        assert await uow.inbox.close(kept.conversation, 0) is True
    async with any_database.read() as uow:
        found = await uow.inbox.conversation(kept.conversation)
    assert found
    assert found.generation == 1


async def test_an_event_that_comes_while_its_actor_closes_is_never_left_behind(any_database: Database) -> None:
    (kept,) = await keep(any_database, arrival(0))
    taken = await claim(any_database, kept.conversation, 0, "r0")
    assert taken
    more, _ = await asyncio.gather(done(any_database, taken, 0), keep(any_database, arrival(1)))
    async with any_database.read() as uow:
        row = await uow.inbox.conversation(kept.conversation)
    assert row
    assert row.generation == 1
    # either the closing actor saw it, or whoever kept it finds the next generation: both start the same actor
    assert more or await claim(any_database, kept.conversation, row.generation, "r1")


async def test_what_a_dead_run_had_taken_up_passes_to_the_next_with_its_reply(any_database: Database) -> None:
    (kept,) = await keep(any_database, arrival(1))
    dead = await claim(any_database, kept.conversation, 0, "r0")
    assert dead
    part = PartRef(0, MessageRef(W, "C1", "9.9"), streamed=True)
    async with any_database.begin() as uow:
        await uow.runs.save_part("r0", part)
        await uow.inbox.close(kept.conversation, 0)

    heir = await claim(any_database, kept.conversation, 1, "r1")
    assert heir
    assert heir.again
    async with any_database.read() as uow:
        assert await uow.runs.parts(W, "r1") == (part,)
        assert await uow.runs.run_of_part(part.message) == "r1"
        record = await uow.runs.get(W, "r0")
    assert record
    assert record.state is RunState.FAILED


async def test_files_that_come_with_the_second_event_replace_a_waiting_payload(any_database: Database) -> None:
    (kept,) = await keep(any_database, arrival(1, sealed=b"without"))
    await keep(any_database, arrival(1, event="EvFiles", files=2, sealed=b"with files"))
    assert await claim(any_database, kept.conversation, 0, "r0")
    await keep(any_database, arrival(1, event="EvLate", files=3, sealed=b"too late"))
    async with any_database.begin() as uow:
        taken = await uow.inbox.claim(kept.conversation, 0, "r0")
    assert taken
    assert taken[1] == SealedSecret("dk1", b"with files")


async def test_a_finished_event_keeps_its_ids_for_a_day_and_its_content_not_at_all(
    any_database: Database, clock: TestClock
) -> None:
    (kept,) = await keep(any_database, arrival(1))
    taken = await claim(any_database, kept.conversation, 0, "r0")
    assert taken
    await done(any_database, taken, 0)
    async with any_database.read() as uow:
        assert (await uow.connection.execute(select(inbox.c.payload))).scalar() is None

    clock.forward(hours=23)
    async with any_database.begin() as uow:
        await uow.inbox.forget(timedelta(hours=24))
    assert [item.fresh for item in await keep(any_database, arrival(1))] == [False]

    clock.forward(hours=2)
    async with any_database.begin() as uow:
        await uow.inbox.forget(timedelta(hours=24))
    assert [item.fresh for item in await keep(any_database, arrival(1))] == [True]


async def test_a_tombstone_is_never_claimed(any_database: Database) -> None:
    (kept,) = await keep(any_database, arrival(1, sealed=None))
    assert kept.fresh
    assert await claim(any_database, kept.conversation, 0, "r0") is None


async def test_what_is_just_being_taken_up_is_not_withdrawn_and_its_run_is_told(any_database: Database) -> None:
    (kept,) = await keep(any_database, arrival(1))
    async with any_database.begin() as taking:
        taken = await taking.inbox.claim(kept.conversation, 0, "r0")
        assert taken
        withdrawing = asyncio.create_task(withdraw(any_database, taken[0].inbox_id))
        await somebody_waits_for(taking, any_database)
    assert await withdrawing == "r0"
    assert await states(any_database) == ["running"]


async def test_what_is_just_being_withdrawn_is_not_taken_up(any_database: Database) -> None:
    (kept,) = await keep(any_database, arrival(1))
    async with any_database.begin() as withdrawing:
        (item,) = await withdrawing.inbox.message(W, "C1", "1.0")
        assert await withdrawing.inbox.withdraw(item.inbox_id) == ""
        taking = asyncio.create_task(claim(any_database, kept.conversation, 0, "r0"))
        await somebody_waits_for(withdrawing, any_database)
    assert await taking is None
    assert await states(any_database) == ["done"]
    async with any_database.begin() as uow:
        assert await uow.inbox.close(kept.conversation, 0) is False


async def test_only_what_has_waited_long_is_unattended(any_database: Database, clock: TestClock) -> None:
    (kept,) = await keep(any_database, arrival(1))
    clock.forward(seconds=4)
    async with any_database.read() as uow:
        assert await uow.inbox.unattended(timedelta(seconds=5)) == ()
        assert await uow.inbox.unattended(timedelta(seconds=3)) == (kept.conversation,)


async def test_a_message_is_found_with_its_repetitions_and_no_other(any_database: Database) -> None:
    await keep(any_database, arrival(1), arrival(2, event="EvRetry"), arrival(11))
    async with any_database.begin() as uow:
        await uow.inbox.accept([("c", Arrival(W, "C1", "1.0", "again", "1.0#r0", "U1", None))])
        found = await uow.inbox.message(W, "C1", "1.0")
    assert [item.message_id for item in found] == ["1.0", "1.0#r0"]


async def test_stop_and_feedback_are_kept_with_the_run(any_database: Database) -> None:
    (kept,) = await keep(any_database, arrival(1))
    taken = await claim(any_database, kept.conversation, 0, "r0")
    assert taken
    async with any_database.begin() as uow:
        assert [item.id for item in await uow.runs.running(W, kept.conversation)] == ["r0"]
        assert await uow.runs.request_stop("r0")
        assert await uow.runs.stop_requested("r0")
        await uow.runs.keep_feedback("r0", "good")
        record = await uow.runs.get(W, "r0")
        assert record
        await uow.runs.finish("r0", RunState.STOPPED)
        assert not await uow.runs.request_stop("r0"), "it has ended"
        assert await uow.runs.get("slack:T2", "r0") is None, "another workspace's eyes"
        ended = await uow.runs.get(W, "r0")
    assert ended
    assert (ended.state, ended.feedback, ended.thread) == (RunState.STOPPED, "good", "1.0")
