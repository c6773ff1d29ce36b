"""All that the agent loop sees: a model and tools with their credentials already applied."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.domain.agent import AgentSpec
from app.domain.chat import FileRef, HistoryMessage, UserRef
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

    def run(
        self, agent: AgentSpec, messages: Sequence[ModelMessage], model: ModelClient, tools: Sequence[Tool]
    ) -> AsyncGenerator[RunEvent]:
        """Yield what happens; ends in exactly one RunFinished, or raises what the model client raised.

        A ToolDecided is yielded before its tool runs. Deterministic: the same answers give the same events. Closing it stops the model's stream.
        """


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent is asked: the thread before, the question itself with the files on it, and who is who.

    `names` maps people's ids to what the model may call them ("Person 1", or their names where the agent shares names).
    """

    text: str = field(repr=False)
    asker: UserRef
    history: tuple[HistoryMessage, ...]
    names: Mapping[str, str]
    now: datetime
    files: tuple[FileRef, ...] = ()


class PromptBuilder(Protocol):
    """Makes a prompt of a question, pure."""

    def __call__(self, agent: AgentSpec, question: Question, *, context_window: int) -> tuple[ModelMessage, ...]:
        """Messages within the window (in tokens; 0 = unknown), the newest kept, ending with the question."""


class ToolFactory(Protocol):
    """Makes the tools that an agent was granted, bound to one question."""

    def __call__(self, agent: AgentSpec, question: Question) -> Sequence[Tool]:
        """Every tool that could be granted; the runner's toolbox decides which are listed and called."""
