"""A whole turn in which somebody is asked: the model goes on where it was, and is paid for nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.domain.approvals import ApprovalRecord
from app.domain.events import Action, Nothing, Outcome
from app.domain.grants import Approval, Scope, ToolGrant
from app.domain.run import RunState, TextPart, ToolCall, ToolResult
from app.domain.views import View
from app.ports.platform import StepState
from app.services.screens.approvals import ALWAYS, APPROVE, CANCEL, DENY
from app.store.tables import approvals as table
from app.store.tables import receipts, tool_uses
from tests.app.asking import told
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, words
from tests.app.desk import THREAD, Desk
from tests.app.engines import until

WHAT_TIME = ToolCall("call_1", "current_time", {"time_zone": "Europe/Berlin"})


@pytest.fixture
async def waiting(desk: Desk) -> AsyncIterator[Desk]:
    """Somebody has asked, the agent wants to use a tool, and the card stands in the thread."""
    await grant(desk, ToolGrant("current_time", approval=Approval.ALWAYS, id="grant_time"))
    desk.runs.patience = 30
    desk.model.script = [(TextPart("Let me look."), WHAT_TIME)]
    await desk.say("What time is it?")
    await card(desk)
    yield desk
    await desk.runs.down()


async def grant(desk: Desk, *grants: ToolGrant) -> None:
    async with desk.database.begin() as uow:
        await uow.agents.change(replace(await desk.bench.agent(), grants=grants))


async def card(desk: Desk, number: int = 1) -> ApprovalRecord:
    """What is asked, once its card stands and is known."""

    async def stands() -> bool:
        return len(await kept(desk)) >= number

    await until(stands)
    return (await kept(desk))[number - 1]


async def kept(desk: Desk) -> list[ApprovalRecord]:
    async with desk.database.read() as uow:
        ids = (await uow.connection.execute(select(table.c.id))).scalars().all()
        found = [await uow.approvals.get(WORKSPACE, one) for one in ids]
    carded = [record for record in found if record and record.card]
    return sorted(carded, key=lambda record: int(record.id.rpartition("/")[2]))


def cards(desk: Desk) -> list[View]:
    return [message.views[0] for message in desk.platform.thread(THREAD) if message.aside]


async def press(desk: Desk, action: str, number: int = 1) -> Outcome:
    record = await card(desk, number)
    user = ADMIN if action == ALWAYS else MEMBER
    outcome = await desk.intake.action(Action(user, action, record.id, message=record.card, conversation=THREAD))
    await desk.bench.settled()
    return outcome


async def test_approved_after_a_crash_the_answer_goes_on_and_no_call_is_paid_for_twice(waiting: Desk) -> None:
    await waiting.runs.crash()
    assert await press(waiting, APPROVE) == Nothing()
    await waiting.settled()
    assert len(waiting.model.requests) == 2
    (answer,) = waiting.shown()
    assert answer.text.startswith("Let me look.\n\nHere you are.")
    assert len(cards(waiting)) == 1
    async with waiting.database.read() as uow:
        assert len((await uow.connection.execute(select(receipts.c.id))).all()) == 2
        assert len((await uow.connection.execute(select(tool_uses.c.id))).all()) == 1
    assert [record.state for record in await waiting.records()] == [RunState.DONE]


async def test_while_somebody_is_waited_for_the_answer_says_so(waiting: Desk) -> None:
    await until(lambda: bool(waiting.platform.replies and waiting.platform.replies[-1].shown_steps))
    assert waiting.platform.replies[-1].shown_steps[-1][-1].state is StepState.WAITING


async def test_denied_the_model_is_told_and_answers_without(waiting: Desk) -> None:
    await press(waiting, DENY)
    await waiting.settled()
    (result,) = [
        part for said in waiting.model.requests[-1].messages for part in said.parts if isinstance(part, ToolResult)
    ]
    assert result.is_error
    assert "said no" in result.content
    assert "Here you are." in waiting.shown()[0].text
    assert "tool.denied" in await waiting.bench.actions()
    async with waiting.database.read() as uow:
        assert (await uow.connection.execute(select(tool_uses.c.id))).all() == []


async def test_a_grant_taken_back_between_the_click_and_the_call_is_found(waiting: Desk) -> None:
    (run,) = await waiting.runs.down()
    assert await press(waiting, APPROVE) == Nothing()
    await grant(waiting)
    waiting.runs.patience = 0.05
    await waiting.runs.start(run.rpartition(".")[0])
    await waiting.settled()
    async with waiting.database.read() as uow:
        assert (await uow.connection.execute(select(tool_uses.c.id))).all() == []
    assert "tool.denied" in await waiting.bench.actions()


async def test_a_follow_up_is_told_who_is_waited_for_and_answered_after_a_cancel(waiting: Desk) -> None:
    await waiting.say("Never mind, what is 2 + 2?")
    await waiting.bench.settled()
    (view,) = waiting.platform.told(MEMBER)
    assert "is waiting for approval" in words(view)
    await press(waiting, CANCEL)
    await waiting.settled()
    assert [record.state for record in await waiting.records()] == [RunState.STOPPED, RunState.DONE]
    first, second = waiting.shown()
    assert "Stopped" in words(first.views)
    assert "Here you are." in second.text


async def test_what_was_approved_the_first_time_is_not_asked_again(desk: Desk) -> None:
    await grant(desk, ToolGrant("current_time", approval=Approval.FIRST_TIME, id="grant_time"))
    desk.runs.patience = 30
    desk.model.script = [(WHAT_TIME,), "It is noon.", (replace(WHAT_TIME, id="call_2"),), "It is one."]
    await desk.say("What time is it?")
    await card(desk)
    await press(desk, APPROVE)
    await desk.settled()
    await desk.ask("And now?")
    assert len(cards(desk)) == 1
    assert len(desk.model.requests) == 4
    async with desk.database.read() as uow:
        assert len((await uow.connection.execute(select(tool_uses.c.id))).all()) == 2


async def test_a_click_on_the_card_of_a_run_that_was_answered_long_ago_changes_nothing(waiting: Desk) -> None:
    await press(waiting, APPROVE)
    await waiting.settled()
    assert "approved this already" in told(await press(waiting, DENY))
    assert [record.state for record in await waiting.records()] == [RunState.DONE]


async def test_a_call_beside_one_that_waits_waits_too_and_each_is_asked_for_itself(desk: Desk) -> None:
    await grant(desk, ToolGrant("current_time", approval=Approval.ALWAYS, id="grant_time", scope=Scope()))
    desk.runs.patience = 30
    desk.model.script = [(WHAT_TIME, replace(WHAT_TIME, id="call_2", arguments={"time_zone": "Asia/Tokyo"}))]
    await desk.say("What time is it here and there?")
    await press(desk, APPROVE, 1)
    await press(desk, DENY, 2)
    await desk.settled()
    assert ["approved" in words(view) for view in cards(desk)] == [True, False]
    async with desk.database.read() as uow:
        assert len((await uow.connection.execute(select(tool_uses.c.id))).all()) == 1


async def asked_again_and_again(desk: Desk, *calls: ToolCall) -> None:
    """The model wants the same tool in one step after the other."""
    await grant(desk, ToolGrant("current_time", approval=Approval.ALWAYS, id="grant_time"))
    desk.model.script = [(replace(call, id=f"call_{number}"),) for number, call in enumerate(calls)]


async def test_what_somebody_said_no_to_is_not_asked_again_for_the_same_answer(desk: Desk) -> None:
    desk.runs.patience = 30
    await asked_again_and_again(desk, WHAT_TIME, WHAT_TIME)
    await desk.say("What time is it?")
    await press(desk, DENY)
    await desk.settled()
    assert len(cards(desk)) == 1
    assert len(desk.model.requests) == 3


async def test_where_nobody_answered_once_nobody_is_asked_again_for_the_same_answer(desk: Desk) -> None:
    desk.runs.patience = 0.001
    await asked_again_and_again(desk, WHAT_TIME, replace(WHAT_TIME, arguments={"time_zone": "Asia/Tokyo"}))
    await desk.ask("What time is it?")
    assert len(cards(desk)) == 1
    assert len(desk.model.requests) == 3
    assert "Nobody decided in time" in words(cards(desk)[0])


async def test_one_answer_asks_people_ten_times_at_most(desk: Desk) -> None:
    desk.runs.patience = 30
    zones = [replace(WHAT_TIME, arguments={"time_zone": f"Etc/GMT+{number}"}) for number in range(12)]
    await grant(desk, ToolGrant("current_time", approval=Approval.ALWAYS, id="grant_time"))
    desk.model.script = [tuple(replace(call, id=f"call_{number}") for number, call in enumerate(zones))]
    await desk.say("What time is it everywhere?")
    for number in range(1, 11):
        await press(desk, APPROVE, number)
    await desk.settled()
    assert len(cards(desk)) == 10
    refused = [
        part
        for said in desk.model.requests[-1].messages
        for part in said.parts
        if isinstance(part, ToolResult) and part.is_error
    ]
    assert len(refused) == 2
