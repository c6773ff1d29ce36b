"""Text in the making, up to a limit, and why there is none."""

from __future__ import annotations

import re

_ODD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n{3,}")


class NotRead(Exception):
    """It can't be read; the message ends a sentence."""


class Full(Exception):
    """There is more than was asked for."""


class Text:
    """Pieces of text until a limit of characters is reached; `add` raises Full then."""

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        """One more piece, with a line break after it."""
        piece = _ODD.sub("", piece.replace("\r\n", "\n").replace("\r", "\n"))
        self._pieces.append(f"{piece}\n"[: self._room])
        self._room -= len(piece) + 1
        if self._room < 0:
            raise Full

    @property
    def whole(self) -> str:
        """All of it."""
        return _BLANK_LINES.sub("\n\n", "".join(self._pieces)).strip()


def one_line(text: object) -> str:
    """A text without line breaks, for titles and cells."""
    return " ".join(_ODD.sub("", str(text or "")).split())


def table_row(cells: list[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(one_line(cell).replace('|', chr(92) + '|') for cell in cells)} |"
