"""The system prompt of an agent, as its model is told it."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.agent import AgentSpec
from app.domain.tool_kinds import BY_NAME
from app.domain.views import Block, Bold, Note, Text, Verbatim, View, rich
from app.ports.agents import PromptPart


def prompt(agent: AgentSpec, parts: Sequence[PromptPart]) -> View:
    """`/byok prompt <agent>`."""
    blocks: list[Block] = [Text(rich("This is what ", Bold(agent.name), "'s model is told before anything is said."))]
    for part in parts:
        blocks += [Text(rich(Bold(part.title))), Verbatim(part.text)]
    names = "their names" if agent.share_names else "“Person 1”, “Person 2” and so on"
    tools = dict.fromkeys(kind.title if (kind := BY_NAME.get(grant.tool)) else grant.tool for grant in agent.grants)
    told = f"a description of each of its tools ({', '.join(tools)})" if tools else "of no tools"
    blocks.append(Note(rich(f"Then it is told {told}, and the thread, where people are called {names}.")))
    return View(blocks=tuple(blocks), title=f"Prompt of {agent.name}"[:24])
