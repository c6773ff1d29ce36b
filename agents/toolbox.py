"""Grants: which tools the model is told of, and whether a call may be made. Deny by default, decided twice."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.agent import AgentSpec
from app.domain.grants import Approval, Decision, Denied, Granted, ToolGrant
from app.domain.run import ToolCall, ToolSpec
from app.ports.agents import Tool


class Toolbox:
    """An agent's tools for one run. What is not granted is neither listed nor called."""

    def __init__(self, agent: AgentSpec, tools: Sequence[Tool]) -> None:
        self._grants: dict[str, ToolGrant] = {grant.tool: grant for grant in agent.grants}
        self._tools = {tool.spec.name: tool for tool in tools}

    def specs(self) -> tuple[ToolSpec, ...]:
        """What the model is told of, in a stable order."""
        return tuple(self._tools[name].spec for name in sorted(self._tools) if isinstance(self._may_use(name), Granted))

    def decide(self, call: ToolCall) -> Decision:
        """Whether this very call may be made, on its parsed arguments."""
        allowed = self._may_use(call.name)
        if isinstance(allowed, Denied):
            return allowed
        if call.malformed:
            return Denied(f"the arguments of {call.name} were not a JSON object")
        for argument, value in self._grants[call.name].pinned.items():
            if call.arguments.get(argument) != value:
                return Denied(f"{call.name} may only use {argument}={value!r}")
        return Granted()

    def tool(self, name: str) -> Tool:
        """The tool of a call that was granted."""
        return self._tools[name]

    def _may_use(self, name: str) -> Decision:
        if name not in self._tools:
            return Denied(f"there is no tool {name!r} here")
        grant = self._grants.get(name)
        if grant is None:
            return Denied(f"this agent has not been granted {name}")
        if grant.approval is not Approval.NEVER:
            # Nobody can be asked yet, and a call that waits for nobody must not be made.
            return Denied(f"{name} needs an approval, which can't be given here")
        return Granted()
