"""`/byok prompt`: what an agent's model is told, for admins to read."""

from __future__ import annotations

from dataclasses import replace

from agents import prompt
from app.domain.chat import ConversationRef
from app.domain.events import Private
from app.domain.grants import ToolGrant
from app.domain.views import Verbatim
from tests.app.bench import MEMBER, WORKSPACE, Bench, words


async def test_admins_read_every_part_of_what_an_agents_model_is_told(bench: Bench) -> None:
    agent = replace(await bench.agent(), instructions="Be *kind*.\nAnd brief.", grants=(ToolGrant("current_time"),))
    async with bench.database.begin() as uow:
        await uow.agents.change(agent)
    outcome = await bench.typed("prompt assistant")
    assert isinstance(outcome, Private)
    shown = [block.text for block in outcome.view.blocks if isinstance(block, Verbatim)]
    told = prompt.system(agent, ConversationRef(WORKSPACE, "C1", "1.1"))
    assert "\n\n".join(shown) == told
    assert "Be *kind*.\nAnd brief." in shown
    read = words(outcome.view)
    assert all(title in read for title in ("House rules", "Tools", "Instructions", "Place", "Person 1"))


async def test_without_tools_it_says_so(bench: Bench) -> None:
    async with bench.database.begin() as uow:
        await uow.agents.change(replace(await bench.agent(), grants=()))
    outcome = await bench.typed("prompt assistant")
    assert isinstance(outcome, Private)
    assert "told of no tools" in words(outcome.view)


async def test_which_agent_is_asked_for_and_one_that_is_not_there_is_said(bench: Bench) -> None:
    for typed, said in (("prompt", "Say whose"), ("prompt nobody", "There is no such agent")):
        outcome = await bench.typed(typed)
        assert isinstance(outcome, Private)
        assert said in words(outcome.view)


async def test_members_do_not_read_it(bench: Bench) -> None:
    outcome = await bench.typed("prompt assistant", by=MEMBER)
    assert isinstance(outcome, Private)
    assert "House rules" not in words(outcome.view)
