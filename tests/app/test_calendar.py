"""Days and months begin when they do in the workspace's time zone, whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.spend import Period
from app.errors import BadInput
from app.services.calendar import Calendar
from app.services.workspaces import WorkspaceSettings


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_day_is_the_workspaces_own() -> None:
    night = at("2026-11-30T23:30")
    assert Calendar.of("UTC").period(Period.DAY, night) == "2026-11-30"
    assert Calendar.of("Europe/Berlin").period(Period.DAY, night) == "2026-12-01"
    assert Calendar.of("Europe/Berlin").period(Period.MONTH, night) == "2026-12"
    assert Calendar.of("America/New_York").month(night) == "2026-11"


@pytest.mark.parametrize(
    ("zone", "now", "day", "month"),
    [
        ("Europe/Berlin", "2026-03-29T00:30", "2026-03-29T22:00", "2026-03-31T22:00"),  # a day of 23 hours
        ("Europe/Berlin", "2026-10-25T00:30", "2026-10-25T23:00", "2026-10-31T23:00"),  # and one of 25
        ("Africa/Cairo", "2026-04-23T12:00", "2026-04-23T22:00", "2026-04-30T21:00"),  # where midnight is left out
        ("America/Havana", "2026-10-31T12:00", "2026-11-01T04:00", "2026-11-01T04:00"),  # where it comes twice
        ("UTC", "2026-12-31T23:59", "2027-01-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_a_limit_resets_when_the_date_changes(zone: str, now: str, day: str, month: str) -> None:
    calendar = Calendar.of(zone)
    assert calendar.resets_at(Period.DAY, at(now)) == at(day)
    assert calendar.resets_at(Period.MONTH, at(now)) == at(month)


@given(
    now=st.integers(1_577_836_800, 2_114_380_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Havana", "Africa/Cairo", "Asia/Beirut", "America/St_Johns",
                          "Australia/Lord_Howe", "Pacific/Apia", "America/Asuncion", "Asia/Kathmandu"]),
    period=st.sampled_from(Period),
)  # fmt: skip
def test_it_resets_at_the_first_moment_of_the_next_period(now: datetime, zone: str, period: Period) -> None:
    calendar = Calendar.of(zone)
    resets = calendar.resets_at(period, now)
    assert resets > now
    assert calendar.period(period, resets) > calendar.period(period, now)
    assert calendar.period(period, resets - timedelta(seconds=1)) == calendar.period(period, now)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "Europe", "/UTC"])
def test_what_is_no_zone_is_not_taken(name: str) -> None:
    with pytest.raises(BadInput) as refused:
        WorkspaceSettings(time_zone=name)
    assert refused.value.field == "time_zone"
