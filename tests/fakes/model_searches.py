"""Searches of the web by the vendor itself: how each vendor streams one, and that what was streamed must come back unaltered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.fakes.model_wire import ANTHROPIC, RESPONSES, Body


@dataclass(frozen=True, slots=True)
class Search:
    """One search, and what it finds: titles and addresses. `error` is a code in the results' place, as Anthropic has it."""

    query: str
    pages: tuple[tuple[str, str], ...] = (("Example", "https://example.com/"),)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Cited:
    """A chunk of text that rests on a page: its title, its address and the passage."""

    text: str
    title: str
    url: str
    passage: str = "as it stands there"


def offered(body: Body) -> bool:
    """Whether the request lets the vendor search."""
    return any(str(tool.get("type", "")).startswith("web_search") for tool in body.get("tools") or ())


def call_and_result(search: Search, call_id: str) -> tuple[Body, Body]:
    """Anthropic's two blocks, the input of the first one left out: it is streamed."""
    call = {"type": "server_tool_use", "id": call_id, "name": "web_search", "input": {}, "caller": {"type": "direct"}}
    content: Any = [
        {
            "type": "web_search_result",
            "title": title,
            "url": url,
            "encrypted_content": f"sealed:{url}",
            "page_age": None,
        }
        for title, url in search.pages
    ]
    if search.error:
        content = {"type": "web_search_tool_result_error", "error_code": search.error}
    return call, {
        "type": "web_search_tool_result",
        "tool_use_id": call_id,
        "content": content,
        "caller": {"type": "direct"},
    }


def citation(cited: Cited) -> Body:
    """Anthropic's citation."""
    where = {"type": "web_search_result_location", "url": cited.url, "title": cited.title}
    return {**where, "cited_text": cited.passage, "encrypted_index": f"index:{cited.url}"}


def search_item(search: Search, item_id: str, *, sources: bool) -> Body:
    """OpenAI's item."""
    action: Body = {"type": "search", "query": search.query}
    if sources:
        action["sources"] = [{"type": "url", "url": url} for _, url in search.pages]
    return {"id": item_id, "type": "web_search_call", "status": "completed", "action": action}


def annotation(cited: Cited, start: int) -> Body:
    """OpenAI's citation."""
    where = {"start_index": start, "end_index": start + len(cited.text)}
    return {"type": "url_citation", **where, "title": cited.title, "url": cited.url}


class Sealed:
    """Remembers what was streamed that must come back as it was, and finds what came back otherwise."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._thoughts: dict[str, str] = {}

    def remember(self, block: Body) -> None:
        """This was streamed."""
        self._known.add(_written(block))

    def thought_before(self, call_id: str, thought: Body | None) -> None:
        """A tool was called after this was thought: the two come back together."""
        if thought is None:
            self._thoughts.pop(call_id, None)
        else:
            self._thoughts[call_id] = _written(thought)

    def altered(self, protocol: str, body: Body) -> str:
        """Why a request is refused; empty for one in which everything is as it was."""
        blocks = list(_said_back(protocol, body))
        for block in blocks:
            if _written(block) not in self._known:
                return f"{block['type']} is not as it was"
        there = {_written(block) for block in blocks}
        if any(self._thoughts.get(call, "") not in {"", *there} for call in _last_calls(protocol, body)):
            return "a tool call without what was thought before it"
        calls = {block["id"] for block in blocks if block["type"] == "server_tool_use"}
        results = {block["tool_use_id"] for block in blocks if block["type"] == "web_search_tool_result"}
        return "" if results <= calls else "a web_search_tool_result without its server_tool_use"


def _written(block: Body) -> str:
    return json.dumps(block, sort_keys=True)


def _last_calls(protocol: str, body: Body) -> list[str]:
    """The ids of the tools that the model called in its last turn."""
    if protocol == RESPONSES:
        return [item["call_id"] for item in _of(body.get("input"), "function_call")]
    said = [message["content"] for message in body.get("messages") or () if message["role"] == "assistant"]
    return [block["id"] for block in _of(said[-1], "tool_use")] if said and protocol == ANTHROPIC else []


def _said_back(protocol: str, body: Body) -> Iterator[Body]:
    if protocol == RESPONSES:
        yield from _of(body.get("input"), "web_search_call", "reasoning")
    elif protocol == ANTHROPIC:
        for message in body.get("messages") or ():
            if message["role"] == "assistant" and isinstance(message["content"], list):
                kinds = ("server_tool_use", "web_search_tool_result", "thinking", "redacted_thinking")
                yield from _of(message["content"], *kinds)
                yield from (block for block in _of(message["content"], "text") if block.get("citations"))


def _of(blocks: Any, *kinds: str) -> Iterable[Body]:
    return [block for block in blocks if block.get("type") in kinds] if isinstance(blocks, list) else []
