"""When something is due: as it is chosen, in words, and across changes of summer time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.errors import BadInput
from app.services.timing import checked, choice_of, cron_of, in_words, next_after, zone

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "time", "cron", "words"),
    [
        ("daily", "9:05", "5 9 * * *", "every day at 09:05"),
        ("weekdays", "09:00", "0 9 * * 1-5", "every weekday at 09:00"),
        ("sunday", "23.30", "30 23 * * 7", "every Sunday at 23:30"),
    ],
)
def test_what_is_chosen_is_told_in_the_same_words(every: str, time: str, cron: str, words: str) -> None:
    assert cron_of(every, time, "") == cron
    assert in_words(cron) == words
    assert choice_of(cron)[0] == every


def test_an_expression_is_told_as_it_is() -> None:
    assert cron_of("cron", "", "  0   9 1 * * ") == "0 9 1 * *"
    assert in_words("0 9 1 * *") == "by 0 9 1 * *"
    assert choice_of("0 9 1 * *") == ("cron", "")


@pytest.mark.parametrize(
    ("every", "time", "cron", "field"),
    [
        ("hourly", "09:00", "", "every"),
        ("daily", "25:00", "", "time"),
        ("daily", "", "", "time"),
        ("cron", "", "* * * * *", "cron"),
        ("cron", "", "0,10 9 * * *", "cron"),
        ("cron", "", "55,5 * * * *", "cron"),
        ("cron", "", "0 0 0 9 * *", "cron"),
        ("cron", "", "0 9 31 2 *", "cron"),
        ("cron", "", "nine o'clock", "cron"),
        ("weekdays", "09:00", "0 9 1 * *", "cron"),
        ("cron", "", "0 9 * * *" + " " * 5 + "*" * 200, "cron"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(every: str, time: str, cron: str, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        cron_of(every, time, cron)
    assert refused.value.field == field


def test_a_quarter_of_an_hour_may_lie_between_two_runs() -> None:
    assert checked("*/15 * * * *") == "*/15 * * * *"


def test_zones_are_known_by_their_names() -> None:
    assert zone(" europe/berlin ") == BERLIN
    assert zone("america/new york") == "America/New_York"
    with pytest.raises(BadInput):
        zone("Middle/Earth")


def test_nine_stays_nine_when_summer_time_begins_and_ends() -> None:
    assert next_after("0 9 * * *", BERLIN, at("2026-03-28 10:00")) == at("2026-03-29 07:00")
    assert next_after("0 9 * * *", BERLIN, at("2026-10-24 10:00")) == at("2026-10-25 08:00")


def test_an_hour_that_is_left_out_is_made_up_for_at_its_end() -> None:
    assert next_after("30 2 * * *", BERLIN, at("2026-03-28 12:00")) == at("2026-03-29 01:00")
    assert next_after("30 2 * * *", BERLIN, at("2026-03-29 01:00")) == at("2026-03-30 00:30")


def test_in_an_hour_that_comes_twice_it_is_due_once() -> None:
    first = next_after("30 2 * * *", BERLIN, at("2026-10-24 12:00"))
    assert first == at("2026-10-25 00:30")
    for now in (first, at("2026-10-25 01:10"), at("2026-10-25 01:30")):
        assert next_after("30 2 * * *", BERLIN, now) == at("2026-10-26 01:30")
