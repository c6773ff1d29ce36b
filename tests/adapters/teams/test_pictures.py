"""Charts in Teams: pictures within the card, and numbers where Teams will not have them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from adapters.teams import render
from adapters.teams.cards import Names
from app.domain.charts import Chart, Series
from app.domain.events import Open, Private
from app.domain.views import Button, Buttons, Text, View, rich
from tests.adapters.teams.wire import TeamsWire, dumped, teams_wire, text_of
from tests.conformance.asking import asked
from tests.conformance.chart_painter import LARGEST, spent
from tests.conformance.chat_charts import DAYS, SPENT
from tests.fakes.charts import PNG, FakePainter, picture


@pytest.fixture(name="wire")
async def _wire() -> AsyncIterator[TeamsWire]:
    async with teams_wire() as wire:
        yield wire


def pictured(call: Any) -> bool:
    return "data:image/png" in dumped(call.body)


async def test_a_card_that_teams_refuses_for_its_picture_comes_without_it(wire: TeamsWire) -> None:
    event = await asked(wire)
    wire.teams.connector.fail(400, times=9, when=pictured)
    await wire.platform.whisper(wire.member, SPENT, event.conversation)
    assert await wire.seen(wire.member, None) == []
    assert "Mon: researcher $1.50 · writer $0.25" in wire.private(wire.member)[-1]


async def test_a_card_that_is_too_large_with_its_picture_comes_without_it(wire: TeamsWire) -> None:
    event = await asked(wire)
    wire.teams.connector.fail(413, times=9, when=pictured)
    await wire.platform.whisper(wire.member, SPENT, event.conversation)
    assert "After it" in wire.private(wire.member)[-1]
    assert "fit here" not in wire.private(wire.member)[-1]


async def test_a_home_that_is_changed_loses_its_picture_rather_than_itself(wire: TeamsWire) -> None:
    await asked(wire)
    await wire.platform.publish_home(wire.member, View((Text(rich("No chart yet")),)))
    wire.teams.connector.fail(400, times=9, when=pictured)
    await wire.platform.publish_home(wire.member, SPENT)
    assert "$1.50" in wire.home(wire.member)
    assert "No chart yet" not in wire.home(wire.member)


async def test_a_dialog_has_its_picture(wire: TeamsWire) -> None:
    await asked(wire)
    way_in = View((Buttons((Button("usage", "Usage", "7", opens=True),)),))
    wire.inbound.outcome = Private(way_in)
    await wire.command(wire.member, "menu")
    wire.inbound.outcome = Open(SPENT)
    await wire.press(wire.member, "usage", "7")
    assert await wire.seen(wire.member) == [(picture(DAYS), DAYS.alt)]


async def test_a_chart_is_painted_once_for_a_screen(wire: TeamsWire) -> None:
    event = await asked(wire)
    await wire.platform.whisper(wire.member, SPENT, event.conversation)
    await wire.platform.whisper(wire.member, SPENT, event.conversation)
    assert wire.painter.painted == [DAYS]


def test_the_largest_picture_there_is_fits_a_card() -> None:
    chart = spent(31, 8)
    names = Names(pictures={chart: "data:image/png;base64," + "A" * (LARGEST * 4 // 3)})
    pages = render.pages(View((Text(rich("x" * 900)), chart, *(Text(rich("y" * 900)) for _ in range(20)))), names)
    cards = [render.message(page, names) for page in pages]
    assert sum("data:image/png" in dumped(card) for card in cards) == 1
    assert "fit here" not in text_of(cards)
    assert all(len(dumped(card).encode()) < 26_000 for card in cards)


async def test_a_picture_too_large_for_any_card_is_shown_as_numbers(wire: TeamsWire) -> None:
    class Huge(FakePainter):
        async def paint(self, chart: Chart) -> bytes:
            return PNG + b"x" * LARGEST * 2

    wire.platform._whispers._charts = Huge()
    event = await asked(wire)
    await wire.platform.whisper(wire.member, SPENT, event.conversation)
    assert "$1.50" in wire.private(wire.member)[-1]


def test_a_month_in_numbers_fits_the_smallest_card() -> None:
    month = tuple(f"Nov {day}" for day in range(1, 32))
    parts = tuple(Series(f"agent-{n}", tuple(Decimal("1234.56") for _ in month)) for n in range(8))
    card = render.message(View((Chart("Spent", month, parts, alt="Much."),)), Names(), largest=10_000)
    assert "Nov 31: $9,876" in text_of(card)
    assert "fit here" not in text_of(card)
