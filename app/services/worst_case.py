"""How many tokens a call may take at most, reckoned before it is made: what is set aside for it. Pure."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import replace

from app.domain.keys import ModelChoice
from app.domain.run import (
    DocumentPart,
    ImagePart,
    ModelDone,
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

_ALONE = bytes(range(0x21, 0x30)) + b"0123456789" + b":;<=>?@[\\]^`{|}~\n" + bytes(range(0xF0, 0xF5))
"""Bytes that may be tokens of their own, as in tables of numbers; and what a sign of four bytes begins with, such as a rare one's or a fox's."""

OVERHEAD = 500
"""Tokens that a provider adds by itself, where there are tools most of all."""

PICTURE = 5_000
PAGE = 5_000
"""Tokens of a PDF's page, which is read and looked at."""

PAGE_BYTES = 50_000
SHUT_PAGE_BYTES = 3_000
"""The same of a PDF whose list of pages can't be read here: of a page with nothing but words."""

MOST_INFLATED = 16 * 1024 * 1024
MOST_PACKED = 5_000
LONGEST_HEAD = 400
FOUND = 10_000
"""Tokens that one search of the web finds. The whole question is read again after each, with all that was found until then."""

THOUGHT = 24_576
"""Tokens of thinking that come on top of the longest answer, where a model is told how hard to think."""

_PAGE = re.compile(rb"/Type\s*/Page\b")
_PACKED = re.compile(rb"/Type\s*/ObjStm\b")


def most(request: ModelRequest, choice: ModelChoice) -> Usage:
    """The most that a call can use, all of it new to the provider."""
    read = said(request)
    searches = request.web_search
    read = read * (searches + 1) + FOUND * searches * (searches + 1) // 2
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


def untold(most_of_it: Usage, done: ModelDone) -> Usage:
    """What a call used whose provider never says: all of its question, and what was answered, tool calls included."""
    answered = max(done.usage.output_tokens, sum(_tokens(part) for part in done.message.parts))
    return replace(most_of_it, output_tokens=min(most_of_it.output_tokens, answered), searches=done.usage.searches)


def said(request: ModelRequest) -> int:
    """Tokens of a question with all that comes with it."""
    tools = json.dumps([[tool.name, tool.description, dict(tool.parameters)] for tool in request.tools])
    parts = sum(_tokens(part) for message in request.messages for part in message.parts)
    return OVERHEAD + _text(request.system) + _of(len(tools)) + parts


def _tokens(part: Part) -> int:
    match part:
        case TextPart(text):
            return _text(text)
        case ToolCall():
            return _of(len(part.name) + len(json.dumps(dict(part.arguments))))
        case ToolResult():
            return _text(part.content)
        case OpaquePart():
            return _of(len(json.dumps(dict(part.data))))
        case ImagePart():
            return PICTURE
        case DocumentPart(_, data):
            return PAGE * _pages(data)
        case _:
            return 0


def _text(text: str) -> int:
    data = text.encode(errors="replace")
    return _of(2 * len(data) - len(data.translate(None, _ALONE)))


def _pages(data: bytes) -> int:
    """Of a PDF, as its parts tell it, also those that are packed together; more rather than fewer where they don't. Takes no longer than it is long."""
    found, room, packed, at = len(_PAGE.findall(data)), MOST_INFLATED, 0, 0
    while room > 0 and packed < MOST_PACKED and (match := _PACKED.search(data, at)):
        packed += 1
        begin = data.find(b"stream", match.end(), match.end() + LONGEST_HEAD)
        end = data.find(b"endstream", begin) if begin >= 0 else match.end()
        if end < 0:
            break
        at = end
        objects = _inflated(data[begin + len(b"stream") : end], room) if begin >= 0 else b""
        found += len(_PAGE.findall(objects))
        room -= len(objects)
    shut = packed and (not found or room <= 0 or packed == MOST_PACKED)
    return max(1, found, len(data) // (SHUT_PAGE_BYTES if shut else PAGE_BYTES))


def _inflated(packed: bytes, room: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed.lstrip(b"\r\n"), room)
    except zlib.error:
        return b""


def _of(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN) + 4  # and what marks its beginning and end
