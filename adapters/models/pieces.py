"""Pieces of questions and answers that several protocols have."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

from app.domain.run import ImagePart, Source, ToolCall

_LONGEST_PASSAGE = 300


def count(value: object) -> int:
    """A number of tokens; zero for what is none."""
    return value if isinstance(value, int) and value > 0 else 0


def data_url(picture: ImagePart) -> str:
    """A picture as an address that holds it."""
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"


def tool_call(call_id: object, name: object, text: str, given: object = None) -> ToolCall:
    """A call with the arguments that a model wrote as JSON; what is no JSON object is malformed, to be told to the model."""
    call_id, name = str(call_id), str(name)
    try:
        arguments = json.loads(text) if text.strip() else given or {}
    except ValueError:
        return ToolCall(call_id, name, {}, malformed=True)
    if not isinstance(arguments, dict):
        return ToolCall(call_id, name, {}, malformed=True)
    return ToolCall(call_id, name, arguments)


def cited(citations: Iterable[Source]) -> tuple[Source, ...]:
    """Each page once, in the order of the citations, with the first passage that was cited of it."""
    pages: dict[str, Source] = {}
    for one in citations:
        pages.setdefault(one.url, Source(one.title, one.url, one.text[:_LONGEST_PASSAGE]))
    return tuple(pages.values())
