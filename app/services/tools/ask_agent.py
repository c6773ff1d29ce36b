"""A question to another agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.grants import Target, Traits
from app.domain.run import ToolCall, ToolResult, ToolSpec
from app.errors import BadInput
from app.ports.agents import RunFacts, Tool
from app.services.handover import DEEPEST, Handover
from app.services.tool_calls import Within
from app.store.unit_of_work import Database

NAME = "ask_agent"
LONGEST = 4_000


class AskAgent:
    """Knows the agents that its own agent's grants name; nobody who was asked on the way here is asked again."""

    traits = Traits()
    """It reads and changes nothing by itself: what the other one does is decided call by call, and comes with its taint."""

    def __init__(self, facts: RunFacts, agents: Mapping[str, tuple[str, str]], handover: Handover) -> None:
        """`agents` has, by name, the id and what it is good for."""
        self._facts = facts
        self._agents = agents
        self._handover = handover
        listed = "; ".join(f"{name} ({about})" if about else name for name, (_, about) in agents.items())
        self.spec = ToolSpec(
            name=NAME,
            description=(
                "Asks another agent and waits for its answer, which only you see. It knows nothing of this conversation: put "
                f"all it needs into the question. You may ask: {listed or 'nobody'}."
            ),
            parameters={
                "type": "object",
                "properties": {
                    "agent": {"type": "string", "description": "Its name."},
                    "question": {"type": "string", "maxLength": LONGEST},
                },
                "required": ["agent", "question"],
                "additionalProperties": False,
            },
        )

    def target(self, arguments: Mapping[str, Any]) -> Target:
        """See Tool."""
        agent_id, name, _ = self._read(arguments)
        return Target(agent=agent_id, called=name)

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Refused: without the run that it is made in there is nobody to answer."""
        try:
            self._read(arguments)
        except BadInput as error:
            return ToolResult(call_id, error.message, is_error=True)
        return ToolResult(call_id, "Nobody can be asked from here.", is_error=True)

    async def call_with(self, within: Within, call: ToolCall) -> ToolResult:
        """See WithSteps."""
        try:
            agent_id, _, question = self._read(call.arguments)
        except BadInput as error:
            return ToolResult(call.id, error.message, is_error=True)
        return await self._handover.ask(self._facts, agent_id, question, within, call.id)

    def _read(self, arguments: Mapping[str, Any]) -> tuple[str, str, str]:
        name, question = arguments.get("agent"), arguments.get("question")
        if set(arguments) - {"agent", "question"} or not isinstance(name, str) or not isinstance(question, str):
            raise BadInput("ask_agent takes agent (a name) and question.")
        if not 0 < len(question.strip()) <= LONGEST:
            raise BadInput(f"question has words, and at most {LONGEST} characters.", field="question")
        wanted = name.strip().removeprefix("@").casefold()
        if wanted not in self._agents:
            raise BadInput("There is no agent of that name that you may ask.", field="agent")
        return self._agents[wanted][0], wanted, question


class AgentTools:
    """See ToolSource. What is too deep already asks nobody."""

    def __init__(self, database: Database, handover: Handover) -> None:
        self._database = database
        self._handover = handover

    async def tools(self, facts: RunFacts) -> Sequence[Tool]:
        """See ToolSource."""
        granted = {agent for grant in facts.agent.grants if grant.tool == NAME for agent in grant.scope.agents}
        if facts.depth >= DEEPEST or not granted:
            return ()
        on_the_way = {facts.agent.id, *(agent.id for agent in facts.rights)}
        async with self._database.read() as uow:
            found = await uow.agents.all(facts.workspace)
        named = {
            agent.name: (agent.id, agent.description)
            for agent in found
            if agent.id in granted - on_the_way and not agent.paused
        }
        return (AskAgent(facts, named, self._handover),) if named else ()
