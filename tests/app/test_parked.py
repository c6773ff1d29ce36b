"""Questions that wait for what an admin can put right: asked again once, in order, by themselves, and not when nobody wants that any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.domain.chat import ConversationRef, Place
from app.domain.run import RunState, TextPart
from app.errors import KeyRejected, NoCredit
from app.services.parked import AT_ONCE, Cause, Parked, release
from app.services.workspaces import WorkspaceSettings
from app.store.unit_of_work import Database
from tests.app.bench import ADMIN, BAD, GOOD, MEMBER, OTHER, WORKSPACE, Bench, words
from tests.app.desk import THREAD, Desk, direct
from tests.fakes.databases import TestClock

AGAIN = "this is asked again by itself, for up to a day"


class Waiting:
    """A desk whose key died, and what asks again."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.bench = desk.bench
        self.parked = self.another()

    def another(self) -> Parked:
        """As another process has it."""
        bench = self.bench
        return Parked(bench.database, bench.vault, self.desk.runs, keys=bench.keys, clock=bench.clock)

    async def tick(self) -> None:
        await self.parked.tick()
        await self.desk.settled()

    async def die(self) -> None:
        """The provider knows the key no more."""
        self.desk.model.keys = {OTHER}

    async def replace(self) -> None:
        """An admin sets another in its place."""
        await self.bench.set_key(OTHER)

    def answers(self, where: ConversationRef = THREAD) -> list[str]:
        return [message.text for message in self.desk.shown(where) if message.text]

    def questions(self, since: int) -> list[str]:
        """What the model was asked last in each request from this one on."""
        parts = [request.messages[-1].parts[-1] for request in self.desk.model.requests[since:]]
        return [part.text for part in parts if isinstance(part, TextPart)]

    async def count(self) -> int:
        """How many questions wait, or are being asked again."""
        async with self.bench.database.read() as uow:
            return len([run for run in self.desk.runs.journals if await uow.parked.get(WORKSPACE, run)])


@pytest.fixture
async def waiting(any_database: Database, clock: TestClock) -> AsyncIterator[Waiting]:
    bench = await Bench(any_database, clock).start()
    await bench.set_key()
    yield Waiting(Desk(bench))
    await bench.background.drain(1)


def thread(number: int) -> ConversationRef:
    return replace(THREAD, thread=f"1767225600.00010{number}")


async def test_a_question_that_a_dead_key_failed_is_answered_once_a_working_one_stands_in_its_place(
    waiting: Waiting,
) -> None:
    await waiting.die()
    await waiting.desk.ask("How long is a day?")
    assert AGAIN in words(waiting.desk.shown()[-1].views[0])
    assert "Retry" in words(waiting.desk.shown()[-1].views[0])
    await waiting.tick()
    assert len(waiting.desk.shown()) == 1, "nothing is put right yet"
    await waiting.replace()
    await waiting.tick()
    assert waiting.answers() == [waiting.desk.model.answer]
    assert "How long is a day?" in waiting.desk.model.asked_last()
    for _ in range(3):
        await waiting.tick()
    assert len(waiting.desk.shown()) == 2
    assert await waiting.count() == 0


async def test_it_is_asked_once_though_two_processes_look_at_the_same_moment(waiting: Waiting) -> None:
    await waiting.die()
    await waiting.desk.ask("Well?")
    await waiting.replace()
    await asyncio.gather(*(waiting.another().tick() for _ in range(4)))
    await waiting.desk.settled()
    await waiting.tick()
    assert waiting.answers() == [waiting.desk.model.answer]


async def test_a_crash_right_after_it_was_taken_up_loses_nothing(waiting: Waiting) -> None:
    await waiting.die()
    await waiting.desk.ask("Well?")
    await waiting.replace()
    waiting.desk.runs.asleep = True  # the process dies before the actor begins; the engine's sweep finds it
    await waiting.parked.tick()
    await waiting.desk.runs.wake()
    await waiting.desk.settled()
    await waiting.tick()
    assert waiting.answers() == [waiting.desk.model.answer]


async def test_whoever_pressed_retry_meanwhile_is_not_answered_twice(waiting: Waiting) -> None:
    await waiting.die()
    await waiting.desk.ask("Well?")
    await waiting.replace()
    (run,) = await waiting.desk.records()
    await asyncio.gather(waiting.desk.press("retry", run.id), waiting.another().tick())
    await waiting.desk.settled()
    await waiting.tick()
    assert waiting.answers() == [waiting.desk.model.answer]


