"""A turn: what is asked of the model, what is shown in the thread, and what people are told when it cannot be."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.domain.agent import AgentSpec
from app.domain.chat import MemberKind, UserRef
from app.domain.events import Addressed, Private
from app.domain.run import RunState, TextPart, ToolCall
from app.domain.views import Button, Buttons, Feedback, View
from app.errors import (
    ContextTooLong,
    CutOff,
    KeyRejected,
    ModelGone,
    NoCredit,
    NotReachable,
    Overloaded,
    PlatformUnavailable,
    ProviderError,
    RateLimited,
)
from app.store.tables import receipts
from tests.app.bench import ADMIN, GOOD, MEMBER, WORKSPACE, words
from tests.app.bench import OTHER as OTHER_KEY
from tests.app.desk import THREAD, Desk, direct
from tests.app.engines import until

OTHER = UserRef(WORKSPACE, "U9OTHER")


def buttons(view: View | None) -> list[str]:
    assert view
    return [
        button.id
        for block in view.blocks
        if isinstance(block, Buttons)
        for button in block.buttons
        if isinstance(button, Button)
    ]


async def test_a_question_is_answered_in_its_thread_with_a_footer_and_thumbs(desk: Desk) -> None:
    reply = await desk.ask("What is a latchkey?")
    assert reply
    assert [message.text for message in desk.shown()] == ["Here you are."]
    (under,) = desk.shown()[0].views
    assert words(under).startswith("assistant · claude-fine")
    assert any(isinstance(block, Feedback) for block in under.blocks)
    assert "".join(reply.appended) == "Here you are."
    assert reply.statuses[0] == "is thinking…"
    assert reply.target.persona.name == "assistant"
    (record,) = await desk.records()
    assert record.state is RunState.DONE


async def test_the_footer_is_left_out_where_admins_want_it_so(desk: Desk) -> None:
    settings = replace(await desk.workspaces.settings(WORKSPACE), footer=False)
    await desk.workspaces.change(WORKSPACE, settings, ADMIN)
    await desk.ask("Well?")
    assert "claude-fine" not in words(desk.shown()[0].views)


async def test_the_thread_is_the_context_and_nobody_is_named_to_the_provider(desk: Desk) -> None:
    desk.platform.say(THREAD, OTHER, "The launch is on Friday, <@U2MEMBER> knows.")
    await desk.ask("When is the launch?")
    asked = desk.model.asked_last()
    assert "Person 1: The launch is on Friday, @Person 2 knows." in asked
    assert asked.count("When is the launch?") == 1
    assert "U9OTHER" not in asked
    assert "U2MEMBER" not in asked


async def test_an_agent_that_shares_names_tells_them(desk: Desk) -> None:
    agent = await desk.bench.agent()
    async with desk.database.begin() as uow:
        await uow.agents.change(replace(agent, share_names=True))
    desk.platform.say(THREAD, OTHER, "Hello")
    await desk.ask("Hi")
    assert "U9OTHER: Hello" in desk.model.asked_last()


async def test_earlier_answers_are_known_in_the_next_turn(desk: Desk) -> None:
    desk.model.script = ["The answer is 42."]
    await desk.ask("What is the answer?")
    await desk.ask("And the question?")
    asked = desk.model.asked_last()
    assert "The answer is 42." in asked
    assert asked.endswith("And the question?")


async def test_a_key_in_the_thread_does_not_reach_the_provider(desk: Desk) -> None:
    desk.platform.say(THREAD, OTHER, f"psst: {GOOD}")
    await desk.ask("What did they say?")
    assert GOOD not in desk.model.asked_last()
    assert "psst" in desk.model.asked_last()


async def test_forget_begins_the_context_anew(desk: Desk) -> None:
    desk.platform.say(THREAD, OTHER, "The old secret plan")
    await desk.ask("forget")
    assert "no longer" in desk.shown()[0].text
    assert desk.model.requests == []
    await desk.ask("What plan?")
    assert "old secret plan" not in desk.model.asked_last()


async def test_a_named_agent_answers_and_stays_the_threads_agent(desk: Desk) -> None:
    agent = AgentSpec("agent_writer", WORKSPACE, "writer", "Writes.", "Write well.")
    async with desk.database.begin() as uow:
        await uow.agents.add(agent)
    first = await desk.ask("writer: a haiku, please")
    second = await desk.ask("another one", addressed=Addressed.FOLLOW_UP)
    assert first
    assert second
    assert (first.target.persona.name, second.target.persona.name) == ("writer", "writer")
    assert "writer:" not in desk.model.asked_last().splitlines()[-1]


async def test_tools_are_called_and_what_they_said_is_told_to_the_model(desk: Desk) -> None:
    call = ToolCall("call_1", "current_time", {})
    desk.model.script = [(TextPart("Let me look."), call), "It is noon."]
    reply = await desk.ask("What time is it?")
    assert reply
    assert desk.shown()[0].text == "Let me look.\n\nIt is noon.\n1 step: looking at the clock"
    assert "".join(reply.appended) == "Let me look.\n\nIt is noon."
    assert "is looking at the clock…" in reply.statuses
    assert len(desk.model.requests) == 2


async def test_each_call_leaves_a_receipt_and_an_audit_entry(desk: Desk) -> None:
    desk.model.script = [(ToolCall("call_1", "current_time", {}),), "It is noon."]
    await desk.ask("What time is it?")
    async with desk.database.read() as uow:
        rows = (await uow.connection.execute(select(receipts).order_by(receipts.c.id))).all()
    key = await desk.bench.key("main")
    assert [(row.key_id, row.input_tokens, row.asker) for row in rows] == [(key.id, 10, MEMBER.id)] * 2
    assert (await desk.bench.actions()).count("key.used") >= 2


async def test_a_key_replaced_during_a_run_is_on_the_receipts_of_the_calls_it_paid_for(desk: Desk) -> None:
    before = await desk.bench.key("main")
    desk.model.script = [(TextPart("Let me look."), ToolCall("call_1", "current_time", {})), "It is noon."]
    desk.model.hold = asyncio.Event()
    await desk.say("What time is it?")
    await desk.model.held.wait()
    await desk.bench.set_key(OTHER_KEY)
    desk.model.hold.set()
    await desk.settled()
    after = await desk.bench.key("main")
    async with desk.database.read() as uow:
        found = await uow.connection.execute(select(receipts.c.key_id, receipts.c.fingerprint).order_by(receipts.c.id))
    assert [tuple(row) for row in found] == [(before.id, before.fingerprint), (before.id, after.fingerprint)]
    assert before.fingerprint != after.fingerprint


async def test_without_a_key_a_member_is_sent_to_an_admin_and_an_admin_is_shown_the_way(keyless: Desk) -> None:
    member = await keyless.ask("Hello?")
    admin = await keyless.ask("Hello?", ADMIN)
    assert member
    assert admin
    assert "Ask an admin" in words(member.explanation)
    assert buttons(member.explanation) == ["retry"]
    assert buttons(admin.explanation) == ["key_add", "retry"]
    assert keyless.model.calls == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyRejected(), "rejected this workspace's key"),
        (NoCredit(), "no credit"),
        (ModelGone(), "no longer offers"),
        (ContextTooLong(), "forget"),
        (CutOff(), "broke off"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_providers_error_is_explained_and_can_be_retried(desk: Desk, error: ProviderError, says: str) -> None:
    desk.model.script = [error]
    reply = await desk.ask("Well?")
    assert reply
    assert says in words(reply.explanation)
    assert buttons(reply.explanation) == ["retry"]
    (record,) = await desk.records()
    assert (record.state, record.error) == (RunState.FAILED, error.code)


async def test_a_provider_that_asks_for_patience_is_asked_again(desk: Desk) -> None:
    desk.model.script = [RateLimited(retry_after=7), Overloaded()]
    reply = await desk.ask("Well?")
    assert reply
    assert desk.shown()[0].text == "Here you are."
    assert "is waiting for the model's provider…" in reply.statuses
    (journal,) = desk.runs.journals.values()
    assert journal.slept == [7, 4.0]


async def test_patience_has_an_end(desk: Desk) -> None:
    desk.model.script = [RateLimited(retry_after=3600)]
    reply = await desk.ask("Well?")
    assert reply
    assert "60 minutes" in words(reply.explanation)
    desk.bench.clock.forward(minutes=61)
    desk.model.script = [Overloaded() for _ in range(9)]
    reply = await desk.ask("Well?")
    assert reply
    assert "overloaded" in words(reply.explanation)
    assert len(desk.model.script) == 5, "four tries"


async def test_what_was_said_before_the_provider_broke_off_stays(desk: Desk) -> None:
    desk.model.script = [(TextPart("The first half"), CutOff())]
    reply = await desk.ask("Well?")
    assert reply
    assert desk.shown()[0].text == "The first half"
    assert "broke off" in words(reply.explanation)


async def test_an_overload_in_the_middle_of_an_answer_is_explained_not_said_twice(desk: Desk) -> None:
    desk.model.script = [(TextPart("The first half"), Overloaded())]
    reply = await desk.ask("Well?")
    assert reply
    assert desk.shown()[0].text == "The first half"
    assert len(desk.model.requests) == 1


async def test_stop_keeps_what_was_said_and_offers_retry(desk: Desk) -> None:
    desk.model.script = ["One two three"]
    desk.model.hold = asyncio.Event()
    await desk.say("Count!")
    await desk.model.held.wait()
    await desk.intake.stop_requested(THREAD, MEMBER)
    await desk.settled()
    assert desk.shown()[0].text == "One"
    assert buttons(desk.platform.replies[-1].explanation) == ["retry"]
    assert "Stopped" in words(desk.platform.replies[-1].explanation)
    assert desk.model.closed == 0
    (record,) = await desk.records()
    assert record.state is RunState.STOPPED


async def test_a_stop_button_works_for_the_asker_and_admins_only(desk: Desk) -> None:
    desk.model.hold = asyncio.Event()
    await desk.say("Count!")
    await desk.model.held.wait()
    (run,) = desk.runs.journals
    refused = await desk.press("stop", run, OTHER)
    assert isinstance(refused, Private)
    await desk.press("stop", run, ADMIN)
    await desk.settled()
    assert [record.state for record in await desk.records()] == [RunState.STOPPED]


async def test_a_stop_while_waiting_for_the_provider_ends_the_wait(desk: Desk) -> None:
    desk.model.script = [RateLimited(retry_after=90)]
    await desk.say("Well?")
    await until(lambda: any(journal.slept for journal in desk.runs.journals.values()))
    await desk.intake.stop_requested(THREAD, MEMBER)
    await desk.settled()
    (record,) = await desk.records()
    assert record.state is RunState.STOPPED
    assert len(desk.model.requests) == 1


async def test_retry_asks_the_same_question_again_once(desk: Desk) -> None:
    desk.model.script = [CutOff()]
    await desk.ask("<@BOT> What is a latchkey?")
    (failed,) = await desk.records()
    refused = await desk.press("retry", failed.id, OTHER)
    assert isinstance(refused, Private)
    await asyncio.gather(*(desk.press("retry", failed.id) for _ in range(3)))
    await desk.settled()
    assert len(desk.model.requests) == 2
    assert desk.model.asked_last().endswith("What is a latchkey?")
    assert [message.text for message in desk.shown()][-1] == "Here you are."
    assert [record.state for record in await desk.records()] == [RunState.FAILED, RunState.DONE]


async def test_a_channel_stays_shared_when_a_question_of_it_is_retried(desk: Desk) -> None:
    allowed = replace(await desk.workspaces.settings(WORKSPACE), answer_shared=True)
    await desk.workspaces.change(WORKSPACE, allowed, ADMIN)
    desk.model.script = [CutOff()]
    await desk.ask("What?", where=replace(THREAD, shared=True))
    (failed,) = await desk.records()
    await desk.workspaces.change(WORKSPACE, replace(allowed, answer_shared=False), ADMIN)
    await desk.press("retry", failed.id)  # the platform does not say there that the channel is shared
    await desk.settled()
    assert len(desk.model.requests) == 1
    assert "shared with other organisations" in words(desk.platform.told(MEMBER)[0])


async def test_a_question_that_is_gone_cannot_be_retried(desk: Desk) -> None:
    desk.model.script = [CutOff()]
    await desk.ask("What?")
    (failed,) = await desk.records()
    desk.platform.messages = [message for message in desk.platform.messages if message.run]
    await desk.press("retry", failed.id)
    await desk.settled()
    assert "not in this conversation" in words(desk.platform.replies[-1].explanation)


async def test_feedback_is_kept(desk: Desk) -> None:
    await desk.ask("Well?")
    (record,) = await desk.records()
    await desk.press("feedback", f"good:{record.id}", OTHER)
    (record,) = await desk.records()
    assert record.feedback == "good"


async def test_who_may_not_ask_is_told_privately(desk: Desk) -> None:
    desk.platform.people[OTHER] = MemberKind.GUEST
    assert await desk.ask("Hello?", OTHER) is None
    assert "Guests" in words(desk.platform.told(OTHER)[0])
    assert desk.model.requests == []


async def test_who_may_not_ask_and_cannot_be_told_hears_nothing_in_public(desk: Desk) -> None:
    desk.platform.people[OTHER] = MemberKind.GUEST
    desk.platform.unreachable.add(OTHER)
    assert await desk.ask("Hello?", OTHER) is None
    assert desk.shown() == []


async def test_a_paused_agent_says_so_to_the_asker_alone(desk: Desk) -> None:
    agent = await desk.bench.agent()
    await desk.bench.agents.pause(WORKSPACE, agent.id, ADMIN, paused=True)
    assert await desk.ask("Hello?") is None
    assert "paused" in words(desk.platform.told(MEMBER)[0])


async def test_a_direct_message_is_answered(desk: Desk) -> None:
    await desk.ask("Hello?", where=direct(), addressed=Addressed.DIRECT)
    assert [message.text for message in desk.shown(direct())] == ["Here you are."]


async def test_a_platform_that_is_away_for_a_while_gets_the_answer_later(desk: Desk) -> None:
    desk.model.hold = asyncio.Event()
    await desk.say("Well?")
    await desk.model.held.wait()
    desk.platform.broken = PlatformUnavailable()
    desk.model.hold.set()
    await until(lambda: any(journal.slept for journal in desk.runs.journals.values()))
    desk.platform.broken = None
    await desk.settled()
    assert [message.text for message in desk.shown()] == ["Here you are."]


async def test_an_answer_that_the_platform_refuses_for_good_is_a_failed_run(desk: Desk) -> None:
    desk.model.hold = asyncio.Event()
    await desk.say("Well?")
    await desk.model.held.wait()
    desk.platform.broken = NotReachable()
    desk.model.hold.set()
    await desk.settled()
    (record,) = await desk.records()
    assert (record.state, record.error) == (RunState.FAILED, "NotReachable")
