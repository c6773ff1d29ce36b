"""Between our messages and OpenAI's Responses, both ways; pure but for reading a stream."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any

from adapters.models.catalog import reasons
from adapters.models.errors import by_reason
from adapters.models.pieces import cited, count, data_url, tool_call
from app.domain.run import (
    DocumentPart,
    FilePart,
    ImagePart,
    ModelDone,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    OpaquePart,
    Part,
    Role,
    Source,
    Stop,
    TextDelta,
    TextPart,
    ToolCall,
    ToolResult,
    ToolSpec,
    Usage,
)
from app.errors import ProviderError

NAME = "openai"
_SEARCH = "web_search_call"
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
    if request.cache_key:
        asked["prompt_cache_key"] = request.cache_key
    if request.system:
        asked["instructions"] = request.system
    tools = [_tool(tool) for tool in request.tools] + ([{"type": "web_search"}] if request.web_search else [])
    include = []
    if tools:
        asked["tools"] = tools
    if request.web_search:
        include.append("web_search_call.action.sources")
        asked["max_tool_calls"] = request.web_search  # counts what the vendor runs itself
    if reasons(request.model):
        include.append("reasoning.encrypted_content")
        if request.effort is not None:
            asked["reasoning"] = {"effort": request.effort.value}
    if include:
        asked["include"] = include
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
        case ImagePart():
            return {"role": role.value, "content": [{"type": "input_image", "image_url": data_url(part)}]}
        case DocumentPart(name, data):
            whole = f"data:application/pdf;base64,{base64.b64encode(data).decode()}"
            return {"role": role.value, "content": [{"type": "input_file", "filename": name, "file_data": whole}]}
        case ToolCall():
            arguments = json.dumps(dict(part.arguments))
            return {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": arguments}
        case ToolResult():
            return {"type": "function_call_output", "call_id": part.call_id, "output": part.content}
        case OpaquePart(provider, data):
            return dict(data) if provider == NAME else None
        case FilePart():  # what is in it came in its place
            return None


async def read(events: AsyncIterator[Any]) -> AsyncGenerator[ModelEvent]:
    """Text as it comes, then the whole message once the response was completed (or ended early, for a reason). Events are JSON objects.

    Raises ProviderError for a failure that the stream itself tells.
    """
    items: list[dict[str, Any]] = []
    said = ""
    async for event in events:
        match event["type"]:
            case "response.output_text.delta" | "response.refusal.delta":
                said += event["delta"]
                yield TextDelta(event["delta"])
            case "response.output_item.done":
                items.append(event["item"])
            case "error":
                raise _failure(event)
            case "response.failed":
                raise _failure(event["response"].get("error") or {})
            case "response.completed" | "response.incomplete":
                yield _done(event["response"], items, said)
                return


def _failure(error: dict[str, Any]) -> ProviderError:
    return by_reason(status=200, names=(error.get("code"), error.get("type")), text=str(error.get("message") or ""))


def _parts(item: dict[str, Any]) -> list[Part]:
    match item["type"]:
        case "message":
            texts = (content.get("text") or content.get("refusal") for content in item["content"])
            return [TextPart(text) for text in texts if text]
        case "function_call":
            return [tool_call(item["call_id"], item["name"], item.get("arguments") or "")]
        case _:
            left_out = () if item["type"] == _SEARCH else ("status",)
            kept = {name: value for name, value in item.items() if name not in left_out and value is not None}
            return [OpaquePart(NAME, kept)]


def _done(response: dict[str, Any], items: list[dict[str, Any]], said: str) -> ModelDone:
    items = items or response.get("output") or []  # some servers tell items only at the end, or not at all
    parts = [part for item in items for part in _parts(item)]
    if said and not any(isinstance(part, TextPart) for part in parts):
        parts = [*parts, TextPart(said)]
    usage = replace(_usage(response.get("usage") or {}), searches=_searches(response, items))
    message, model = ModelMessage(Role.ASSISTANT, tuple(parts)), str(response.get("model") or "")
    return ModelDone(message, _stop(response, parts), usage, model, cited(_citations(items)), _found(items))


def _searches(response: dict[str, Any], items: list[dict[str, Any]]) -> int:
    """How many are billed, as the response tells it; else how many were made: looking at a page found before is none."""
    billed = ((response.get("tool_usage") or {}).get("web_search") or {}).get("num_requests")
    if billed is not None:
        return count(billed)
    actions = [item.get("action") or {} for item in items if item["type"] == _SEARCH]
    return sum(action.get("type", "search") == "search" for action in actions)


def _citations(items: list[dict[str, Any]]) -> list[Source]:
    contents = [content for item in items if item["type"] == "message" for content in item["content"]]
    told = (note for content in contents for note in content.get("annotations") or () if note["type"] == "url_citation")
    return [Source(str(one.get("title") or ""), str(one["url"])) for one in told]


def _found(items: list[dict[str, Any]]) -> tuple[str, ...]:
    """The addresses of pages that its searches found, or that it looked at."""
    actions = [item.get("action") or {} for item in items if item["type"] == _SEARCH]
    pages = [page for action in actions for page in (*(action.get("sources") or ()), action)]
    return tuple(dict.fromkeys(str(page["url"]) for page in pages if page.get("url")))


def _stop(response: dict[str, Any], parts: list[Part]) -> Stop:
    reason = (response.get("incomplete_details") or {}).get("reason")
    if reason is not None:
        return Stop.REFUSED if reason == "content_filter" else Stop.LENGTH
    if any(isinstance(part, ToolCall) for part in parts):
        return Stop.TOOL
    messages = (item for item in response.get("output") or () if item["type"] == "message")
    kinds = [content["type"] for item in messages for content in item["content"]]
    return Stop.REFUSED if kinds and all(kind == "refusal" for kind in kinds) else Stop.END


def _usage(usage: dict[str, Any]) -> Usage:
    read, written = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return Usage(
        input_tokens=count(usage.get("input_tokens")),
        output_tokens=count(usage.get("output_tokens")),
        cached_read=count(read.get("cached_tokens")),
        cached_write=count(read.get("cache_write_tokens")),
        reasoning=count(written.get("reasoning_tokens")),
    )
