"""Crashes, poison and second tries: every question comes to an end, once, and never in the way of the next."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from app.domain.run import RunState, TextPart, ToolCall
from app.store.tables import inbox, receipts
from tests.app.bench import words
from tests.app.desk import THREAD, Desk
from tests.app.engines import until


async def test_after_a_crash_a_remembered_model_call_is_not_made_again(desk: Desk) -> None:
    call = ToolCall("call_1", "current_time", {})
    desk.model.script = [(TextPart("Let me look."), call)]
    desk.model.hold, desk.model.hold_from = asyncio.Event(), 2
    await desk.say("What time is it?")
    await desk.model.held.wait()
    await desk.runs.crash()
    desk.model.hold.set()
    await desk.settled()
    assert len(desk.model.requests) == 3, "one remembered, one lost in the middle, one made again"
    assert [message.text for message in desk.shown()] == ["Let me look.\n\nHere you are.\n1 step: looking at the clock"]
    async with desk.database.read() as uow:
        paid = (await uow.connection.execute(select(receipts.c.estimated).order_by(receipts.c.id))).scalars().all()
    assert paid == [False, True, False], "what was lost may be billed, too"


async def test_an_answer_that_was_half_shown_is_finished_in_its_own_message(desk: Desk) -> None:
    desk.model.hold = asyncio.Event()
    await desk.say("Well?")
    await desk.model.held.wait()
    await until(lambda: [message.text for message in desk.shown()] == ["Here"])
    (half,) = desk.shown()
    await desk.runs.crash()
    desk.model.hold.set()
    await desk.settled()
    (whole,) = desk.shown()
    assert (whole.ref, whole.text) == (half.ref, "Here you are.")


async def test_a_poisoned_event_is_explained_and_the_next_one_answered(desk: Desk) -> None:
    desk.runs.asleep = True
    await desk.say("poisoned")
    await desk.say("fine")
    async with desk.database.begin() as uow:
        await uow.connection.exec_driver_sql("UPDATE inbox SET payload = x'00' WHERE id = 1")
    await desk.bench.settled()
    await desk.runs.wake()
    await desk.settled()
    failed, answered = desk.shown()
    assert "Latchkey's side" in words(failed.views)
    assert answered.text == "Here you are."
    assert [record.state for record in await desk.records()] == [RunState.FAILED, RunState.DONE]


async def test_a_bug_in_a_model_client_is_explained_and_the_next_event_answered(desk: Desk) -> None:
    desk.model.script = [RuntimeError("a bug")]
    await desk.say("one")
    await desk.say("two")
    await desk.settled()
    failed, answered = desk.shown()
    assert "Latchkey's side" in words(failed.views)
    assert "a bug" not in words(failed.views)
    assert answered.text == "Here you are."


async def test_a_question_whose_actor_came_to_a_bad_end_is_explained_in_the_message_that_was_begun(desk: Desk) -> None:
    desk.model.hold = asyncio.Event()
    await desk.say("Well?")
    await desk.model.held.wait()
    await until(lambda: [message.text for message in desk.shown()] == ["Here"])
    (run,) = desk.runs.journals
    conversation = run.rpartition(".")[0]
    await desk.runs.give_up(run)
    async with desk.database.begin() as uow:
        await uow.inbox.close(conversation, 0)
    await desk.runs.start(conversation)
    await desk.settled()
    (shown,) = desk.shown()
    assert "Latchkey's side" in words(shown.views)
    assert [record.state for record in await desk.records()] == [RunState.FAILED, RunState.FAILED]
    async with desk.database.read() as uow:
        states = (await uow.connection.execute(select(inbox.c.state))).scalars().all()
    assert states == ["done"]


async def test_an_actor_without_an_event_ends_its_generation(desk: Desk) -> None:
    await desk.ask("Well?")
    (first,) = desk.runs.journals
    conversation = first.rpartition(".")[0]
    await desk.runs.start(conversation)
    await desk.settled()
    async with desk.database.read() as uow:
        row = await uow.inbox.conversation(conversation)
    assert row
    assert row.generation == 2
    assert len(desk.platform.thread(THREAD)) == 2
