"""What every ChartPainter promises."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import ClassVar

import pytest

from app.domain.charts import Chart, Series
from app.ports.charts import ChartPainter, NotPainted

PNG = b"\x89PNG\r\n\x1a\n"
LARGEST = 16_800
"""Bytes of a picture that still fits a card of Teams (as text it is a third longer)."""


def spent(bars: int, series: int, each: str = "1.25", names: str = "agent") -> Chart:
    """Bars that look like days of spending."""
    rows = [
        tuple(Decimal(each) * ((bar * 7 + row * 3) % 11) / (row + 1) for bar in range(bars)) for row in range(series)
    ]
    parts = tuple(Series(f"{names}-{row}", values) for row, values in enumerate(rows))
    return Chart("Spent", tuple(f"Nov {bar + 1}" for bar in range(bars)), parts, alt="What was spent.")


CHARTS = {
    "a week of three agents": spent(7, 3),
    "a month of eight agents": spent(31, 8),
    "one bar": Chart("One", ("Today",), (Series("a", (Decimal(3),)),)),
    "nothing spent": spent(7, 2, "0"),
    "nobody spent": Chart("None", ("Mon", "Tue"), ()),
    "parts of a cent": spent(7, 2, "0.0000021"),
    "millions": spent(12, 2, "1234567"),
    "one huge day": Chart("Huge", ("a", "b"), (Series("a", (Decimal("0.01"), Decimal(100000))),)),
    "names in every script": spent(3, 4, names="山田 🦊 علي $x_{2}$ \\frac\n\0"),
    "long names": spent(3, 8, names="x" * 500),
}


class ChartPainterSuite:
    """Bind with a fixture `painter` and the class under test as `implements`."""

    implements: ClassVar[type]

    @pytest.fixture
    def painter(self) -> ChartPainter:
        """The painter under test."""
        raise NotImplementedError

    async def test_any_chart_is_a_picture_that_fits_a_message(self, painter: ChartPainter) -> None:
        for name, chart in CHARTS.items():
            made = await painter.paint(chart)
            assert made.startswith(PNG), name
            assert len(made) <= LARGEST, name

    async def test_several_are_painted_for_several_people(self, painter: ChartPainter) -> None:
        charts = [spent(bars, 2) for bars in (1, 2, 3)]
        made = await asyncio.gather(*(painter.paint(chart) for chart in charts))
        assert len(set(made)) == 3
        assert made[1] == await painter.paint(charts[1])

    @pytest.mark.parametrize(
        "chart",
        [
            Chart("x", (), ()),
            Chart("x", ("a", "b"), (Series("n", (Decimal(1),)),)),
            Chart("x", ("a",), (Series("n", (Decimal(-1),)),)),
        ],
        ids=["no bars", "too few values", "less than nothing"],
    )
    async def test_what_is_no_chart_is_refused(self, painter: ChartPainter, chart: Chart) -> None:
        with pytest.raises(NotPainted):
            await painter.paint(chart)
