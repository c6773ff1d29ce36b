"""The sources of an answer in Teams: a citation where its text has their number, a line under it for the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from adapters.teams.payload import Json
from adapters.teams.text import cut, inert
from app.domain.run import Source
from app.domain.views import Sources, View

_LABEL = str.maketrans("[]*_~`<>\\", "()∗ˍ∼ˋ‹›∖")
_ADDRESS = str.maketrans({"(": "%28", ")": "%29", "*": "%2A", "[": "%5B", "]": "%5D"})


NONE = Sources(())


def sources_of(views: Iterable[View]) -> Sources:
    """What these views name; an answer has one such block at most."""
    return next((block for view in views for block in view.blocks if isinstance(block, Sources)), NONE)


def claims(text: str, sources: Sources) -> list[Json]:
    """What the numbers in this text mean, as Teams wants it told; in its limits."""
    marks = Sources.marks(text)
    return [
        {"@type": "Claim", "position": number, "appearance": _document(one)}
        for number, one in sources.numbered()
        if number in marks
    ]


def rest(text: str, sources: Sources, *, cited: bool = True) -> str:
    """A line of links to what has no number in this text, or to all if nothing is `cited`; empty where there is nothing to list."""
    marks = Sources.marks(text) if cited else frozenset()
    links = [link for (number, _), link in zip(sources.numbered(), sources.links(), strict=True) if number not in marks]
    listed = " · ".join(f"[{inert(one.text.translate(_LABEL))}]({one.url.translate(_ADDRESS)})" for one in links)
    return f"Sources: {listed}" if listed else ""


def _document(one: Source) -> Json:
    made: Json = {"@type": "DigitalDocument", "name": cut(one.title or one.host, 80), "url": one.url}
    return made | {"abstract": cut(one.text or one.host, 160)}
