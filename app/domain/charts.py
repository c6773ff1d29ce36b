"""Amounts over some days, as a picture where there can be one and as rows everywhere else."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

_THREE_PLACES = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Series:
    """One part of every bar: what it is called, and how much of each bar it is (nothing is negative)."""

    name: str
    values: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked bars: a bar for each label, made of one value of each series. A block of a View like any other.

    Biggest series first, at most eight: whoever makes it folds the rest into one. `alt` says in a sentence or two what is to be seen, for
    those who do not see it. `unit` stands before amounts (`$`), or after them where it is a word (`tokens`).
    """

    title: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str = "$"
    alt: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The heads of `rows`."""
        return ("", *(one.name for one in self.series)) if self._few else ("", "In all")

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """What it shows, in words: a row for each bar, with its parts where they are few, else as a whole."""
        if self._few:
            parts = [one.values for one in self.series]
        else:
            parts = [tuple(sum((one.values[at] for one in self.series), Decimal()) for at in range(len(self.labels)))]
        return tuple(
            (label, *(amount(values[at], self.unit) for values in parts)) for at, label in enumerate(self.labels)
        )

    @property
    def _few(self) -> bool:
        return 0 < len(self.series) <= 2


def amount(value: Decimal, unit: str) -> str:
    """An amount of a chart with its unit: whole from a hundred on, cents below, and what is less than a cent by its first digits."""
    if value >= 100 or value == value.to_integral_value():
        digits = f"{value:,.0f}"
    elif value >= Decimal("0.01"):
        digits = f"{value:,.2f}"
    else:
        small = value.quantize(_THREE_PLACES.scaleb(value.adjusted() + 2), ROUND_HALF_EVEN)
        digits = f"{small.normalize():f}"
    return f"{digits} {unit}" if unit[:1].isalpha() else f"{unit}{digits}"
