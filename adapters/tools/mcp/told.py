"""What a server says of its tools and answers, cut to size and to text. All of it is somebody else's word."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.domain.secrets import Secret
from app.ports.mcp import McpAnswer, McpTool

if TYPE_CHECKING:
    import mcp_types

MOST_TOOLS = 200
LONGEST_DESCRIPTION = 4000
LARGEST_SCHEMA = 32_000
LONGEST_ANSWER = 20_000
CUT = "\n[… the rest was left out: too long]"
HIDDEN = "[removed]"
_NAME = re.compile(r"[A-Za-z0-9_./-]{1,64}")


def tool(given: mcp_types.Tool, token: Secret | None = None) -> McpTool | None:
    """A tool that can be offered; None for one whose name or schema no model could be told."""
    schema = given.input_schema
    is_object = schema.get("type", "object") == "object"
    if not is_object or not _NAME.fullmatch(given.name) or len(json.dumps(schema)) > LARGEST_SCHEMA:
        return None
    title = given.title or (given.annotations.title if given.annotations else "") or ""
    return McpTool(
        name=given.name,
        description=clean(without(given.description or "", token))[:LONGEST_DESCRIPTION],
        schema=schema,
        title=" ".join(clean(without(title, token)).split())[:80],
        read_only=bool(given.annotations and given.annotations.read_only_hint),
    )


def answer(given: mcp_types.CallToolResult, token: Secret | None = None) -> McpAnswer:
    """The answer as text; pictures and sounds are named, not told."""
    parts = [_part(part) for part in given.content]
    text = "\n".join(part for part in parts if part)
    if not text and given.structured_content is not None:
        text = json.dumps(given.structured_content, ensure_ascii=False)
    text = clean(without(text, token))
    if len(text) > LONGEST_ANSWER:
        text = text[:LONGEST_ANSWER] + CUT
    return McpAnswer(text or "(nothing)", is_error=bool(given.is_error))


def without(text: str, token: Secret | None) -> str:
    """The text without the token, which a server may say back."""
    return text.replace(token.reveal(), HIDDEN) if token else text


def clean(text: str) -> str:
    """Without what nobody can see: control signs, zero-width signs, direction marks, tags."""
    return "".join(sign for sign in text if sign in "\n\t" or (sign.isprintable() and not _unseen(sign)))


def _unseen(sign: str) -> bool:
    code = ord(sign)
    return (
        code in (0x00AD, 0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0)
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0000 <= code <= 0xE0FFF
    )


def _part(part: Any) -> str:
    match part.type:
        case "text":
            return str(part.text)
        case "resource_link":
            return f"[{part.name}: {part.uri}]"
        case "resource":
            text = getattr(part.resource, "text", None)
            return str(text) if text is not None else f"[a file, not shown: {part.resource.uri}]"
        case "image":
            return "[a picture, not shown]"
        case "audio":
            return "[a sound, not played]"
        case _:
            return ""


def within_limits(tools: Sequence[McpTool]) -> tuple[McpTool, ...]:
    """The first of each name, at most so many."""
    first: dict[str, McpTool] = {}
    for one in tools:
        first.setdefault(one.name, one)
    return tuple(first.values())[:MOST_TOOLS]