async def test_a_question_that_was_deleted_is_not_asked_again(waiting: Waiting) -> None:
    await waiting.die()
    asked = await waiting.desk.say("Well?")
    await waiting.desk.settled()
    await waiting.desk.intake.message_deleted(
        replace(waiting.desk.platform.messages[0].ref, id=asked.message_id)
    )  # fmt: skip
    await waiting.replace()
    await waiting.tick()
    assert len(waiting.desk.shown()) == 1


async def test_nothing_is_asked_again_in_a_channel_that_the_app_left_or_after_it_was_removed(waiting: Waiting) -> None:
    await waiting.die()
    elsewhere = replace(thread(1), channel="C2")
    await waiting.desk.ask("Well?")
    await waiting.desk.ask("Well?", where=elsewhere)
    await waiting.desk.intake.left(WORKSPACE, ["C1"])
    assert await waiting.count() == 1
    await waiting.desk.intake.removed(WORKSPACE)
    assert await waiting.count() == 0


async def test_questions_are_asked_again_oldest_first_and_a_few_at_a_time(waiting: Waiting) -> None:
    await waiting.die()
    for number in range(AT_ONCE + 2):
        await waiting.desk.ask(f"Question {number}", where=thread(number))
        waiting.bench.clock.forward(seconds=1)
    await waiting.replace()
    waiting.desk.runs.asleep = True
    await waiting.parked.tick()
    assert len(waiting.desk.runs.missed) == AT_ONCE, "a key that was just set is not stormed"
    await waiting.parked.tick()
    assert len(waiting.desk.runs.missed) == AT_ONCE, "nothing of it has ended"
    before = len(waiting.desk.model.requests)
    await waiting.desk.runs.wake()
    await waiting.desk.settled()
    await waiting.tick()
    asked = waiting.questions(before)
    assert sorted(asked[:AT_ONCE]) == [f"Question {number}" for number in range(AT_ONCE)]
    assert len(asked) == AT_ONCE + 2


async def test_those_of_one_conversation_are_answered_in_the_order_they_were_asked(waiting: Waiting) -> None:
    await waiting.die()
    for number in range(3):
        await waiting.desk.ask(f"Question {number}")
    before = len(waiting.desk.model.requests)
    await waiting.replace()
    await waiting.tick()
    assert waiting.questions(before) == [f"Question {number}" for number in range(3)]


async def test_after_a_day_nothing_is_asked_again(waiting: Waiting) -> None:
    await waiting.die()
    await waiting.desk.ask("Well?")
    waiting.bench.clock.forward(hours=24, seconds=1)
    await waiting.replace()
    await waiting.tick()
    assert len(waiting.desk.shown()) == 1
    assert await waiting.count() == 0


async def test_what_is_refused_again_waits_again_but_no_longer_in_all(waiting: Waiting) -> None:
    await waiting.die()
    await waiting.desk.ask("Well?")
    waiting.bench.clock.forward(hours=20)
    await waiting.replace()
    waiting.desk.model.script = [KeyRejected()]
    await waiting.tick()
    assert len(waiting.desk.shown()) == 2
    assert await waiting.count() == 1
    waiting.bench.clock.forward(hours=5)
    await waiting.tick()
    assert await waiting.count() == 0


async def test_the_rights_are_looked_at_again(waiting: Waiting) -> None:
    await waiting.die()
    await waiting.desk.ask("Well?", where=replace(THREAD, shared=True), user=ADMIN)
    settings = WorkspaceSettings(answer_shared=True)
    await waiting.bench.workspaces.change(WORKSPACE, settings, ADMIN)
    await waiting.desk.ask("Well?", where=replace(thread(1), shared=True))
    assert await waiting.count() == 1
    await waiting.bench.workspaces.change(WORKSPACE, replace(settings, answer_shared=False), ADMIN)
    await waiting.replace()
    before = len(waiting.desk.model.requests)
    await waiting.tick()
    assert len(waiting.desk.model.requests) == before


async def test_an_account_with_credit_again_is_asked_only_once_that_is_known(waiting: Waiting) -> None:
    waiting.desk.model.script = [NoCredit()]
    await waiting.desk.ask("Well?")
    assert f"Once there is credit again, {AGAIN}" in words(waiting.desk.shown()[-1].views[0])
    await waiting.tick()
    assert waiting.answers() == []
    await waiting.desk.ask("Another?", where=thread(1))  # is tried, and works
    await waiting.tick()
    assert waiting.answers() == [waiting.desk.model.answer]


