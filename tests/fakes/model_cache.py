"""What vendors remember of the beginnings of requests: Anthropic at the marks of a request, OpenAI for requests with one cache key."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.model_wire import ANTHROPIC, RESPONSES, Body

LOOK_BACK = 20
"""Blocks before a mark at which Anthropic looks for what it remembers."""

_LETTERS_PER_TOKEN = 4


class PromptCache:
    """Counts what a request's input comes to, and how much of it is read from what was remembered, or written."""

    def __init__(self) -> None:
        self._marked: set[str] = set()
        self._keyed: dict[str, list[list[str]]] = {}

    def counted(self, protocol: str, body: Body) -> dict[str, int]:
        """`input`, `cached` and `written`, in tokens."""
        if protocol == ANTHROPIC:
            return self._anthropic(body)
        pieces = [*_pieces(body.get("tools")), *_pieces([body.get("instructions")]), *_pieces(body.get("input"))]
        counts = {"input": _tokens(pieces), "cached": 0, "written": 0}
        key = body.get("prompt_cache_key")
        if protocol == RESPONSES and key:
            earlier = self._keyed.setdefault(key, [])
            counts["cached"] = max((_tokens(_common(pieces, other)) for other in earlier), default=0)
            earlier.append(pieces)
        return counts

    def _anthropic(self, body: Body) -> dict[str, int]:
        blocks = [*(body.get("tools") or ()), *(body.get("system") or ())]
        for message in body["messages"]:
            blocks += [{"role": message["role"], **block} for block in message["content"]]
        marks = [at for at, block in enumerate(blocks) if "cache_control" in block]
        assert len(marks) <= 4, "the API takes four marks"
        pieces = [_plain(block) for block in blocks]
        read = 0
        for mark in marks:
            for at in range(mark, max(-1, mark - LOOK_BACK), -1):
                if json.dumps(pieces[: at + 1]) in self._marked:
                    read = max(read, at + 1)
                    break
        self._marked |= {json.dumps(pieces[: mark + 1]) for mark in marks}
        kept = max([read, *(mark + 1 for mark in marks)])
        cached = _tokens(pieces[:read])
        return {"input": _tokens(pieces), "cached": cached, "written": _tokens(pieces[:kept]) - cached}


def _plain(block: Body) -> str:
    return json.dumps({name: value for name, value in block.items() if name != "cache_control"})


def _pieces(items: Any) -> list[str]:
    return [json.dumps(item) for item in items or () if item]


def _common(one: list[str], other: list[str]) -> list[str]:
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return one[:same]


def _tokens(pieces: list[str]) -> int:
    return sum(map(len, pieces)) // _LETTERS_PER_TOKEN
