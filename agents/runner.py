"""Ask, decide, run tools, repeat. Pull-driven: nothing happens until the next event is asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import cast

from agents import prompt
from app.domain.agent import AgentSpec
from app.domain.grants import Denied, Granted
from app.domain.run import (
    ModelDone,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    Role,
    RunEvent,
    RunFinished,
    Stop,
    TextDelta,
    ToolCall,
    ToolDecided,
    ToolFinished,
    ToolResult,
    Usage,
)
from app.ports.agents import ModelClient, ToolBelt

MAX_MODEL_CALLS = 20
"""Whatever an agent's own limit says."""

MAX_TOOL_CALLS = 50
PARAGRAPH = "\n\n"


class Runner:
    """The agent loop. It keeps nothing between runs and is as deterministic as the answers it gets."""

    async def run(
        self, agent: AgentSpec, messages: Sequence[ModelMessage], model: ModelClient, tools: ToolBelt
    ) -> AsyncGenerator[RunEvent]:
        """See AgentRunner."""
        talk = list(messages)
        text, usage, room = "", Usage(), MAX_TOOL_CALLS
        steps = min(max(1, agent.max_steps), MAX_MODEL_CALLS)
        for _ in range(steps):
            done: ModelDone | None = None
            request = await _request(agent, talk, model, tools)
            stream = cast("AsyncGenerator[ModelEvent]", model.stream(request))
            async with aclosing(stream):
                async for event in _paragraphed(stream, after=text):
                    if isinstance(event, ModelDone):
                        done = event
                    else:
                        text += event.text
                        yield event
            if done is None:
                message = "a model client ended without ModelDone"
                raise RuntimeError(message)
            usage += done.usage
            talk.append(done.message)
            calls = [part for part in done.message.parts if isinstance(part, ToolCall)]
            if not calls:
                yield RunFinished(text, usage, done.model, done.stop)
                return
            decided: list[tuple[ToolCall, ToolResult | None]] = []
            for call in calls[:room]:
                decision = await tools.decide(call)
                yield ToolDecided(call, decision)
                decided.append((call, None if isinstance(decision, Granted) else _refused(call, decision)))
            called = iter(await tools.call([call for call, refused in decided if refused is None]))
            results = tuple(refused or next(called) for _, refused in decided)
            for (call, _), result in zip(decided, results, strict=True):
                yield ToolFinished(call, result)
            if len(calls) > room:
                yield RunFinished(text, usage, done.model, Stop.TOOL, limit=f"{MAX_TOOL_CALLS} tool calls")
                return
            room -= len(calls)
            talk.append(ModelMessage(Role.USER, results))
        yield RunFinished(text, usage, done.model if done else model.model, Stop.TOOL, limit=f"{steps} steps")


def _refused(call: ToolCall, denied: Denied) -> ToolResult:
    return ToolResult(call.id, f"Not allowed: {denied.reason}", is_error=True)


async def _request(agent: AgentSpec, talk: Sequence[ModelMessage], model: ModelClient, tools: ToolBelt) -> ModelRequest:
    return ModelRequest(
        model=model.model,
        system=prompt.system(agent),
        messages=tuple(talk),
        tools=await tools.specs(),
        max_output_tokens=agent.max_output_tokens,
        effort=agent.effort,
        web_search=await tools.may_search(),
    )


async def _paragraphed(stream: AsyncIterator[ModelEvent], *, after: str) -> AsyncIterator[ModelEvent]:
    """What is said after a tool call begins a paragraph of its own."""
    begun = not after or after.endswith(PARAGRAPH)
    async for event in stream:
        if not begun and isinstance(event, TextDelta) and event.text:
            begun = True
            yield TextDelta(PARAGRAPH)
        yield event
