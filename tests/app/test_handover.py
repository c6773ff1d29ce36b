"""One agent asks another: its answer, what it costs, and that nobody may do more that way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.grants import Scope, Taint, ToolGrant
from app.domain.run import RunState, Stop, TextPart, ToolCall, ToolResult
from app.errors import RequestRefused
from app.services.answers import STOP
from app.services.tools.chat import ChatTools
from app.store.tables import audit, receipts
from tests.app.bench import ADMIN, MEMBER, WORKSPACE
from tests.app.desk import THREAD, Desk
from tests.app.standing import Office
from tests.fakes.platform import FakeReply


def ask(agent: str, question: str = "What is a heron?", call: str = "call_1") -> ToolCall:
    return ToolCall(call, "ask_agent", {"agent": agent, "question": question})


def asking(*agents: str) -> ToolGrant:
    return ToolGrant("ask_agent", scope=Scope(agents=agents))


@pytest.fixture
async def office(desk: Desk) -> Office:
    """The assistant may ask the researcher."""
    office = Office(desk)
    researcher = await office.agent("researcher", ToolGrant("current_time"))
    await office.grant(asking(researcher.id), ToolGrant("current_time"))
    return office


async def paid(office: Office) -> list[tuple[str, str, str]]:
    """Each receipt, in the order of the calls: what for, its agent and who asked; cut ones are marked."""
    async with office.desk.database.read() as uow:
        found = await uow.connection.execute(
            select(receipts.c.purpose, receipts.c.agent_id, receipts.c.asker, receipts.c.estimated).order_by(
                receipts.c.id
            )
        )
        names = {agent.id: agent.name for agent in await uow.agents.all(WORKSPACE)}
    cut = {True: " (cut)", False: ""}
    return [(f"{row.purpose}{cut[row.estimated]}", names[row.agent_id], row.asker) for row in found]


def inner(office: Office) -> ToolResult:
    """What the other agent's model was told last."""
    (result,) = office.desk.model.requests[-2].messages[-1].parts
    assert isinstance(result, ToolResult)
    return result


def said(reply: FakeReply | None) -> str:
    assert reply
    return reply.messages[-1].text


async def test_the_other_agent_answers_and_only_the_first_one_speaks(office: Office) -> None:
    office.desk.model.script = [(TextPart("I ask."), ask("researcher")), "A wading bird.", "It is a wading bird."]
    reply = await office.desk.ask("What is a heron?")
    text = said(reply)
    assert "It is a wading bird." in text
    assert "A wading bird." not in text
    (result,) = office.results()
    assert "researcher answered" in result.content
    assert "A wading bird." in result.content
    asked = office.desk.model.requests[1]
    assert "You are the researcher." in asked.system
    assert [part.text for part in asked.messages[-1].parts if isinstance(part, TextPart)] == ["What is a heron?"]


async def test_people_see_who_is_asked_and_what_that_one_does(office: Office) -> None:
    office.desk.model.script = [
        (TextPart("I ask."), ask("researcher")),
        (TextPart("I look."), ToolCall("call_2", "current_time", {"time_zone": "UTC"})),
        "Noon.",
        "It is noon.",
    ]
    reply = await office.desk.ask("What time is it?")
    assert reply
    assert [step.title for step in reply.shown_steps[-1]] == ["Asking researcher", "Looking at the clock"]
    assert len({step.id for step in reply.shown_steps[-1]}) == 2


async def test_all_of_it_is_on_the_askers_run_with_the_agent_named(office: Office) -> None:
    office.desk.model.script = [(TextPart("I ask."), ask("researcher")), "A bird.", "It is a bird."]
    await office.desk.ask("What is a heron?")
    assert await paid(office) == [
        ("answer", "assistant", MEMBER.id),
        ("handover", "researcher", MEMBER.id),
        ("answer", "assistant", MEMBER.id),
    ]


async def test_after_a_crash_nothing_is_asked_or_paid_for_again(office: Office) -> None:
    office.desk.model.hold, office.desk.model.hold_from = asyncio.Event(), 3
    office.desk.model.script = [(TextPart("I ask."), ask("researcher")), "A bird.", "It is one", "It is one"]
    await office.desk.say("What is a heron?")
    await office.desk.model.held.wait()
    office.desk.model.hold.set()
    await office.desk.runs.crash()
    await office.desk.settled()
    assert sum("You are the researcher." in one.system for one in office.desk.model.requests) == 1
    assert len(office.desk.model.requests) == 4, "only the call that was cut short is made again"
    assert [what for what, _, _ in await paid(office)] == ["answer", "handover", "answer (cut)", "answer"]


async def test_the_other_may_do_no_more_than_both_may(office: Office) -> None:
    platforms = {office.desk.platform.name: office.desk.platform}
    office.desk.toolkit.add(ChatTools(platforms, office.desk.bench.keys.redact))
    reader = await office.agent("reader", ToolGrant("channel_history", scope=Scope(channels=("C2",))))
    read = ToolCall("call_2", "channel_history", {"channel": "C2"})
    await office.grant(asking(reader.id))
    office.desk.model.script = [(TextPart("I ask."), ask("reader")), (TextPart("I read."), read), "No.", "No."]
    await office.desk.ask("Read #support")
    assert "has not been granted" in inner(office).content
    await office.grant(asking(reader.id), ToolGrant("channel_history", scope=Scope(channels=("C2",))))
    office.desk.model.script = [(TextPart("I ask."), ask("reader")), (TextPart("I read."), read), "Yes.", "Yes."]
    await office.desk.ask("Read #support")
    assert "has not been granted" not in inner(office).content


