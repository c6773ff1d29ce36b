"""The sources of an answer: what its tools say they took it from, numbered for the model and for people alike, as far as it may be shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from app.domain.run import Source, ToolResult
from app.domain.views import Sources

MOST_NUMBERS = 99
MOST_SHOWN = 20
LONGEST_TITLE = 200

Redact = Callable[[str], Awaitable[str]]


async def presentable(result: ToolResult, redact: Redact) -> ToolResult:
    """The result with those of its sources that may be shown, each address once; none with a key in it."""
    kept: dict[str, Source] = {}
    for one in () if result.is_error else result.sources:
        if one.host and one.url not in kept and await _is_clean(one, redact):
            kept[one.url] = replace(one, title=_plain(one.title)[:LONGEST_TITLE], text=_plain(one.text))
    return replace(result, sources=tuple(kept.values()))


class NumberedSources:
    """The sources of one run. An address has one number, from 1, in the order in which results came: replayed results get the same ones."""

    def __init__(self) -> None:
        self._items: dict[str, Source] = {}

    def told(self, result: ToolResult) -> ToolResult:
        """A presentable result as the model is told it: with the numbers by which its sources are cited."""
        self.add(result.sources)
        numbers = {url: number for number, url in enumerate(self._items, 1)}
        lines = [
            f"[{numbers[one.url]}] {one.title} - {one.url}" if one.title else f"[{numbers[one.url]}] {one.url}"
            for one in result.sources
            if one.url in numbers
        ]
        return replace(result, content="\n".join([result.content, "", "Sources:", *lines])) if lines else result

    def add(self, sources: Iterable[Source]) -> None:
        """Number those that are new and may be shown."""
        for one in sources:
            if one.host and len(self._items) < MOST_NUMBERS:
                plain = replace(one, title=_plain(one.title)[:LONGEST_TITLE], text=_plain(one.text))
                self._items.setdefault(one.url, plain)

    async def under(self, text: str, redact: Redact) -> tuple[Sources, ...]:
        """What stands under this text: what it cites first of all, then the others, in their order; nothing where there is none."""
        marks = Sources.marks(text)
        numbered = sorted(enumerate(self._items.values(), 1), key=lambda one: one[0] not in marks)
        shown = [(number, one) for number, one in numbered[:MOST_SHOWN] if await _is_clean(one, redact)]
        shown.sort(key=lambda one: one[0])
        if not shown:
            return ()
        return (Sources(tuple(one for _, one in shown), tuple(number for number, _ in shown)),)


async def _is_clean(one: Source, redact: Redact) -> bool:
    said = f"{one.title}\n{one.url}\n{one.text}"
    return await redact(said) == said


def _plain(text: str) -> str:
    """One line without what nobody sees."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
