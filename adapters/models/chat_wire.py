"""Between our messages and Chat Completions, both ways, tolerant of what compatible servers leave out; pure but for reading a stream."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from adapters.models.tool_calls import tool_call
from app.domain.run import (
    ModelDone,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    Part,
    Role,
    Stop,
    TextDelta,
    TextPart,
    ToolCall,
    ToolResult,
    ToolSpec,
    Usage,
)

_STOPS = {"length": Stop.LENGTH, "content_filter": Stop.REFUSED, "tool_calls": Stop.TOOL, "function_call": Stop.TOOL}

OPTIONAL = ("max_tokens", "max_completion_tokens", "stream_options", "reasoning_effort")
"""Parameters that some servers refuse, and that an answer can do without."""


def parameters(request: ModelRequest, refused: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The Chat Completions request, without what this server is known to refuse."""
    limit = "max_completion_tokens" if "max_tokens" in refused else "max_tokens"
    asked: dict[str, Any] = {
        "model": request.model,
        "messages": [*_system(request.system), *(row for message in request.messages for row in _rows(message))],
        limit: request.max_output_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        asked["tools"] = [_tool(tool) for tool in request.tools]
    if request.effort is not None:
        asked["reasoning_effort"] = request.effort.value
    return {name: value for name, value in asked.items() if name not in refused}


def _system(text: str) -> list[dict[str, Any]]:
    return [{"role": "system", "content": text}] if text else []


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _rows(message: ModelMessage) -> list[dict[str, Any]]:
    """One message of ours is several here: each tool result is its own. Another vendor's opaque parts are left out."""
    text = "\n\n".join(part.text for part in message.parts if isinstance(part, TextPart) and part.text.strip())
    calls = [_call(part) for part in message.parts if isinstance(part, ToolCall)]
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    rows: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": part.call_id, "content": part.content} for part in results
    ]
    if calls:
        rows.append({"role": message.role.value, "content": text or None, "tool_calls": calls})
    elif text:
        rows.append({"role": message.role.value, "content": text})
    return rows


def _call(part: ToolCall) -> dict[str, Any]:
    function = {"name": part.name, "arguments": json.dumps(dict(part.arguments))}
    return {"id": part.id, "type": "function", "function": function}


@dataclass(slots=True)
class _Call:
    id: str
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class _Reading:
    """An answer in the making."""

    model: str = ""
    text: str = ""
    finish: str = ""
    calls: dict[int, _Call] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    def take_call(self, delta: Any, at: int) -> None:
        """Merge a piece of a call by its index; servers without one send whole calls, each with an id of its own."""
        index = delta.index if getattr(delta, "index", None) is not None else at
        known = self.calls.get(index)
        if known is not None and delta.id and known.id != delta.id:
            index = max(self.calls) + 1
            known = None
        call = known or self.calls.setdefault(index, _Call(delta.id or f"call_{index}"))
        if delta.function is not None:
            call.name = call.name or delta.function.name or ""
            call.arguments += delta.function.arguments or ""

    def done(self) -> ModelDone:
        """The whole message."""
        parts: list[Part] = [TextPart(self.text)] if self.text else []
        parts += [tool_call(call.id, call.name, call.arguments) for _, call in sorted(self.calls.items())]
        stop = _STOPS.get(self.finish, Stop.END)
        if self.calls and stop is Stop.END:
            stop = Stop.TOOL
        elif stop is Stop.TOOL and not self.calls:
            stop = Stop.END
        return ModelDone(ModelMessage(Role.ASSISTANT, tuple(parts)), stop, self.usage, self.model)


async def read(events: AsyncIterator[Any]) -> AsyncGenerator[ModelEvent]:
    """Text as it comes, then the whole message if the server said why it finished; usage, where it is told, comes after that."""
    reading = _Reading()
    async for chunk in events:
        reading.model = chunk.model or reading.model
        if getattr(chunk, "usage", None) is not None:
            reading.usage = _usage(chunk.usage)
        for choice in (chunk.choices or ())[:1]:
            reading.finish = choice.finish_reason or reading.finish
            if choice.delta is None:
                continue
            text = _text(choice.delta.content)
            if text:
                reading.text += text
                yield TextDelta(text)
            for at, call in enumerate(choice.delta.tool_calls or ()):
                reading.take_call(call, at)
    if reading.finish:
        yield reading.done()


def _text(content: Any) -> str:
    """Most send a string; Mistral's reasoning models send a list of parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content or ""


def _usage(usage: Any) -> Usage:
    read = getattr(usage, "prompt_tokens_details", None)
    written = getattr(usage, "completion_tokens_details", None)
    return Usage(
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
        cached_read=getattr(read, "cached_tokens", None) or 0,
        cached_write=getattr(read, "cache_write_tokens", None) or 0,
        reasoning=getattr(written, "reasoning_tokens", None) or 0,
    )
