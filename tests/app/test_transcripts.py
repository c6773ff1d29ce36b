"""Memory where the platform cannot be asked what was said: what it is good for, and when it is gone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.domain.chat import MessageRef
from app.domain.run import RunState
from app.errors import PlatformError
from app.services.explain import QUESTION_GONE
from app.services.retention import Retention
from app.store.tables import transcripts
from tests.app.bench import ADMIN, GOOD, MEMBER, WORKSPACE
from tests.app.desk import THREAD, Desk
from tests.fakes.journal import MemoryJournal


@pytest.fixture
def forgetful(desk: Desk) -> Desk:
    """A desk whose platform keeps no history."""
    desk.platform.keeps_history = False
    return desk


async def kept(desk: Desk) -> int:
    async with desk.database.read() as uow:
        return int((await uow.connection.execute(select(func.count()).select_from(transcripts))).scalar_one())


async def remember(desk: Desk, hours: int) -> None:
    settings = replace(await desk.workspaces.settings(WORKSPACE), memory_hours=hours)
    await desk.workspaces.change(WORKSPACE, settings, ADMIN)


async def test_what_was_asked_and_answered_is_the_context_of_the_next_question(forgetful: Desk) -> None:
    forgetful.model.script = ["The answer is 42."]
    await forgetful.ask("What is the answer to everything?")
    await forgetful.ask("And the question?")
    asked = forgetful.model.asked_last()
    assert "What is the answer to everything?" in asked
    assert "The answer is 42." in asked
    assert asked.count("And the question?") == 1


async def test_what_nobody_told_latchkey_is_not_known(forgetful: Desk) -> None:
    forgetful.platform.say(THREAD, MEMBER, "Said among people")
    await forgetful.ask("What was said?")
    assert "among people" not in forgetful.model.asked_last()


async def test_another_conversation_remembers_nothing_of_it(forgetful: Desk) -> None:
    await forgetful.ask("The plan is blue.")
    await forgetful.ask("What is the plan?", where=replace(THREAD, thread="1767225600.000777"))
    assert "blue" not in forgetful.model.asked_last()


async def test_nothing_is_kept_where_the_platform_keeps_history(desk: Desk) -> None:
    await desk.ask("Well?")
    assert await kept(desk) == 0


async def test_it_is_sealed_in_every_file(forgetful: Desk) -> None:
    forgetful.model.script = ["needle-in-the-answer"]
    await forgetful.ask("needle-in-the-question")
    assert await kept(forgetful) == 2
    database = Path(forgetful.database.url.database or "")
    for file in database.parent.glob(f"{database.name}*"):
        assert b"needle-in-the" not in file.read_bytes()


async def test_a_key_that_was_answered_with_is_not_remembered(forgetful: Desk) -> None:
    forgetful.model.script = [f"Your key is {GOOD}."]
    await forgetful.ask("What is my key?")
    await forgetful.ask("Again?")
    assert GOOD not in forgetful.model.asked_last()


async def test_it_is_erased_when_its_time_is_over(forgetful: Desk) -> None:
    retention = Retention(forgetful.database, forgetful.bench.memory)
    await forgetful.ask("Well?")
    forgetful.bench.clock.forward(hours=23, minutes=59)
    await retention.tidy()
    assert await kept(forgetful) == 2
    forgetful.bench.clock.forward(minutes=2)
    await retention.tidy()
    assert await kept(forgetful) == 0


async def test_what_is_too_old_is_not_used_though_it_was_not_erased_yet(forgetful: Desk) -> None:
    await forgetful.ask("The plan is blue.")
    forgetful.bench.clock.forward(hours=25)
    await forgetful.ask("What is the plan?")
    assert "blue" not in forgetful.model.asked_last()


async def test_a_workspace_may_want_less_of_it_and_gets_that_at_once(forgetful: Desk) -> None:
    await forgetful.ask("Well?")
    await remember(forgetful, 0)
    await Retention(forgetful.database, forgetful.bench.memory).tidy()
    assert await kept(forgetful) == 0
    reply = await forgetful.ask("And now?")
    assert reply
    assert await kept(forgetful) == 0
    assert forgetful.model.asked_last().endswith("And now?")


async def test_forget_destroys_it_and_what_follows_is_remembered_again(forgetful: Desk) -> None:
    await forgetful.ask("The old plan is blue.")
    await forgetful.ask("forget")
    assert await kept(forgetful) == 0
    await forgetful.ask("The new plan is green.")
    await forgetful.ask("What is the plan?")
    asked = forgetful.model.asked_last()
    assert "blue" not in asked
    assert "green" in asked


async def test_removing_the_app_destroys_it(forgetful: Desk) -> None:
    await forgetful.ask("Well?")
    await forgetful.intake.removed(WORKSPACE)
    assert await kept(forgetful) == 0


async def test_leaving_a_channel_destroys_what_was_said_there_and_nothing_else(forgetful: Desk) -> None:
    elsewhere = replace(THREAD, channel="C2", thread="1767225600.000777")
    await forgetful.ask("Well?")
    await forgetful.ask("The plan is blue.", where=elsewhere)
    await forgetful.intake.left(WORKSPACE, {THREAD.channel})
    assert await kept(forgetful) == 2
    await forgetful.ask("What is the plan?", where=elsewhere)
    assert "blue" in forgetful.model.asked_last()


async def test_a_run_in_a_channel_that_is_left_ends_and_leaves_nothing(forgetful: Desk) -> None:
    forgetful.model.hold = asyncio.Event()
    await forgetful.say("Well?")
    await asyncio.wait_for(forgetful.model.held.wait(), 5)
    forgetful.platform.broken = PlatformError("not in that channel any more")
    await forgetful.intake.left(WORKSPACE, {THREAD.channel})
    await forgetful.settled()
    (record,) = await forgetful.records()
    assert (record.state, record.stop_requested) == (RunState.FAILED, True)  # nobody is there to be told
    assert await kept(forgetful) == 0


async def test_what_waits_in_a_channel_that_is_left_is_not_answered(forgetful: Desk) -> None:
    forgetful.runs.asleep = True
    await forgetful.say("Well?")
    await forgetful.intake.left(WORKSPACE, {THREAD.channel})
    await forgetful.runs.wake()
    await forgetful.settled()
    assert forgetful.model.requests == []
    assert await kept(forgetful) == 0


async def test_what_a_run_says_after_the_app_was_removed_is_not_remembered(forgetful: Desk) -> None:
    forgetful.model.hold = asyncio.Event()
    await forgetful.say("Well?")
    await asyncio.wait_for(forgetful.model.held.wait(), 5)
    await forgetful.intake.removed(WORKSPACE)
    await forgetful.settled()
    assert await kept(forgetful) == 0


async def test_a_question_that_was_taken_back_while_it_was_planned_is_not_remembered(forgetful: Desk) -> None:
    forgetful.runs.asleep = True
    asked = await forgetful.say("Well?")
    await forgetful.bench.settled()
    (conversation,) = forgetful.runs.missed
    async with forgetful.database.begin() as uow:
        taken = await uow.inbox.claim(conversation, 0, f"{conversation}.0")
        assert taken
        await uow.runs.begin(taken[0])
    forgetful.runs.journals[taken[0].run] = MemoryJournal(taken[0].run, {})
    await forgetful.intake.message_deleted(MessageRef(WORKSPACE, THREAD.channel, asked.message_id))
    await forgetful.bench.memory.keep(taken[0], asked.message_id, "Well?", MEMBER)
    assert await kept(forgetful) == 0


async def test_an_edited_question_is_forgotten_as_it_was(forgetful: Desk) -> None:
    asked = await forgetful.say("The password is swordfish.")
    await forgetful.settled()
    await forgetful.intake.message_edited(MessageRef(WORKSPACE, THREAD.channel, asked.message_id), MEMBER)
    await forgetful.ask("What did I say?")
    assert "swordfish" not in forgetful.model.asked_last()


async def test_a_deleted_question_is_forgotten(forgetful: Desk) -> None:
    asked = await forgetful.say("Well?")
    await forgetful.settled()
    await forgetful.intake.message_deleted(MessageRef(WORKSPACE, THREAD.channel, asked.message_id))
    assert await kept(forgetful) == 1


async def test_a_question_that_no_key_could_answer_is_there_for_retry(keyless: Desk) -> None:
    keyless.platform.keeps_history = False
    await keyless.ask("What is a latchkey?")
    await keyless.bench.set_key()
    (record,) = await keyless.records()
    await keyless.press("retry", record.id)
    await keyless.settled()
    assert "What is a latchkey?" in keyless.model.asked_last()


async def test_without_memory_there_is_nothing_to_repeat_and_people_are_told(forgetful: Desk) -> None:
    await remember(forgetful, 0)
    await forgetful.ask("Well?")
    (record,) = await forgetful.records()
    await forgetful.press("retry", record.id)
    await forgetful.settled()
    assert [record.error for record in await forgetful.records()] == ["", QUESTION_GONE]
