"""Ask, decide, run tools, repeat. Pull-driven: nothing happens until the next event is asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import cast

from agents import prompt
from agents.toolbox import Toolbox
from app.domain.agent import AgentSpec
from app.domain.grants import Denied
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
from app.ports.agents import ModelClient, Tool

MAX_TOOL_CALLS = 50
PARAGRAPH = "\n\n"


class Runner:
    """The agent loop. It keeps nothing between runs and is as deterministic as the answers it gets."""

    async def run(
        self, agent: AgentSpec, messages: Sequence[ModelMessage], model: ModelClient, tools: Sequence[Tool]
    ) -> AsyncGenerator[RunEvent]:
        """See AgentRunner."""
        toolbox = Toolbox(agent, tools)
        talk = list(messages)
        text, usage, calls_made = "", Usage(), 0
        for _ in range(max(1, agent.max_steps)):
            done: ModelDone | None = None
            stream = cast("AsyncGenerator[ModelEvent]", model.stream(_request(agent, talk, model, toolbox)))
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
            results: list[ToolResult] = []
            for call in calls:
                calls_made += 1
                if calls_made > MAX_TOOL_CALLS:
                    yield RunFinished(text, usage, done.model, Stop.TOOL, limit=f"{MAX_TOOL_CALLS} tool calls")
                    return
                decision = toolbox.decide(call)
                yield ToolDecided(call, decision)
                if isinstance(decision, Denied):
                    result = ToolResult(call.id, f"Not allowed: {decision.reason}.", is_error=True)
                else:
                    result = await toolbox.tool(call.name).call(call.id, call.arguments)
                results.append(result)
                yield ToolFinished(call, result)
            talk.append(ModelMessage(Role.USER, tuple(results)))
        yield RunFinished(text, usage, done.model if done else model.model, Stop.TOOL, limit=f"{agent.max_steps} steps")


def _request(agent: AgentSpec, talk: Sequence[ModelMessage], model: ModelClient, toolbox: Toolbox) -> ModelRequest:
    return ModelRequest(
        model=model.model,
        system=prompt.system(agent),
        messages=tuple(talk),
        tools=toolbox.specs(),
        max_output_tokens=agent.max_output_tokens,
        effort=agent.effort,
    )


async def _paragraphed(stream: AsyncIterator[ModelEvent], *, after: str) -> AsyncIterator[ModelEvent]:
    """What is said after a tool call begins a paragraph of its own."""
    begun = not after or after.endswith(PARAGRAPH)
    async for event in stream:
        if not begun and isinstance(event, TextDelta) and event.text:
            begun = True
            yield TextDelta(PARAGRAPH)
        yield event
