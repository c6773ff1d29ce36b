"""Words and amounts as they stand in a picture."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from functools import cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

_MORE = "…"
_MOST = 5
"""Distances between the lines of an axis."""
_LARGE = ((1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e5, 1e3, "k"))


@cache
def _drawable() -> frozenset[int]:
    return frozenset(FT2Font(font_manager.findfont("DejaVu Sans")).get_charmap())


def legible(text: str, longest: int, otherwise: str = _MORE) -> str:
    """The text cut in its middle; dots for letters that the font has no picture of, and nothing for signs. `otherwise` where nothing would be left."""
    kept = list[str]()
    for character in text:
        if character.isspace() or (ord(character) in _drawable() and character.isprintable()):
            kept.append(character)
        elif unicodedata.category(character)[0] not in "SMC" and kept[-1:] != [_MORE]:
            kept.append(_MORE)
    line = " ".join("".join(kept).split())
    if not any(character.isalnum() for character in line):
        return otherwise
    if len(line) <= longest:
        return line
    head = (longest - 1) // 2
    return f"{line[: longest - 1 - head]}{_MORE}{line[len(line) - head :]}"


def names(given: Sequence[str], longest: int) -> list[str]:
    """Names of a legend, each another."""
    made: list[str] = []
    for number, name in enumerate(given, start=1):
        shown = legible(name, longest, f"no. {number}")
        made.append(shown if shown not in made else f"{legible(name, longest - 4)} ({number})")
    return made


def ticks(highest: float) -> list[float]:
    """Where an axis that has to reach this amount has its lines: three to six, at round amounts, the last above it or at it."""
    if not 0 < highest < math.inf:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(highest / _MOST))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10, 20) if power * factor * _MOST >= highest * 0.999_999)
    return [step * number for number in range(math.ceil(highest / step - 1e-6) + 1)]


def amounts(several: Sequence[float], unit: str) -> list[str]:
    """Amounts beside their lines, each with as many places as the distance between two needs."""
    step = several[1] - several[0] if len(several) > 1 else 1.0
    size, letter = next(((by, letter) for least, by, letter in _LARGE if several[-1] >= least), (1.0, ""))
    step /= size
    places = next((places for places in range(13) if abs(round(step, places) - step) < step * 1e-6), 12)
    if 0 < places < 2 and not letter and not unit[:1].isalpha():
        places = 2  # $0.50, not $0.5
    before, after = ("", "") if unit[:1].isalpha() else (unit, "")
    return [f"{before}{one / size:,.{places}f}{letter}{after}" if one else f"{before}0" for one in several]


def shown_labels(widths: Sequence[float], room: float, gap: float) -> list[int]:
    """Which labels under the bars can stand without running into each other: every n-th, counted back from the last."""
    count = len(widths)
    most = max(1, int((room + gap) / (max(widths, default=1.0) + gap)))
    every = max(1, math.ceil(count / most))
    return sorted(range(count - 1, -1, -every))