async def test_a_question_from_before_the_first_key_is_answered_once_there_is_one(
    bench: Bench,
) -> None:
    waiting = Waiting(Desk(bench))
    await waiting.desk.ask("Well?")
    assert f"Ask an admin of this workspace to do so; then {AGAIN}" in words(waiting.desk.shown()[-1].views[0])
    with pytest.raises(Exception, match="refused"):
        await bench.set_key(BAD)
    await waiting.tick()
    assert len(waiting.desk.shown()) == 1
    await bench.set_key(GOOD)
    await waiting.tick()
    assert waiting.answers() == [waiting.desk.model.answer]


async def test_an_agent_that_was_moved_to_another_key_answers_what_waited(waiting: Waiting) -> None:
    await waiting.bench.set_key(OTHER, label="second")
    await waiting.die()
    await waiting.desk.ask("Well?")
    second = await waiting.bench.key("second")
    await waiting.tick()
    assert waiting.answers() == [], "nothing steps in by itself"
    async with waiting.bench.database.begin() as uow:
        await uow.agents.change(replace(await waiting.bench.agent(), provider="anthropic", key_id=second.id))
    await waiting.tick()
    assert waiting.answers() == [waiting.desk.model.answer]


async def test_what_waits_for_a_limit_waits_until_that_very_one_is_released(waiting: Waiting) -> None:
    await waiting.desk.ask("Well?")
    (run,) = await waiting.desk.records()
    async with waiting.bench.database.begin() as uow:
        await uow.parked.add(WORKSPACE, run.id, Cause.LIMIT, "limit_1", place=Place.CHANNEL)
        assert await release(uow, WORKSPACE, Cause.LIMIT, "limit_2") == 0
    await waiting.tick()
    assert len(waiting.answers()) == 1
    async with waiting.bench.database.begin() as uow:
        assert await uow.parked.waiting(WORKSPACE, Cause.LIMIT, "limit_1") == 1
        assert await release(uow, WORKSPACE, Cause.LIMIT, "limit_1") == 1
    await waiting.tick()
    assert len(waiting.answers()) == 2


async def test_a_key_that_does_not_open_is_not_tried_over_and_over(waiting: Waiting) -> None:
    async with waiting.bench.database.begin() as uow:
        await uow.connection.execute(text("UPDATE provider_keys SET origin = 'https://elsewhere.example'"))
    await waiting.desk.ask("Well?")
    for _ in range(3):
        await waiting.tick()
    assert len(waiting.desk.shown()) == 1, "nothing has changed, so it would fail again, all day long"
    await waiting.bench.set_key(OTHER)
    await waiting.tick()
    assert waiting.answers() == [waiting.desk.model.answer]


async def test_what_was_asked_in_a_direct_chat_is_asked_there_again(waiting: Waiting) -> None:
    await waiting.die()
    await waiting.desk.ask("Well?", where=direct(MEMBER))
    await waiting.replace()
    await waiting.tick()
    assert waiting.desk.platform.replies[-1].target.conversation.place is Place.DIRECT
    assert waiting.answers(direct(MEMBER)) == [waiting.desk.model.answer]


async def test_a_question_that_somebody_stopped_does_not_wait(waiting: Waiting) -> None:
    waiting.desk.model.hold = asyncio.Event()
    await waiting.desk.say("Well?")
    await waiting.desk.model.held.wait()
    await waiting.desk.intake.stop_requested(THREAD, MEMBER)
    await waiting.desk.settled()
    (run,) = await waiting.desk.records()
    assert run.state is RunState.STOPPED
    assert await waiting.count() == 0


async def test_once_is_told_to_one_of_all_who_ask(any_database: Database) -> None:
    async with any_database.begin() as uow:
        assert await uow.told.once("slack:T1", "expiry:key_1:14")
        assert not await uow.told.once("slack:T1", "expiry:key_1:14")
        assert await uow.told.once("slack:T2", "expiry:key_1:14")
        assert await uow.told.once("slack:T1", "expiry:key_1:7")
        await uow.told.forget_all("slack:T1")
        assert await uow.told.once("slack:T1", "expiry:key_1:14")
