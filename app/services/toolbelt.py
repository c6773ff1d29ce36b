"""The tools of one run as the host lets the agent have them: listed, decided on, called, shown and written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.grants import Decision, Denied, Granted, ToolGrant
from app.domain.run import Json, ToolCall, ToolResult, ToolSpec
from app.ports.agents import RunFacts, Tool
from app.ports.engine import Journal
from app.services.codec import dump, load
from app.services.delivery import Delivery


class Belt:
    """See ToolBelt."""

    def __init__(self, facts: RunFacts, tools: Sequence[Tool], journal: Journal, delivery: Delivery) -> None:
        self._tools: Mapping[str, Tool] = {tool.spec.name: tool for tool in tools}
        self._grants: Mapping[str, ToolGrant] = {grant.tool: grant for grant in facts.agent.grants}
        self._journal = journal
        self._delivery = delivery

    async def specs(self) -> tuple[ToolSpec, ...]:
        """See ToolBelt."""
        return tuple(tool.spec for name, tool in sorted(self._tools.items()) if name in self._grants)

    async def decide(self, call: ToolCall) -> Decision:
        """See ToolBelt."""
        if call.name not in self._tools or call.name not in self._grants:
            return Denied(f"this agent has not been granted {call.name}.")
        if call.malformed:
            return Denied("the arguments were not a JSON object.")
        return Granted()

    async def call(self, calls: Sequence[ToolCall]) -> tuple[ToolResult, ...]:
        """See ToolBelt."""
        return tuple([await self._call(call) for call in calls])

    async def _call(self, call: ToolCall) -> ToolResult:
        async def work() -> Json:
            await self._delivery.status(f"is using {call.name}…")
            return dump(await self._tools[call.name].call(call.id, call.arguments))

        return load(ToolResult, await self._journal.step(f"tool:{call.name}", work, stoppable=True))
