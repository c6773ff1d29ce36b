"""What stands beside and beneath bars can be read."""

from __future__ import annotations

import pytest

from adapters.charts.worker import words


@pytest.mark.parametrize(
    ("highest", "unit", "beside"),
    [
        (0.0023, "$", ["$0", "$0.0005", "$0.0010", "$0.0015", "$0.0020", "$0.0025"]),
        (0.9, "$", ["$0", "$0.20", "$0.40", "$0.60", "$0.80", "$1.00"]),
        (3, "$", ["$0", "$1", "$2", "$3"]),
        (10, "$", ["$0", "$2", "$4", "$6", "$8", "$10"]),
        (1150, "$", ["$0", "$250", "$500", "$750", "$1,000", "$1,250"]),
        (180_000, "$", ["$0", "$50k", "$100k", "$150k", "$200k"]),
        (1_400_000, "tokens", ["0", "0.5M", "1.0M", "1.5M"]),
        (0, "$", ["$0"]),
    ],
)
def test_an_axis_has_few_lines_at_round_amounts(highest: float, unit: str, beside: list[str]) -> None:
    assert words.amounts(words.ticks(highest), unit) == beside


def test_what_the_font_has_no_picture_of_becomes_dots_and_never_boxes() -> None:
    assert words.legible("🔑 Ünï 🦊 Наталья", 44) == "Ünï Наталья"
    assert words.legible("山田 the 2nd", 44) == "… the 2nd"
    assert words.legible("山田太郎", 44, "no. 2") == "no. 2"
    assert words.legible("two\nlines\x00", 44) == "two lines"


def test_long_names_are_cut_in_their_middle_and_stay_apart() -> None:
    several = words.names(["a" * 30 + "1", "a" * 30 + "2", "b", "b"], 19)
    assert all(len(one) <= 19 for one in several)
    assert several[0].endswith("1")
    assert len(set(several)) == 4


@pytest.mark.parametrize(("bars", "shown"), [(7, [0, 2, 4, 6]), (31, [0, 6, 12, 18, 24, 30]), (3, [0, 1, 2])])
def test_labels_that_would_run_into_each_other_are_left_out_and_the_last_one_stays(bars: int, shown: list[int]) -> None:
    assert words.shown_labels([38.0] * bars, 300, 12) == shown
