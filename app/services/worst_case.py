"""How many tokens a call may take at most, reckoned before it is made: what is set aside for it. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from app.domain.keys import ModelChoice
from app.domain.run import (
    DocumentPart,
    ImagePart,
    ModelRequest,
    OpaquePart,
    Part,
    TextPart,
    ToolCall,
    ToolResult,
    Usage,
)

BYTES_PER_TOKEN = 2
"""Of UTF-8: half of what plain English has, and less than any language or code that people write has on average."""

OVERHEAD = 500
"""Tokens that a provider adds by itself, where there are tools most of all."""

PICTURE = 5_000
PAGE = 5_000
"""Tokens of a PDF's page, which is read and looked at."""

PAGE_BYTES = 50_000
FOUND = 20_000
"""Tokens that one search of the web finds. The whole question is read again after each."""

THOUGHT = 24_576
"""Tokens of thinking that come on top of the longest answer, where a model is told how hard to think."""

_PAGE = re.compile(rb"/Type\s*/Page\b")


def most(request: ModelRequest, choice: ModelChoice) -> Usage:
    """The most that a call can use, all of it new to the provider."""
    read = said(request)
    searches = request.web_search
    read = read * (searches + 1) + FOUND * searches
    if choice.context_window:
        read = min(read, choice.context_window * (searches + 1))
    written = request.max_output_tokens + (THOUGHT if request.effort else 0)
    if choice.max_output:
        written = min(written, max(choice.max_output, 1) * (searches + 1))
    return Usage(read, written, searches=searches)


def cut(most_of_it: Usage, text_bytes: int) -> Usage:
    """What a call used that was cut before its provider told: all of its question, and of the answer what was heard, be it nothing."""
    return replace(
        most_of_it, output_tokens=min(most_of_it.output_tokens, -(-text_bytes // BYTES_PER_TOKEN)), searches=0
    )


def said(request: ModelRequest) -> int:
    """Tokens of a question with all that comes with it."""
    tools = json.dumps([[tool.name, tool.description, dict(tool.parameters)] for tool in request.tools])
    parts = sum(_tokens(part) for message in request.messages for part in message.parts)
    return OVERHEAD + _of(len(request.system.encode()) + len(tools)) + parts


def _tokens(part: Part) -> int:
    match part:
        case TextPart(text):
            return _of(len(text.encode(errors="replace")))
        case ToolCall():
            return _of(len(part.name) + len(json.dumps(dict(part.arguments))))
        case ToolResult():
            return _of(len(part.content.encode(errors="replace")))
        case OpaquePart():
            return _of(len(json.dumps(dict(part.data))))
        case ImagePart():
            return PICTURE
        case DocumentPart(_, data):
            return PAGE * max(1, len(_PAGE.findall(data)), len(data) // PAGE_BYTES)
        case _:
            return 0


def _of(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN) + 4  # and what marks its beginning and end
