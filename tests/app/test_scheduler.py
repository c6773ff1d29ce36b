"""Schedules as they come round: begun once, on behalf of an admin, in a thread of their own; what goes wrong is told once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.chat import MemberKind
from app.domain.events import Addressed
from app.domain.grants import COLLEAGUES, Approval, Invoker, Scope, ToolGrant
from app.domain.run import RunState, TextPart, ToolCall
from app.errors import BadInput, NotReachable, PlatformUnavailable, RequestRefused
from app.services.answers import STOP
from app.services.explain import RETRY
from app.services.scheduler import MOST_AT_ONCE
from app.services.tools.chat import ChatTools
from tests.app.bench import ADMIN, GOOD, WORKSPACE, words
from tests.app.desk import Desk
from tests.app.standing import Office, thread_of

TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
READ = ToolCall("call_1", "channel_history", {"channel": "#support"})


@pytest.fixture
async def office(desk: Desk) -> Office:
    return Office(desk)


async def test_what_is_due_is_answered_in_a_thread_of_its_own(office: Office) -> None:
    schedule = await office.schedule("Say good morning")
    assert schedule.next_at == TUESDAY
    await office.tick()
    assert office.posted() == []
    office.until(TUESDAY)
    office.desk.model.script = ["Good morning!"]
    await office.tick()
    root, answer = office.posted()
    assert "every day at 09:00 (UTC)" in words(root.views[0])
    assert "Say good morning" in words(root.views[0])
    assert "Nobody is there" not in words(root.views[0])
    assert (answer.text, answer.thread, answer.ref.channel) == ("Good morning!", root.ref.id, "C2")
    assert "Say good morning" in office.desk.model.asked_last()
    assert "Nobody is there to ask back" in office.desk.model.asked_last()
    after = await office.the(schedule)
    assert (after.next_at, after.last_at, after.running, after.last_outcome) == (
        TUESDAY + timedelta(days=1), TUESDAY, False, "",
    )  # fmt: skip
    assert office.desk.platform.told(ADMIN) == []


async def test_it_is_paid_for_by_the_workspace_as_its_creators_question(office: Office) -> None:
    await office.schedule()
    office.until(TUESDAY)
    await office.tick()
    (record,) = await office.desk.records()
    assert (record.asker, record.state) == (ADMIN.id, RunState.DONE)
    assert "schedule.started" in await office.desk.bench.actions()


async def test_whoever_writes_on_in_its_thread_is_answered(office: Office) -> None:
    await office.schedule()
    office.until(TUESDAY)
    await office.tick()
    where = thread_of(office.posted()[0])
    office.desk.model.script = ["Because it is morning."]
    await office.desk.ask("Why?", where=where, addressed=Addressed.FOLLOW_UP)
    assert office.posted()[-1].text == "Because it is morning."


async def test_two_processes_start_it_once(office: Office) -> None:
    await office.schedule()
    office.until(TUESDAY)
    other = office.standing.scheduler(office.desk.runs)
    await asyncio.gather(*(scheduler.tick() for scheduler in (office.scheduler, other, office.scheduler)))
    await office.desk.settled()
    await asyncio.gather(office.scheduler.tick(), other.tick())
    assert len(office.posted()) == 2
    assert len(office.desk.model.requests) == 1


async def test_what_was_missed_while_the_service_was_down_is_made_up_for_once(office: Office) -> None:
    schedule = await office.schedule()
    office.until(TUESDAY + timedelta(days=5, hours=2))
    await office.tick()
    await office.tick()
    assert len(office.posted()) == 2
    assert (await office.the(schedule)).next_at == TUESDAY + timedelta(days=6)


async def test_killed_right_after_it_was_begun_it_is_taken_up_and_begun_once(office: Office) -> None:
    await office.schedule()
    office.until(TUESDAY)
    office.desk.runs.asleep = True  # the process dies before the run begins
    await office.scheduler.tick()
    assert office.posted() == []
    await office.scheduler.tick()
    await office.desk.runs.wake()
    await office.desk.settled()
    await office.tick()
    assert len(office.posted()) == 2


async def test_killed_in_the_middle_it_goes_on_in_the_same_thread(office: Office) -> None:
    office.desk.model.hold = asyncio.Event()
    office.desk.model.script = ["Good morning everybody", "Good morning everybody"]
    await office.schedule()
    office.until(TUESDAY)
    await office.scheduler.tick()
    await office.desk.model.held.wait()
    office.desk.model.hold.set()
    await office.desk.runs.crash()
    await office.tick()
    root, answer = office.posted()
    assert (answer.text, answer.thread) == ("Good morning everybody", root.ref.id)


async def test_a_paused_one_is_not_due_and_goes_on_from_then_on(office: Office) -> None:
    schedule = await office.schedule()
    await office.standing.schedules.pause(schedule.id, ADMIN)
    office.until(TUESDAY + timedelta(days=3, hours=1))
    await office.tick()
    assert office.posted() == []
    await office.standing.schedules.resume(schedule.id, ADMIN)
    await office.tick()
    assert office.posted() == []
    assert (await office.the(schedule)).next_at == TUESDAY + timedelta(days=4)


async def test_when_its_creator_is_no_admin_any_more_it_rests_and_both_sides_are_told_once(office: Office) -> None:
    schedule = await office.schedule()
    office.desk.platform.people[ADMIN] = MemberKind.MEMBER
    office.until(TUESDAY)
    await office.tick()
    office.until(TUESDAY + timedelta(days=1))
    await office.tick()
    assert office.posted() == []
    after = await office.the(schedule)
    assert (after.paused, after.next_at, after.last_outcome) == (True, None, "NotAllowed")
    (told,) = office.desk.platform.told(ADMIN)
    assert "no admin any more" in words(told)
    with pytest.raises(BadInput):
        await office.standing.schedules.resume("sched_unknown", ADMIN)


async def test_a_channel_that_is_gone_is_told_once_and_tried_again_the_next_time(office: Office) -> None:
    schedule = await office.schedule()
    channel = office.desk.platform.channels.all.pop("C2")
    for day in range(2):
        office.until(TUESDAY + timedelta(days=day))
        await office.tick()
    (told,) = office.desk.platform.told(ADMIN)
    assert "channel is not there any more" in words(told)
    assert (await office.the(schedule)).last_outcome == NotReachable.__name__
    office.desk.platform.channels.all["C2"] = channel
    office.until(TUESDAY + timedelta(days=2))
    await office.tick()
    assert len(office.posted()) == 2
    assert (await office.the(schedule)).last_outcome == ""


async def test_while_the_chat_is_down_it_waits(office: Office) -> None:
    schedule = await office.schedule()
    office.until(TUESDAY)
    office.desk.platform.broken = PlatformUnavailable()
    await office.tick()
    assert (await office.the(schedule)).next_at == TUESDAY
    office.desk.platform.broken = None
    await office.tick()
    assert len(office.posted()) == 2


async def test_what_has_to_wait_keeps_nobody_elses_back(office: Office) -> None:
    mine = await office.schedule()
    async with office.desk.database.begin() as uow:
        sealed = await uow.schedules.sealed(WORKSPACE, mine.id)
        assert sealed
        for number in range(MOST_AT_ONCE + 5):  # of a platform that is not served at the moment, and longer due
            other = replace(mine, id=f"sched_{number}", workspace="teams:T9", next_at=TUESDAY - timedelta(hours=1))
            await uow.schedules.add(other, sealed)
    office.until(TUESDAY)
    await office.tick()
    assert len(office.posted()) == 2


async def test_one_that_cannot_be_begun_keeps_no_other_back(office: Office) -> None:
    broken, mine = await office.schedule(), await office.schedule("Say good evening")
    async with office.desk.database.begin() as uow:
        await uow.schedules.delete(WORKSPACE, broken.id)
        sealed = await uow.schedules.sealed(WORKSPACE, mine.id)
        assert sealed
        nowhere = replace(broken, time_zone="Middle/Earth", next_at=TUESDAY - timedelta(hours=1))
        await uow.schedules.add(nowhere, sealed)  # such as a zone that the system knows no more
    office.until(TUESDAY)
    await office.tick()
    assert [one for one in office.posted() if "Say good evening" in "".join(map(words, one.views))]


async def test_without_a_key_nothing_is_posted_and_its_creator_is_told_once(keyless: Desk) -> None:
    office = Office(keyless)
    await office.schedule()
    for day in range(3):
        office.until(TUESDAY + timedelta(days=day))
        await office.tick()
    assert office.posted() == []
    (told,) = office.desk.platform.told(ADMIN)
    assert "no model key" in words(told)


async def test_a_failure_of_the_provider_stands_in_the_thread_and_is_told_once(office: Office) -> None:
    await office.schedule()
    for day in range(2):
        office.until(TUESDAY + timedelta(days=day))
        office.desk.model.script = [BadInput("no")]
        await office.tick()
    assert len(office.desk.platform.told(ADMIN)) == 1
    assert len(office.posted()) == 4


async def test_a_tool_needs_a_grant_for_schedules(office: Office) -> None:
    office.desk.toolkit.add(ChatTools({office.desk.platform.name: office.desk.platform}, office.desk.bench.keys.redact))
    granted = ToolGrant("channel_history", scope=Scope(channels=("C2",)), invokers=COLLEAGUES)
    await office.grant(granted)
    await office.schedule("Summarise #support")
    for day, invokers in enumerate((COLLEAGUES, (Invoker.SCHEDULED,))):
        await office.grant(replace(granted, invokers=invokers))
        office.until(TUESDAY + timedelta(days=day))
        office.desk.model.script = [(TextPart("I look."), READ), "Done."]
        await office.tick()
        told = office.results()[-1].content
        assert ("a schedule" in told) is (invokers == COLLEAGUES), told


async def test_what_would_need_a_persons_consent_is_not_done(office: Office) -> None:
    office.desk.toolkit.add(ChatTools({office.desk.platform.name: office.desk.platform}, office.desk.bench.keys.redact))
    await office.grant(
        ToolGrant(
            "channel_history", scope=Scope(channels=("C2",)), invokers=(Invoker.SCHEDULED,), approval=Approval.ALWAYS
        )
    )
    await office.schedule("Summarise #support")
    office.until(TUESDAY)
    office.desk.model.script = [(TextPart("I look."), READ), "Done."]
    await office.tick()
    assert "Nobody is there who could agree" in office.results()[-1].content


async def test_it_is_for_its_own_agent_whatever_its_words_name(office: Office) -> None:
    await office.agent("writer")
    await office.schedule("writer: say hello")
    office.until(TUESDAY)
    await office.tick()
    (record,) = await office.desk.records()
    assert record.agent_id == (await office.desk.bench.agent("assistant")).id
    assert "writer: say hello" in office.desk.model.asked_last()


async def test_with_its_agent_and_with_the_app_it_goes(office: Office) -> None:
    writer = await office.agent("writer")
    mine = await office.schedule()
    async with office.desk.database.begin() as uow:
        sealed = await uow.schedules.sealed(WORKSPACE, mine.id)
        assert sealed
        await uow.schedules.add(replace(mine, id="sched_2", agent_id=writer.id), sealed)
    await office.desk.bench.agents.delete(WORKSPACE, writer.id, ADMIN)
    assert [one.id for one in await office.standing.schedules.all(WORKSPACE)] == [mine.id]
    await office.desk.bench.workspaces.removed(WORKSPACE)
    assert await office.standing.schedules.all(WORKSPACE) == ()


@pytest.mark.parametrize(
    ("text", "channel", "field"),
    [("", "C2", "text"), ("x" * 1001, "C2", "text"), (f"use {GOOD}", "C2", "text"), ("Hello", "C9", "channel")],
)
async def test_what_cannot_be_set_up_is_refused(office: Office, text: str, channel: str, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        await office.schedule(text, channel=channel)
    assert refused.value.field == field


async def test_of_other_workspaces_nothing_can_be_touched(office: Office) -> None:
    schedule = await office.schedule()
    stranger = replace(ADMIN, workspace="slack:T9")
    for act in (office.standing.schedules.pause, office.standing.schedules.resume, office.standing.schedules.delete):
        with pytest.raises(BadInput):
            await act(schedule.id, stranger)
    assert await office.the(schedule) == schedule


async def test_what_it_is_to_do_stands_nowhere_in_plain_words(office: Office) -> None:
    schedule = await office.schedule("Water the heron")
    async with office.desk.database.read() as uow:
        sealed = await uow.schedules.sealed(WORKSPACE, schedule.id)
    assert sealed
    assert b"heron" not in sealed.blob
    assert await office.standing.schedules.text(schedule) == "Water the heron"


async def test_what_failed_can_be_tried_again_by_its_creator(office: Office) -> None:
    await office.schedule("Say good morning")
    office.until(TUESDAY)
    office.desk.model.script = [RequestRefused()]
    await office.tick()
    (record,) = await office.desk.records()
    office.desk.model.script = ["Good morning!"]
    await office.desk.press(RETRY, record.id, ADMIN)
    await office.desk.settled()
    root, *_, answer = office.posted()
    assert (answer.text, answer.thread) == ("Good morning!", root.ref.id)
    assert "Say good morning" in office.desk.model.asked_last()


async def test_stopped_by_a_person_it_did_not_go_wrong(office: Office) -> None:
    office.desk.model.hold = asyncio.Event()
    office.desk.model.script = ["Good morning everybody"]
    schedule = await office.schedule()
    office.until(TUESDAY)
    await office.scheduler.tick()
    await office.desk.model.held.wait()
    (run,) = office.desk.runs.journals
    await office.desk.press(STOP, run, ADMIN)
    await office.desk.settled()
    await office.scheduler.tick()
    assert office.desk.platform.told(ADMIN) == []
    assert (await office.the(schedule)).last_outcome == ""
