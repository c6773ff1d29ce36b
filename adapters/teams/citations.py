"""The sources of an answer in Teams: a citation where its text has their number, a line under it for the others. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from adapters.teams.payload import Json
from adapters.teams.text import cut, inert
from app.domain.run import Source
from app.domain.views import Sources, View

_MARK = re.compile(r"\[(\d{1,2})\](?!\()")
_LABEL = str.maketrans("[]*_~`<>\\", "()∗ˍ∼ˋ‹›∖")
_ADDRESS = str.maketrans({"(": "%28", ")": "%29", "*": "%2A", "[": "%5B", "]": "%5D"})


def sources_of(views: Iterable[View]) -> tuple[Source, ...]:
    """All that these views name."""
    blocks = (block for view in views for block in view.blocks)
    return tuple(one for block in blocks if isinstance(block, Sources) for one in block.items)


def claims(text: str, sources: tuple[Source, ...]) -> list[Json]:
    """What the numbers in this text mean, as Teams wants it told; in its limits."""
    marked = _marked(text)
    return [
        {"@type": "Claim", "position": number, "appearance": _document(one)}
        for number, one in enumerate(sources, 1)
        if number in marked and one.host
    ]


def rest(text: str, sources: tuple[Source, ...]) -> str:
    """A line of links to what has no number in this text; empty where there is nothing to list."""
    marked = _marked(text)
    links = [link for link in Sources(sources).links() if int(link.text.partition(".")[0]) not in marked]
    listed = " · ".join(f"[{inert(one.text.translate(_LABEL))}]({one.url.translate(_ADDRESS)})" for one in links)
    return f"Sources: {listed}" if listed else ""


def _marked(text: str) -> set[int]:
    return {int(found) for found in _MARK.findall(text)}


def _document(one: Source) -> Json:
    made: Json = {"@type": "DigitalDocument", "name": cut(one.title or one.host, 80), "url": one.url}
    return made | {"abstract": cut(one.text or one.host, 160)}
