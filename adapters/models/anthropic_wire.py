"""Between our messages and Anthropic's, both ways; pure but for reading a stream."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from adapters.models.pieces import cited, count, tool_call
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

NAME = "anthropic"
_CACHED = {"cache_control": {"type": "ephemeral"}}
_RESULT = "web_search_tool_result"
_STOPS = {
    "tool_use": Stop.TOOL,
    "max_tokens": Stop.LENGTH,
    "model_context_window_exceeded": Stop.LENGTH,
    "refusal": Stop.REFUSED,
    "pause_turn": Stop.PAUSE,
}


def parameters(request: ModelRequest) -> dict[str, Any]:
    """The Messages request. What will be said again (instructions; the talk so far, where there is one or tools may lengthen it) is marked for the prompt cache."""
    messages = _messages(request.messages)
    asked: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens,
        "messages": messages,
        "stream": True,
    }
    if request.system:
        asked["system"] = [{"type": "text", "text": request.system, **_CACHED}]
    tools = [_tool(tool) for tool in request.tools] + ([_search(request.web_search)] if request.web_search else [])
    if tools:
        asked["tools"] = tools
    people = [message for message in messages if message["role"] == Role.USER.value]
    if people and (len(messages) > 1 or request.tools):
        for message in people[
            -2:
        ]:  # the last mark of the request before, too: a turn may have more blocks than are looked back over
            message["content"][-1] |= _CACHED  # what the model said itself goes back as it was
    return asked


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}


def _search(times: int) -> dict[str, Any]:
    """The vendor's own; never from code that the model runs at the vendor's."""
    return {"type": "web_search_20260318", "name": "web_search", "max_uses": times, "allowed_callers": ["direct"]}


def _messages(messages: tuple[ModelMessage, ...]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    for message in messages:
        content = [block for part in message.parts if (block := _block(part)) is not None]
        content.sort(key=lambda block: block["type"] != "tool_result")  # stable: results must come first
        if not content:
            continue
        if said and said[-1]["role"] == message.role.value:
            said[-1]["content"] += content
        else:
            said.append({"role": message.role.value, "content": content})
    if said and said[0]["role"] == Role.ASSISTANT.value:  # a person speaks first in this API
        said.insert(
            0, {"role": Role.USER.value, "content": [{"type": "text", "text": "(The conversation begins here.)"}]}
        )
    return said


def _block(part: Part) -> dict[str, Any] | None:
    match part:
        case TextPart(text):
            return {"type": "text", "text": text} if text.strip() else None
        case ImagePart(media_type, data):
            source = {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode()}
            return {"type": "image", "source": source}
        case DocumentPart(name, data):
            source = {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(data).decode()}
            return {"type": "document", "source": source, "title": name}
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": dict(part.arguments)}
        case ToolResult():
            block: dict[str, Any] = {"type": "tool_result", "tool_use_id": part.call_id, "content": part.content}
            return block | ({"is_error": True} if part.is_error else {})
        case OpaquePart(provider, data):
            return dict(data) if provider == NAME else None
        case FilePart():  # what is in it came in its place
            return None


async def read(events: AsyncIterator[Any]) -> AsyncGenerator[ModelEvent]:
    """Text as it comes, then the whole message once `message_stop` was seen. Events are JSON objects."""
    reading = _Reading()
    async for event in events:
        text = reading.take(event)
        if text:
            yield TextDelta(text)
        if event["type"] == "message_stop":
            yield reading.done()
            return


class _Reading:
    """An answer in the making."""

    def __init__(self) -> None:
        self._blocks: dict[int, dict[str, Any]] = {}
        self._json: dict[int, str] = {}
        self._counts: dict[str, int] = {}
        self._model = ""
        self._reason = ""

    def take(self, event: dict[str, Any]) -> str:
        """Note what one event says; the text that it adds to the answer."""
        match event["type"]:
            case "message_start":
                self._model = str(event["message"].get("model") or "")
                self._count(event["message"].get("usage"))
            case "content_block_start":
                self._blocks[event["index"]] = dict(event["content_block"])
            case "content_block_delta":
                return self._extend(event["index"], event["delta"])
            case "message_delta":
                self._reason = event["delta"].get("stop_reason") or self._reason
                self._count(event.get("usage"))
        return ""

    def _extend(self, index: int, delta: dict[str, Any]) -> str:
        block = self._blocks.setdefault(index, {"type": "text"})
        match delta["type"]:
            case "text_delta":
                block["text"] = block.get("text", "") + delta["text"]
                return str(delta["text"])
            case "thinking_delta":
                block["thinking"] = block.get("thinking", "") + delta["thinking"]
            case "signature_delta":
                block["signature"] = delta["signature"]
            case "citations_delta":
                block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
            case "input_json_delta":
                self._json[index] = self._json.get(index, "") + delta["partial_json"]
        return ""

    def _count(self, usage: dict[str, Any] | None) -> None:
        """Counts are cumulative: a later one replaces an earlier one, and what a later event leaves out stays."""
        told = usage or {}
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
            if told.get(name) is not None:
                self._counts[name] = count(told[name])
        details = told.get("output_tokens_details") or {}
        if details.get("thinking_tokens") is not None:
            self._counts["thinking"] = count(details["thinking_tokens"])
        served = told.get("server_tool_use") or {}
        if served.get("web_search_requests") is not None:
            self._counts["searches"] = count(served["web_search_requests"])

    def done(self) -> ModelDone:
        """The whole message."""
        parts = tuple(self._part(index, block) for index, block in sorted(self._blocks.items()))
        kept = tuple(part for part in parts if not (isinstance(part, TextPart) and not part.text))
        called = any(isinstance(part, ToolCall) for part in kept)
        stop = _STOPS.get(self._reason, Stop.TOOL if called and not self._reason else Stop.END)
        message = ModelMessage(Role.ASSISTANT, kept)
        return ModelDone(message, stop, self._usage(), self._model, cited(self._citations()), self._found())

    def _part(self, index: int, block: dict[str, Any]) -> Part:
        if block["type"] == "text" and not block.get("citations"):
            return TextPart(block.get("text", ""))
        if block["type"] == "tool_use":
            return tool_call(block["id"], block["name"], self._json.get(index, ""), block.get("input"))
        if index in self._json:  # what the vendor runs itself
            block = block | {"input": json.loads(self._json[index] or "{}")}
        return OpaquePart(NAME, block)

    def _citations(self) -> list[Source]:
        blocks = (block for _, block in sorted(self._blocks.items()))
        told = (citation for block in blocks for citation in block.get("citations") or ())
        return [
            Source(str(one.get("title") or ""), str(one["url"]), str(one.get("cited_text") or ""))
            for one in told
            if one.get("type") == "web_search_result_location"
        ]

    def _found(self) -> tuple[str, ...]:
        """The addresses of pages in the results of searches; a search that failed tells an error in their place."""
        results = (block.get("content") for block in self._blocks.values() if block["type"] == _RESULT)
        pages = [page for result in results if isinstance(result, list) for page in result]
        return tuple(dict.fromkeys(str(page["url"]) for page in pages if page.get("type") == "web_search_result"))

    def _usage(self) -> Usage:
        read, written = (
            self._counts.get("cache_read_input_tokens", 0),
            self._counts.get("cache_creation_input_tokens", 0),
        )
        return Usage(
            input_tokens=self._counts.get("input_tokens", 0) + read + written,
            output_tokens=self._counts.get("output_tokens", 0),
            cached_read=read,
            cached_write=written,
            reasoning=self._counts.get("thinking", 0),
            searches=self._counts.get("searches", 0),
        )
