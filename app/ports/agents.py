"""All that the agent loop sees: a model and tools with their credentials already applied."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from app.domain.agent import AgentSpec
from app.domain.run import ModelEvent, ModelMessage, ModelRequest, RunEvent, ToolResult, ToolSpec


class ModelClient(Protocol):
    """A provider with this run's key and model applied."""

    model: str
    context_window: int
    """In tokens; 0 if unknown."""

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """See ModelProvider.stream; raises ProviderError or Stopped."""


class Tool(Protocol):
    """Something an agent can do. Failures are results with `is_error`; an exception is a bug."""

    spec: ToolSpec

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Do it, once."""


class AgentRunner(Protocol):
    """Ask, decide, run tools, repeat."""

    def run(self, agent: AgentSpec, messages: Sequence[ModelMessage], model: ModelClient, tools: Sequence[Tool]) -> AsyncGenerator[RunEvent]:
        """Yield what happens; ends in exactly one RunFinished, or raises what the model client raised.

        A ToolDecided is yielded before its tool runs. Deterministic: the same answers give the same events. Closing it stops the model's stream.
        """
