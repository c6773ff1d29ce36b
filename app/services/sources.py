"""The sources of an answer: what its tools say they took it from, as far as it may be shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from app.domain.run import Source

MOST = 20


async def presentable(found: Iterable[Source], redact: Callable[[str], Awaitable[str]]) -> tuple[Source, ...]:
    """Each address once, in order, at most MOST; none with a key in it."""
    kept: dict[str, Source] = {}
    for one in found:
        if not one.host or one.url in kept or len(kept) == MOST:
            continue
        said = f"{one.title}\n{one.url}\n{one.text}"
        if await redact(said) == said:
            kept[one.url] = replace(one, title=_plain(one.title), text=_plain(one.text))
    return tuple(kept.values())


def _plain(text: str) -> str:
    """One line without what nobody sees."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
