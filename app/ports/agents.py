"""All that the agent loop sees: a model and tools with their credentials already applied."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, FileRef, Hints, HistoryMessage, UserRef
from app.domain.grants import CLEAN, Decision, Invoker, Taint, Target, Traits
from app.domain.quotes import without_quotes
from app.domain.run import ModelEvent, ModelMessage, ModelRequest, RunEvent, ToolCall, ToolResult, ToolSpec


class ModelClient(Protocol):
    """A provider with this run's key and model applied."""

    model: str
    context_window: int
    """In tokens; 0 if unknown."""

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """See ModelProvider.stream; raises ProviderError or Stopped."""


class Tool(Protocol):
    """Something an agent can do, its credential applied. Failures are results with `is_error`; an exception is a bug."""

    spec: ToolSpec
    traits: Traits

    def target(self, arguments: Mapping[str, Any]) -> Target:
        """What a call with these arguments would touch; pure. Raises BadInput, in words for the model, where they make no sense."""

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Do it, once."""


class ToolBelt(Protocol):
    """The tools of one run as the host lets the agent have them: listed, decided on and called by the host, never by the model's word."""

    async def specs(self) -> tuple[ToolSpec, ...]:
        """What the model may be told of at this moment, in a stable order."""

    async def may_search(self) -> int:
        """How many times the model's provider may search the web by itself within the next call, where it can."""

    async def decide(self, call: ToolCall) -> Decision:
        """Whether this very call may be made now. Takes as long as a person needs where one must agree. Raises Stopped."""

    async def call(self, calls: Sequence[ToolCall]) -> tuple[ToolResult, ...]:
        """Make calls that were granted, and answer in their order; those that change nothing run beside each other."""


class AgentRunner(Protocol):
    """Ask, decide, run tools, repeat."""

    def run(
        self,
        agent: AgentSpec,
        messages: Sequence[ModelMessage],
        model: ModelClient,
        tools: ToolBelt,
        *,
        where: ConversationRef | None = None,
    ) -> AsyncGenerator[RunEvent]:
        """Yield what happens; ends in exactly one RunFinished, or raises what the model client raised.

        A ToolDecided is yielded before its tool runs. What no longer fits the model's window is summed up by the model itself, aside, once.
        Deterministic: the same answers give the same events. Closing it stops the model's stream.
        """


@dataclass(frozen=True, slots=True)
class PromptPart:
    """A piece of what a model is told before anything is said, with a title for people who read it."""

    title: str
    text: str = field(repr=False)


class SystemPrompt(Protocol):
    """What an agent's model is told before anything is said, part by part. Pure."""

    def __call__(self, agent: AgentSpec, where: ConversationRef | None = None) -> tuple[PromptPart, ...]:
        """The same for every question of a place, and what differs between places last: providers remember what requests begin with."""


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
        """Messages ending with the question, the newest kept: as many as fit the window (in tokens; 0 = unknown), and as many more as a summary can be made of."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run is for: who asked whom what, and where. Plain data, the same on every replay.

    `invoker` is the asker's class; `depth` counts hand-overs from agent to agent; `rights` are those of the agents that handed over, whose
    grants bind this run too. `taint` is of what it begins with: what is in the question, or what the agent before had read.
    `words` are the asker's own, where the question is another agent's: what they named may be looked at.
    """

    run: str
    agent: AgentSpec
    question: Question
    conversation: ConversationRef
    invoker: Invoker
    hints: Hints = field(default_factory=dict)
    depth: int = 0
    rights: tuple[AgentSpec, ...] = ()
    taint: Taint = CLEAN
    words: str = field(default="", repr=False)

    @property
    def own_words(self) -> str:
        """All that the asker wrote themselves in this thread, as far as it is known: never a model's words, nor what they quote."""
        if self.depth:
            return self.words
        earlier = (item for item in self.question.history if item.author == self.question.asker and not item.from_agent)
        return "\n".join(without_quotes(text) for text in [*(item.text for item in earlier), self.question.text])

    @property
    def workspace(self) -> str:
        """The workspace that pays."""
        return self.conversation.workspace


class ToolSource(Protocol):
    """Makes tools for one run, with their credentials applied."""

    async def tools(self, facts: RunFacts) -> Sequence[Tool]:
        """Every tool of this source that can work here; whether the agent may use one is decided by the host."""
