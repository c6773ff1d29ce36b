"""Between our messages and Chat Completions, both ways, tolerant of what compatible servers leave out; pure but for reading a stream."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from adapters.models.pieces import count, data_url, tool_call
from app.domain.run import (
    ImagePart,
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
    elif any(isinstance(part, ImagePart) for part in message.parts):
        rows.append({"role": message.role.value, "content": _contents(message)})
    elif text:
        rows.append({"role": message.role.value, "content": text})
    return rows


def _contents(message: ModelMessage) -> list[dict[str, Any]]:
    """Words and pictures, in their order. Without pictures a plain string is understood by more servers."""
    contents: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, TextPart) and part.text.strip():
            contents.append({"type": "text", "text": part.text})
        elif isinstance(part, ImagePart):
            contents.append({"type": "image_url", "image_url": {"url": data_url(part)}})
    return contents


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

    def take(self, chunk: dict[str, Any]) -> str:
        """Note what one chunk says; the text that it adds to the answer."""
        self.model = str(chunk.get("model") or self.model)
        if chunk.get("usage"):
            self.usage = _usage(chunk["usage"])
        text = ""
        for choice in (chunk.get("choices") or ())[:1]:
            self.finish = choice.get("finish_reason") or self.finish
            delta = choice.get("delta") or {}
            text = _text(delta.get("content"))
            self.text += text
            for at, call in enumerate(delta.get("tool_calls") or ()):
                self._take_call(call, at)
        return text

    def _take_call(self, delta: dict[str, Any], at: int) -> None:
        """Merge a piece of a call by its index; servers without one send whole calls, each with an id of its own."""
        index = at if delta.get("index") is None else delta["index"]
        known = self.calls.get(index)
        if known is not None and delta.get("id") and known.id != delta["id"]:
            index, known = max(self.calls) + 1, None
        call = known or self.calls.setdefault(index, _Call(delta.get("id") or f"call_{index}"))
        function = delta.get("function") or {}
        call.name = call.name or function.get("name") or ""
        call.arguments += function.get("arguments") or ""

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
    """Text as it comes, then the whole message if the server said why it finished; usage, where it is told, comes after that.

    Events are JSON objects.
    """
    reading = _Reading()
    async for chunk in events:
        text = reading.take(chunk)
        if text:
            yield TextDelta(text)
    if reading.finish:
        yield reading.done()


def _text(content: Any) -> str:
    """Most send a string; Mistral's reasoning models send a list of parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content or ""


def _usage(usage: dict[str, Any]) -> Usage:
    read, written = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    return Usage(
        input_tokens=count(usage.get("prompt_tokens")),
        output_tokens=count(usage.get("completion_tokens")),
        cached_read=count(read.get("cached_tokens")),
        cached_write=count(read.get("cache_write_tokens")),
        reasoning=count(written.get("reasoning_tokens")),
    )