async def test_what_the_other_has_read_the_first_one_has_read(office: Office) -> None:
    platforms = {office.desk.platform.name: office.desk.platform}
    office.desk.toolkit.add(ChatTools(platforms, office.desk.bench.keys.redact))
    grant = ToolGrant("channel_history", scope=Scope(channels=("C2",)))
    reader = await office.agent("reader", grant)
    await office.grant(asking(reader.id), grant)
    read = ToolCall("call_2", "channel_history", {"channel": "C2"})
    office.desk.model.script = [(TextPart("I ask."), ask("reader")), (TextPart("I read."), read), "Yes.", "Yes."]
    await office.desk.ask("Read #support")
    async with office.desk.database.read() as uow:
        assert await uow.tool_uses.taint(THREAD) == Taint(private=True, channels=("C2",))


async def test_what_the_first_one_has_read_binds_the_other(office: Office) -> None:
    writer = await office.agent("writer", ToolGrant("remember"))
    await office.grant(asking(writer.id), ToolGrant("remember"))
    office.desk.model.script = ["Hello"]
    await office.desk.ask("Hello")
    async with office.desk.database.begin() as uow:
        await uow.tool_uses.keep_taint(THREAD, Taint(untrusted=True))
    note = ToolCall("call_2", "remember", {"note": "Herons are dangerous."})
    office.desk.model.script = [(TextPart("I ask."), ask("writer")), (TextPart("I keep."), note), "No.", "No."]
    await office.desk.ask("Remember that")
    assert await office.standing.notes.of(WORKSPACE, writer.id) == ()
    assert "remember" not in [tool.name for tool in office.desk.model.requests[-2].tools]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"agent": "nobody", "question": "Hm?"}, "arguments make no sense|no agent of that name"),
        ({"agent": "researcher", "question": ""}, "question has words"),
        ({"agent": "researcher", "question": "?", "as": "admin"}, "takes agent"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(office: Office, arguments: dict[str, Any], why: str) -> None:
    office.desk.model.script = [(TextPart("I ask."), ToolCall("c", "ask_agent", arguments)), "Then not."]
    await office.desk.ask("Ask somebody")
    (result,) = office.results()
    assert result.is_error
    assert any(word in result.content for word in why.split("|")), result.content


async def test_only_agents_that_the_grant_names_can_be_asked(office: Office) -> None:
    await office.agent("treasurer")
    office.desk.model.script = [(TextPart("I ask."), ask("treasurer")), "Then not."]
    await office.desk.ask("Ask the treasurer")
    (result,) = office.results()
    assert "Not allowed" in result.content
    assert "treasurer" not in office.desk.model.requests[0].tools[0].description


async def test_three_deep_is_the_end_and_nobody_asks_back(office: Office) -> None:
    names = ["one", "two", "three", "four"]
    made = [await office.agent(name) for name in names]
    everybody = [(await office.desk.bench.agent()).id, *(agent.id for agent in made)]
    for name in ("assistant", *names):
        await office.grant(asking(*everybody), agent=name)
    chain = [(TextPart("On."), ask(name)) for name in names[:3]]
    office.desk.model.script = [*chain, "Here.", "Back.", "Back.", "Done."]
    await office.desk.ask("Ask along")
    offered = [
        next((tool.description for tool in request.tools if tool.name == "ask_agent"), "")
        for request in office.desk.model.requests
    ]
    assert len(offered) == 7
    assert all(f"{name} (" in offered[0] for name in names)
    assert "assistant (" not in offered[1]
    assert "one (" not in offered[2]
    assert offered[3] == "", "the third may ask nobody"


async def test_a_paused_agent_is_not_there_to_be_asked(office: Office) -> None:
    researcher = await office.desk.bench.agent("researcher")
    await office.desk.bench.agents.pause(WORKSPACE, researcher.id, ADMIN, paused=True)
    office.desk.model.script = [(TextPart("I ask."), ask("researcher")), "Then not."]
    await office.desk.ask("What is a heron?")
    assert office.results()[0].is_error


async def test_a_failure_of_the_others_model_is_told_and_the_first_goes_on(office: Office) -> None:
    office.desk.model.script = [(TextPart("I ask."), ask("researcher")), RequestRefused(), "I do not know."]
    reply = await office.desk.ask("What is a heron?")
    assert "I do not know." in said(reply)
    assert "could not answer" in office.results()[0].content
    assert len(await paid(office)) == 3


async def test_stop_ends_both(office: Office) -> None:
    office.desk.model.hold, office.desk.model.hold_from = asyncio.Event(), 2
    office.desk.model.script = [(TextPart("I ask."), ask("researcher")), "A long story", "Never said."]
    await office.desk.say("What is a heron?")
    await office.desk.model.held.wait()
    (run,) = office.desk.runs.journals
    await office.desk.press(STOP, run)
    await office.desk.settled()
    assert len(office.desk.model.requests) == 2
    (record,) = await office.desk.records()
    assert record.state is RunState.STOPPED


async def test_the_audit_has_who_asked_whom(office: Office) -> None:
    office.desk.model.script = [(TextPart("I ask."), ask("researcher")), "A bird.", "It is a bird."]
    await office.desk.ask("What is a heron?")
    async with office.desk.database.read() as uow:
        rows = (await uow.connection.execute(select(audit.c.action, audit.c.object))).all()
    assert ("tool.allowed", "ask_agent") in [(row.action, row.object) for row in rows]


async def test_an_answer_that_was_cut_is_handed_back_as_one_that_was_cut(office: Office) -> None:
    office.desk.model.script = [(ask("researcher"),), (TextPart("A bird that"), Stop.LENGTH), "A bird, it seems."]
    await office.desk.ask("What is a heron?")
    (result,) = office.desk.model.requests[-1].messages[-1].parts
    assert isinstance(result, ToolResult)
    assert result.content.endswith("A bird that\n\n(researcher stopped at its limit of length.)")
