"""Pictures of charts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from app.domain.charts import Chart
from app.domain.views import View


class NotPainted(Exception):
    """There is no picture of it; the message says why. The chart's rows say the same in words."""


class ChartPainter(Protocol):
    """Pictures of charts, readable on a light and on a dark ground, from the width of a phone on."""

    async def paint(self, chart: Chart) -> bytes:
        """A PNG, 600 pixels wide, made to be read from 300 points on. Raises NotPainted, within seconds."""

    async def aclose(self) -> None:
        """Let go of whatever paints."""


async def painted(painter: ChartPainter | None, views: Iterable[View], *, seconds: float) -> dict[Chart, bytes]:
    """Pictures of the charts in these views, of as many as there can be within that time; never raises for a chart."""
    charts = {block for view in views for block in view.blocks if isinstance(block, Chart)}
    made: dict[Chart, bytes] = {}
    if painter is None or not charts:
        return made

    async def one(chart: Chart) -> None:
        try:
            async with asyncio.timeout(seconds):
                made[chart] = await painter.paint(chart)
        except (NotPainted, TimeoutError):
            return

    await asyncio.gather(*(one(chart) for chart in charts))
    return made
