"""Stacked bars on a light card, made to be read 300 points wide, which is what a phone leaves a message of its 360: a point is a pixel there."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D
from PIL import Image

from .words import amounts, legible, names, shown_labels, ticks

_POINTS = 72.0
_FINER = 2
"""Pixels of the picture to a point: it is 600 wide."""
_WIDTH, _PLOT = 300.0, 160.0
_EDGE, _ABOVE, _BENEATH = 10.0, 14.0, 30.0
_LINE, _SIZE, _BOX, _GAP = 18.0, 12.0, 11.0, 5.0
_WIDEST_BAR, _LOWEST_BAR = 40.0, 3.0
_GROUND, _INK, _SOFT, _FAINT = "#fafaf7", "#24292e", "#57606a", "#dcded9"
_LONGEST_LABEL = 14
_IN_COLUMNS, _ALONE = 15, 34
"""Characters of a name where two stand beside each other, and where each has a line."""

_LOOKS = (
    ("#0072b2", ""), ("#e69f00", "////"), ("#009e73", ""), ("#d55e00", "...."),
    ("#56b4e9", ""), ("#cc79a7", r"\\\\"), ("#f0e442", ""), ("#8c8c8c", "xxxx"),
)  # fmt: skip
"""Colours of Okabe and Ito, which people who see few colours tell apart; every other with a pattern, and none beside its like."""


def draw(labels: Sequence[str], given: Sequence[str], values: Sequence[Sequence[float]], unit: str) -> bytes:
    """A PNG of these bars; `values` has a row for each of the `given` names."""
    columns = 2 if all(len(name) <= _IN_COLUMNS for name in given) else 1
    shown = names(given, _IN_COLUMNS if columns == 2 else _ALONE)
    below = _BENEATH + -(-len(shown) // columns) * _LINE + _EDGE
    height = _ABOVE + _PLOT + below
    figure = Figure(figsize=(_WIDTH / _POINTS, height / _POINTS), dpi=_POINTS * _FINER, facecolor=_GROUND)
    canvas = FigureCanvasAgg(figure)
    totals = [sum(column) for column in zip(*values, strict=True)]
    lines = ticks(max(totals, default=0.0))
    beside = amounts(lines, unit)
    left = _EDGE + max(_wide(one) for one in beside) + _GAP
    room = _WIDTH - left - _EDGE
    axes = figure.add_axes((left / _WIDTH, below / height, room / _WIDTH, _PLOT / height))
    _frame(axes, lines, beside, len(labels))
    _name_bars(axes, [legible(one, _LONGEST_LABEL) for one in labels], room)
    _stack(axes, values, totals, lines[-1], room)
    _explain(figure, shown, columns, below - _BENEATH)
    canvas.draw()  # type: ignore[no-untyped-call]
    return _png(canvas)


def _frame(axes: Axes, lines: Sequence[float], beside: Sequence[str], bars: int) -> None:
    axes.set_axis_off()
    axes.set_xlim(-0.5, max(bars, 1) - 0.5)
    axes.set_ylim(0, lines[-1] or 1)
    for at, words in zip(lines, beside, strict=True):
        axes.axhline(at, color=_FAINT if at else _SOFT, linewidth=0.8, zorder=0 if at else 3, clip_on=False)
        where = axes.get_yaxis_transform() + Affine2D().translate(-_GAP * _FINER, 0)
        axes.text(0, at, words, transform=where, ha="right", va="center_baseline", color=_SOFT, **_TEXT)
    if len(lines) == 1:
        nothing = "nothing in this time"
        axes.text(0.5, 0.5, nothing, transform=axes.transAxes, ha="center", va="center", color=_SOFT, **_TEXT)


def _name_bars(axes: Axes, labels: Sequence[str], room: float) -> None:
    where = axes.get_xaxis_transform() + Affine2D().translate(0, -_GAP * _FINER)
    wide = [_wide(one) for one in labels]
    for at in shown_labels(wide, room, 2 * _GAP):
        reach = (wide[at] / 2 - _EDGE + 3) * len(labels) / room  # in bars: the outermost must not leave the card
        x = min(max(at, reach - 0.5), len(labels) - 0.5 - reach)
        axes.text(x, 0, labels[at], transform=where, ha="center", va="top", color=_SOFT, **_TEXT)


def _stack(axes: Axes, values: Sequence[Sequence[float]], totals: Sequence[float], top: float, room: float) -> None:
    width = min(0.74, _WIDEST_BAR * len(totals) / room) if totals else 1.0
    lowest = top * _LOWEST_BAR / _PLOT
    for bar, total in enumerate(totals):
        heights = [row[bar] for row in values]
        if 0 < total < lowest:  # little is still something to see: its largest part
            heights = [lowest if number == heights.index(max(heights)) else 0.0 for number in range(len(heights))]
        bottom = 0.0
        for number, height in enumerate(heights):
            if height > 0:
                colour, pattern = _LOOKS[min(number, len(_LOOKS) - 1)]
                corner = (bar - width / 2, bottom)
                part = Rectangle(
                    corner, width, height, facecolor=colour, edgecolor=_GROUND, linewidth=0.7, clip_on=False, zorder=2
                )
                _pattern(part, pattern)
                axes.add_artist(part)
                bottom += height


def _explain(figure: Figure, shown: Sequence[str], columns: int, top: float) -> None:
    points = Affine2D().scale(_FINER)
    for number, name in enumerate(shown):
        line, column = divmod(number, columns)
        x = _EDGE + column * (_WIDTH - _EDGE) / 2
        y = top - (line + 1) * _LINE + (_LINE - _BOX) / 2
        colour, pattern = _LOOKS[min(number, len(_LOOKS) - 1)]
        box = Rectangle((x, y), _BOX, _BOX, facecolor=colour, edgecolor=_GROUND, linewidth=0, transform=points)
        _pattern(box, pattern)
        figure.add_artist(box)
        figure.text(
            x + _BOX + _GAP, y + _BOX / 2, name, transform=points, va="center_baseline", color=_INK, **_TEXT
        )  # fmt: skip


def _pattern(patch: Rectangle, pattern: str) -> None:
    patch.set_hatch(pattern)
    patch.set_hatchcolor(_GROUND)
    patch.set_hatch_linewidth(0.6)


_FONT = FontProperties(family="DejaVu Sans", size=_SIZE)
_TEXT: dict[str, Any] = {"fontproperties": _FONT, "parse_math": False}


@cache
def _wide(text: str) -> float:
    """Points that a text takes from left to right."""
    return float(TextPath((0, 0), text, prop=_FONT).get_extents().x1) if text.strip() else 0.0


@cache
def _palette() -> Image.Image:
    """What is drawn with, and what lies between that and the ground where it ends within a pixel."""
    words = [(colour, by) for colour in (_INK, _SOFT) for by in (1.0, 0.67, 0.33)]
    bars = [(colour, by) for colour, _ in _LOOKS for by in (1.0, 0.5)]
    ground = to_rgb(_GROUND)
    mixed = [
        round(255 * (one * by + below * (1 - by)))
        for colour, by in [(_GROUND, 1.0), (_FAINT, 1.0), *words, *bars]
        for one, below in zip(to_rgb(colour), ground, strict=True)
    ]
    made = Image.new("P", (1, 1))
    made.putpalette(mixed)
    return made


def _png(canvas: FigureCanvasAgg) -> bytes:
    """Few colours make a small file: what Teams takes within a card is no more than that."""
    size = canvas.get_width_height(physical=True)
    whole = Image.frombuffer("RGBA", size, canvas.buffer_rgba(), "raw", "RGBA", 0, 1)  # type: ignore[no-untyped-call]
    few = whole.convert("RGB").quantize(palette=_palette(), dither=Image.Dither.NONE)
    made = io.BytesIO()
    few.save(made, "PNG", optimize=True, dpi=(_POINTS * _FINER, _POINTS * _FINER))
    return made.getvalue()
