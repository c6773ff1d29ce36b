"""Ask, decide, run tools, repeat. Pull-driven: nothing happens until the next event is asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import cast

from agents import prompt
from agents.talk import RunningTalk
from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef
from app.domain.grants import Denied, Granted
from app.domain.run import (
    ModelDone,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    Role,
    RunEvent,
    Stop,
    TextDelta,
    ToolCall,
    ToolDecided,
    ToolFinished,
    ToolResult,
    Usage,
)
from app.errors import ContextTooLong
from app.ports.agents import ModelClient, ToolBelt

MAX_MODEL_CALLS = 20
"""Whatever an agent's own limit says."""

MAX_TOOL_CALLS = 50
MAX_PAUSES = 5
"""How often a provider may break its own work off and have it said back."""

PARAGRAPH = "\n\n"


class Runner:
    """The agent loop. It keeps nothing between runs and is as deterministic as the answers it gets."""

    async def run(
        self,
        agent: AgentSpec,
        messages: Sequence[ModelMessage],
        model: ModelClient,
        tools: ToolBelt,
        *,
        where: ConversationRef | None = None,
    ) -> AsyncGenerator[RunEvent]:
        """See AgentRunner."""
        loop = _Loop(agent, model, tools, RunningTalk(agent, messages, model, where), where)
        steps = min(max(1, agent.max_steps), MAX_MODEL_CALLS)
        for _ in range(steps):
            async with aclosing(loop.ask()) as said:
                async for text in said:
                    yield text
            if loop.paused:
                continue
            if loop.done.stop is Stop.REFUSED or not loop.calls:
                break
            async with aclosing(loop.use_tools()) as events:
                async for event in events:
                    yield event
            if loop.limit:
                break
        else:
            loop.limit = f"{steps} steps"
        yield loop.talk.finished(loop.text, loop.done.stop, limit=loop.limit)


class _Loop:
    """One run on its way. `limit` is the one that ended it."""

    def __init__(
        self, agent: AgentSpec, model: ModelClient, tools: ToolBelt, talk: RunningTalk, where: ConversationRef | None
    ) -> None:
        self.talk = talk
        self.text = ""
        self.limit = ""
        self.done = ModelDone(ModelMessage(Role.ASSISTANT, ()), Stop.END, Usage(), model.model)
        """The model's last turn."""

        self._agent = agent
        self._model = model
        self._tools = tools
        self._where = where
        self._left = MAX_TOOL_CALLS
        self._pauses = 0

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """What the model asks for now."""
        return tuple(part for part in self.done.message.parts if isinstance(part, ToolCall))

    @property
    def paused(self) -> bool:
        """Whether the provider broke its own work off: what was said is said back, and it goes on."""
        return self.done.stop is Stop.PAUSE and bool(self.done.message.parts) and not (self.calls or self.limit)

    async def ask(self) -> AsyncGenerator[TextDelta]:
        """Ask the model; if it was too much for it, once more with less."""
        await self.talk.fit()
        before = self.text
        while True:
            try:
                async with aclosing(self._answer()) as said:
                    async for event in said:
                        self.text += event.text
                        yield event
                break
            except ContextTooLong:
                if self.text != before or not await self.talk.shrink():
                    raise
        self.talk.said(self.done)
        self._pauses += self.done.stop is Stop.PAUSE
        if self._pauses > MAX_PAUSES:
            self.limit = f"{MAX_PAUSES} pauses"

    async def use_tools(self) -> AsyncGenerator[ToolDecided | ToolFinished]:
        """Have each call decided on, then make those that were granted."""
        calls = self.calls
        decided: list[tuple[ToolCall, ToolResult | None]] = []
        for call in calls[: self._left]:
            decision = await self._tools.decide(call)
            yield ToolDecided(call, decision)
            decided.append((call, None if isinstance(decision, Granted) else _refused(call, decision)))
        called = iter(await self._tools.call([call for call, refused in decided if refused is None]))
        results = tuple(refused or next(called) for _, refused in decided)
        for (call, _), result in zip(decided, results, strict=True):
            yield ToolFinished(call, result)
        if len(calls) > self._left:
            self.limit = f"{MAX_TOOL_CALLS} tool calls"
        self._left -= len(calls)
        self.talk.heard(results)

    async def _answer(self) -> AsyncGenerator[TextDelta]:
        stream = cast("AsyncGenerator[ModelEvent]", self._model.stream(await self._request()))
        done: ModelDone | None = None
        async with aclosing(stream):
            async for event in _paragraphed(stream, after=self.text):
                if isinstance(event, ModelDone):
                    done = event
                else:
                    yield event
        if done is None:
            message = "a model client ended without ModelDone"
            raise RuntimeError(message)
        self.done = done

    async def _request(self) -> ModelRequest:
        return ModelRequest(
            model=self._model.model,
            system=prompt.system(self._agent, self._where),
            messages=tuple(self.talk.messages),
            tools=await self._tools.specs(),
            max_output_tokens=self._agent.max_output_tokens,
            effort=self._agent.effort,
            web_search=await self._tools.may_search(),
            cache_key=self._agent.id,
        )


def _refused(call: ToolCall, denied: Denied) -> ToolResult:
    return ToolResult(call.id, f"Not allowed: {denied.reason}", is_error=True)


async def _paragraphed(stream: AsyncIterator[ModelEvent], *, after: str) -> AsyncIterator[ModelEvent]:
    """What is said after a tool call begins a paragraph of its own."""
    begun = not after or after.endswith(PARAGRAPH)
    async for event in stream:
        if not begun and isinstance(event, TextDelta) and event.text:
            begun = True
            yield TextDelta(PARAGRAPH)
        yield event
