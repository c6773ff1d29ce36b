"""What every platform promises of charts: one person sees a picture, and where there can be none, its numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.domain.charts import Chart, Series
from app.domain.events import Private, Replace
from app.domain.views import Button, Buttons, Note, Text, View, rich
from tests.conformance.asking import asked
from tests.conformance.wire import Wire
from tests.fakes.charts import picture

DAYS = Chart(
    "Spent this week",
    ("Mon", "Tue", "Wed"),
    (Series("researcher", (Decimal("1.5"), Decimal(0), Decimal(3))), Series("writer", (Decimal("0.25"),) * 3)),
    alt="$5.25 in three days; researcher spent most.",
)
SPENT = View(blocks=(Text(rich("Before it")), DAYS, Note(rich("After it")), Buttons((Button("days", "7 days", "7"),))))


class ChartPromises:
    """Bound with ChatPlatformSuite; `wire.painter` paints."""

    @pytest.fixture
    def wire(self) -> Wire:
        """The platform's side."""
        raise NotImplementedError

    async def test_a_chart_is_a_picture_for_who_asked_and_has_words(self, wire: Wire) -> None:
        wire.inbound.outcome = Private(SPENT)
        await wire.command(wire.admin, "usage")
        assert await wire.seen(wire.admin) == [(picture(DAYS), DAYS.alt)]
        said = wire.private(wire.admin)[-1]
        assert "Before it" in said
        assert "After it" in said
        assert wire.private(wire.member) == wire.public() == []

    async def test_a_chart_is_a_picture_in_a_whisper(self, wire: Wire) -> None:
        event = await asked(wire)
        await wire.platform.whisper(wire.member, SPENT, event.conversation)
        assert await wire.seen(wire.member) == [(picture(DAYS), DAYS.alt)]
        assert wire.private(wire.admin) == wire.public() == []

    async def test_a_chart_is_a_picture_on_the_home(self, wire: Wire) -> None:
        await asked(wire)
        await wire.open_home(wire.member)
        await wire.platform.publish_home(wire.member, SPENT)
        assert await wire.seen(wire.member) == [(picture(DAYS), DAYS.alt)]
        assert "Before it" in wire.home(wire.member)

    async def test_a_button_beside_a_chart_brings_another(self, wire: Wire) -> None:
        wire.inbound.outcome = Private(SPENT)
        await wire.command(wire.admin, "usage")
        await wire.seen(wire.admin)
        other = Chart("Spent today", ("Wed",), (Series("writer", (Decimal(3),)),), alt="$3 today.")
        wire.inbound.outcome = Replace(View(blocks=(Text(rich("Another")), other)))
        await wire.press(wire.admin, "days", "7")
        assert await wire.seen(wire.admin, other.alt) == [(picture(other), other.alt)]

    async def test_a_chart_that_cannot_be_painted_is_its_numbers(self, wire: Wire) -> None:
        wire.painter.broken = True
        event = await asked(wire)
        await wire.platform.whisper(wire.member, SPENT, event.conversation)
        said = "\n".join(wire.private(wire.member))
        for word in ("Before it", "After it", "Spent this week", "Mon", "$1.50", "$0.25", "writer"):
            assert word in said
        assert await wire.seen(wire.member, None) == []
