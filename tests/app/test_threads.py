"""Threads with several people and several agents: who is answered, by whom, and who is left in peace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.agent import AgentSpec
from app.domain.chat import MemberKind, UserRef
from app.domain.events import Addressed
from app.errors import Unreachable
from tests.app.bench import ADMIN, WORKSPACE
from tests.app.desk import THREAD, Desk

GUEST = UserRef(WORKSPACE, "U7GUEST")
OTHER = UserRef(WORKSPACE, "U9OTHER")


@pytest.fixture
async def agents(desk: Desk) -> Desk:
    async with desk.database.begin() as uow:
        for name in ("writer", "coder"):
            await uow.agents.add(AgentSpec(f"agent_{name}", WORKSPACE, name, "", "Do it well."))
    return desk


async def test_a_follow_up_for_somebody_else_is_not_answered(desk: Desk) -> None:
    await desk.ask("Hello?")
    assert await desk.ask("<@U9OTHER> what do you think?", addressed=Addressed.FOLLOW_UP) is None
    assert await desk.ask("And what does <@U9OTHER> think?", addressed=Addressed.FOLLOW_UP)


async def test_two_bots_do_not_answer_each_other_for_ever(desk: Desk) -> None:
    settings = replace(await desk.workspaces.settings(WORKSPACE), answer_bots=True)
    await desk.workspaces.change(WORKSPACE, settings, ADMIN)
    assert await desk.ask("The build is red, why?", OTHER, from_bot=True)
    assert await desk.ask("Interesting!", OTHER, from_bot=True, addressed=Addressed.FOLLOW_UP) is None


async def test_who_may_not_ask_is_not_told_so_for_talking_in_the_thread(desk: Desk) -> None:
    desk.platform.people[GUEST] = MemberKind.GUEST
    await desk.ask("Hello?")
    assert await desk.ask("See you at noon!", GUEST, addressed=Addressed.FOLLOW_UP) is None
    assert desk.platform.whispers == []
    await desk.ask("And for me?", GUEST)
    assert [whisper.user for whisper in desk.platform.whispers] == [GUEST]


async def test_a_retry_is_answered_by_the_agent_that_was_asked(agents: Desk) -> None:
    agents.model.script = [Unreachable()]
    await agents.ask("writer: a haiku")
    (failed,) = await agents.records()
    await agents.ask("coder: a loop")
    await agents.press("retry", failed.id)
    await agents.settled()
    assert [reply.target.persona.name for reply in agents.platform.replies] == ["writer", "coder", "writer"]
    assert agents.model.asked_last().endswith("a haiku")


async def test_a_retry_asks_all_of_the_question_whoever_it_begins_with(desk: Desk) -> None:
    desk.model.script = [Unreachable()]
    await desk.ask("<@U9OTHER> is away: who stands in?")
    (failed,) = await desk.records()
    first = desk.model.asked_last()
    await desk.press("retry", failed.id)
    await desk.settled()
    assert desk.model.asked_last() == first
    assert "@Person 2 is away" in first


@pytest.mark.parametrize("text", ["writer forget", "@writer forget!", "writer: forget"])
async def test_forget_may_name_the_agent(agents: Desk, text: str) -> None:
    agents.platform.say(THREAD, OTHER, "The old secret plan")
    await agents.ask(text)
    assert agents.model.requests == []
    await agents.ask("What plan?")
    assert "old secret plan" not in agents.model.asked_last()


async def test_what_a_bot_asked_is_a_bots_question_when_somebody_has_it_tried_again(desk: Desk) -> None:
    settings = await desk.workspaces.settings(WORKSPACE)
    await desk.workspaces.change(WORKSPACE, replace(settings, answer_bots=True), ADMIN)
    desk.platform.people[OTHER] = MemberKind.BOT
    desk.model.script = [Unreachable()]
    await desk.ask("The build is red, why?", OTHER, from_bot=True)
    (failed,) = await desk.records()
    await desk.workspaces.change(WORKSPACE, replace(settings, answer_bots=False), ADMIN)
    asked = len(desk.model.requests)
    await desk.press("retry", failed.id, ADMIN)
    await desk.settled()
    assert len(await desk.records()) == 2
    assert len(desk.model.requests) == asked
