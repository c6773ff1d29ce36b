"""Rows of schedules and notes, on both databases: of two that try, one begins and one settles."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.inbox import Arrival
from app.domain.notes import NoteRecord
from app.domain.schedules import Schedule, has_no_thread, occurrence, schedule_of
from app.domain.secrets import SealedSecret
from app.store.unit_of_work import Database
from tests.fakes.databases import TestClock

W = "slack:T1"
SEALED = SealedSecret("dk", b"sealed")


@pytest.fixture
async def schedule(any_database: Database, clock: TestClock) -> Schedule:
    now = clock.now()
    made = Schedule("sched_1", W, "agent_1", "C1", "0 9 * * *", "UTC", "U1", now, next_at=now)
    async with any_database.begin() as uow:
        await uow.workspaces.add(W, "Acme")
        await uow.schedules.add(made, SEALED)
    return made


async def begin(database: Database, schedule: Schedule, clock: TestClock) -> bool:
    async with database.begin() as uow:
        return await uow.schedules.begin(schedule, clock.now() + timedelta(days=1))


async def settle(database: Database, schedule: Schedule, outcome: str) -> bool:
    async with database.begin() as uow:
        return await uow.schedules.settle(schedule, outcome)


async def now_is(database: Database) -> Schedule:
    async with database.read() as uow:
        found = await uow.schedules.get(W, "sched_1")
    assert found
    return found


async def test_of_all_who_try_one_begins_and_one_settles(
    any_database: Database, clock: TestClock, schedule: Schedule
) -> None:
    assert sorted(await asyncio.gather(*(begin(any_database, schedule, clock) for _ in range(5)))) == [False] * 4 + [
        True
    ]
    running = await now_is(any_database)
    assert (running.running, running.last_at) == (True, schedule.next_at)
    settled = await asyncio.gather(*(settle(any_database, running, "NoKey") for _ in range(3)))
    assert sorted(settled) == [False, False, True]
    assert (await now_is(any_database)).last_outcome == "NoKey"


async def test_what_is_due_is_what_is_not_paused_in_workspaces_that_are_there(
    any_database: Database, clock: TestClock, schedule: Schedule
) -> None:
    async with any_database.begin() as uow:
        await uow.schedules.add(replace(schedule, id="sched_2", next_at=clock.now() + timedelta(seconds=1)), SEALED)
        await uow.schedules.add(replace(schedule, id="sched_3", paused=True), SEALED)
    async with any_database.read() as uow:
        assert [one.id for one in await uow.schedules.due(clock.now(), 10)] == ["sched_1"]
    async with any_database.begin() as uow:
        await uow.workspaces.mark_removed(W)
    async with any_database.read() as uow:
        assert await uow.schedules.due(clock.now() + timedelta(days=1), 10) == ()


async def test_what_is_due_is_read_page_by_page(any_database: Database, clock: TestClock, schedule: Schedule) -> None:
    async with any_database.begin() as uow:
        for number in (2, 3, 4):  # two of them at the very moment of the first
            earlier = timedelta(hours=1) if number == 4 else timedelta()
            at = (schedule.next_at or clock.now()) - earlier
            await uow.schedules.add(replace(schedule, id=f"sched_{number}", next_at=at), SEALED)
    found, last = list[str](), None
    async with any_database.read() as uow:
        for _ in range(5):
            for one in await uow.schedules.due(clock.now(), 1, last):
                found.append(one.id)
                last = one
    assert found == ["sched_4", "sched_1", "sched_2", "sched_3"]


async def test_a_conversation_moves_into_its_thread_once_it_has_one(any_database: Database, clock: TestClock) -> None:
    event = occurrence("sched_1", clock.now())
    assert has_no_thread(event)
    assert schedule_of(event) == "sched_1"
    assert not has_no_thread("1767225600.000001")
    assert schedule_of("1767225600.000001") == ""
    async with any_database.begin() as uow:
        (kept,) = await uow.inbox.accept([("conv_1", Arrival(W, "C1", event, event, event, "U1", SEALED))])
        await uow.inbox.move(kept.conversation, "1.0")
    async with any_database.read() as uow:
        found = await uow.inbox.find(W, "C1", "1.0")
        assert found
        assert found.id == kept.conversation
        assert await uow.inbox.waits(W, event)
        assert not await uow.inbox.waits(W, "another")
        assert await uow.runs.of_message(W, "C1", event) is None


async def test_notes_are_of_one_workspace_and_agent(any_database: Database, clock: TestClock) -> None:
    note = NoteRecord("note_1", W, "agent_1", "U1", clock.now(), "U1", "run_1")
    async with any_database.begin() as uow:
        await uow.notes.add(note, SEALED)
        await uow.notes.add(note, SEALED)
        await uow.notes.add(replace(note, id="note_2", agent_id="agent_2", kept_by="U2"), SEALED)
        await uow.notes.add(replace(note, id="note_3", workspace="slack:T2"), SEALED)
    async with any_database.read() as uow:
        assert await uow.notes.all(W, agent="agent_1") == ((note, SEALED),)
        assert [record.id for record, _ in await uow.notes.all(W, kept_by="U2")] == ["note_2"]
        assert await uow.notes.count(W, agent="agent_1") == 1
        assert await uow.notes.get(W, "note_3") is None
    async with any_database.begin() as uow:
        assert not await uow.notes.delete(W, "note_3")
        assert await uow.notes.delete(W, "note_1")
        await uow.notes.forget_agent(W, "agent_2")
        assert await uow.notes.all(W) == ()
        await uow.notes.forget_all("slack:T2")
        assert await uow.notes.get("slack:T2", "note_3") is None
