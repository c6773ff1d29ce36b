"""Between our messages and OpenAI's Responses, both ways; pure but for reading a stream."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from adapters.models.catalog import reasons
from adapters.models.errors import by_reason
from adapters.models.tool_calls import tool_call
from app.domain.run import (
    ModelDone,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    OpaquePart,
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

NAME = "openai"
_SMALLEST_OUTPUT = 16  # the API refuses less


def parameters(request: ModelRequest) -> dict[str, Any]:
    """The Responses request: nothing is stored at the provider, so what it must remember of its reasoning comes back encrypted."""
    asked: dict[str, Any] = {
        "model": request.model,
        "input": [item for message in request.messages for item in _items(message)],
        "max_output_tokens": max(request.max_output_tokens, _SMALLEST_OUTPUT),
        "store": False,
        "stream": True,
    }
    if request.system:
        asked["instructions"] = request.system
    if request.tools:
        asked["tools"] = [_tool(tool) for tool in request.tools]
    if reasons(request.model):
        asked["include"] = ["reasoning.encrypted_content"]
        if request.effort is not None:
            asked["reasoning"] = {"effort": request.effort.value}
    return asked


def _tool(tool: ToolSpec) -> dict[str, Any]:
    parameters = dict(tool.parameters)
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
        "strict": False,
    }


def _items(message: ModelMessage) -> list[dict[str, Any]]:
    return [item for part in message.parts if (item := _item(message.role, part)) is not None]


def _item(role: Role, part: Part) -> dict[str, Any] | None:
    match part:
        case TextPart(text):
            return {"role": role.value, "content": text} if text.strip() else None
        case ToolCall():
            arguments = json.dumps(dict(part.arguments))
            return {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": arguments}
        case ToolResult():
            return {"type": "function_call_output", "call_id": part.call_id, "output": part.content}
        case OpaquePart(provider, data):
            return dict(data) if provider == NAME else None


async def read(events: AsyncIterator[Any]) -> AsyncGenerator[ModelEvent]:
    """Text as it comes, then the whole message once the response was completed (or ended early, for a reason). Raises ProviderError."""
    parts: list[Part] = []
    said = ""
    async for event in events:
        match event.type:
            case "response.output_text.delta" | "response.refusal.delta":
                said += event.delta
                yield TextDelta(event.delta)
            case "response.output_item.done":
                parts += _parts(event.item)
            case "error":
                raise by_reason(status=200, names=(event.code,), text=event.message or "")
            case "response.failed":
                error = event.response.error
                raise by_reason(
                    status=200, names=(getattr(error, "code", None),), text=getattr(error, "message", "") or ""
                )
            case "response.completed" | "response.incomplete":
                yield _done(event.response, parts, said)
                return


def _parts(item: Any) -> list[Part]:
    match item.type:
        case "message":
            texts = (getattr(content, "text", None) or getattr(content, "refusal", None) for content in item.content)
            return [TextPart(text) for text in texts if text]
        case "function_call":
            return [tool_call(item.call_id, item.name, item.arguments or "")]
        case _:
            data = {
                name: value
                for name, value in item.to_dict(mode="json").items()
                if name != "status" and value is not None
            }
            return [OpaquePart(NAME, data)]


def _done(response: Any, parts: list[Part], said: str) -> ModelDone:
    if not parts:  # a server that tells items only at the end, or not at all
        parts = [part for item in response.output or () for part in _parts(item)]
    if said and not any(isinstance(part, TextPart) for part in parts):
        parts = [*parts, TextPart(said)]
    message = ModelMessage(Role.ASSISTANT, tuple(parts))
    return ModelDone(message, _stop(response, parts), _usage(response.usage), response.model or "")


def _stop(response: Any, parts: list[Part]) -> Stop:
    reason = getattr(getattr(response, "incomplete_details", None), "reason", None)
    if reason is not None:
        return Stop.REFUSED if reason == "content_filter" else Stop.LENGTH
    if any(isinstance(part, ToolCall) for part in parts):
        return Stop.TOOL
    kinds = [content.type for item in response.output or () if item.type == "message" for content in item.content]
    return Stop.REFUSED if kinds and all(kind == "refusal" for kind in kinds) else Stop.END


def _usage(usage: Any) -> Usage:
    if usage is None:
        return Usage()
    read = getattr(usage, "input_tokens_details", None)
    written = getattr(usage, "output_tokens_details", None)
    return Usage(
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cached_read=getattr(read, "cached_tokens", None) or 0,
        cached_write=getattr(read, "cache_write_tokens", None) or 0,
        reasoning=getattr(written, "reasoning_tokens", None) or 0,
    )
