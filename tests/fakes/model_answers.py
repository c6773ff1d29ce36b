"""What the fake model server can be told to answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.model_faults import Fault
from tests.fakes.model_searches import Cited, Search

_SEARCH = re.compile(r"\[\[search:([^\]]+)\]\]")
_DIRECTIVE = re.compile(r"\[\[(tool|fault|words|delay):([^\]\s]+)\s*(\{.*?\})?\]\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool call in an answer. `raw` overrides the arguments' JSON, to send something malformed."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    id: str = "call_1"
    raw: str | None = None

    @property
    def json(self) -> str:
        """The arguments as the model writes them."""
        return json.dumps(self.arguments) if self.raw is None else self.raw


class Answer:
    """One scripted answer: searches, text in chunks (`delay` seconds before each), cited text, then tool calls.

    Or a fault, in a stream after `fault_after` chunks. Only where the request offers a search is there one.
    """

    def __init__(
        self,
        *chunks: str,
        tools: tuple[Tool, ...] = (),
        searches: tuple[Search, ...] = (),
        cited: tuple[Cited, ...] = (),
        thinking: str = "",
        delay: float = 0.0,
        fault: Fault | None = None,
        fault_after: int = 1,
        stop: str = "",
        tokens: dict[str, int] | None = None,
        tell_usage: bool = True,
    ) -> None:
        self.chunks = chunks
        self.tools = tools
        self.searches = searches
        self.cited = cited
        self.thinking = thinking
        self.delay = delay
        self.fault = fault
        self.fault_after = fault_after
        self.stop = stop or ("tool" if tools else "end")
        self.tokens = {"input": 100, "output": 20, "cached": 0, "written": 0, "reasoning": 0} | (tokens or {})
        self.tell_usage = tell_usage


def directed(said: str, *, after_tool: bool) -> Answer:
    """The answer that directives in these words ask for; without any, the words come back."""
    words, delay, fault = 0, 0.0, None
    tools: list[Tool] = []
    for name, value, arguments in _DIRECTIVE.findall(said):
        if name == "tool" and not after_tool:
            tools.append(Tool(value, json.loads(arguments or "{}"), id=f"call_{len(tools) + 1}"))
        elif name == "fault":
            fault = Fault(value)
        elif name == "words":
            words = int(value)
        elif name == "delay":
            delay = float(value)
    searches = () if after_tool else tuple(Search(query) for query in _SEARCH.findall(said))
    cited = tuple(Cited(f" That is on {title}.", title, url) for search in searches for title, url in search.pages)
    text = tuple(f"word{at} " for at in range(words)) if words else ("You said: ", said)
    chunks = () if tools else text
    return Answer(*chunks, tools=tuple(tools), searches=searches, cited=cited, delay=delay, fault=fault)


def whole(model: str, answer: Answer) -> dict[str, Any]:
    """An answer without streaming; only Chat Completions is ever asked that way (the probe of a server without a listing)."""
    message = {"role": "assistant", "content": "".join(answer.chunks)}
    count = answer.tokens
    usage = {
        "prompt_tokens": count["input"],
        "completion_tokens": count["output"],
        "total_tokens": count["input"] + count["output"],
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [choice],
        "usage": usage,
    }
