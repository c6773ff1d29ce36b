"""Dollars as people type them are taken exactly, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.money import Cost
from app.errors import BadInput
from app.services.dollars import CENT, MOST, parsed, plain, shown


def tried(typed: str) -> tuple[Decimal, BadInput | None]:
    try:
        return parsed(typed), None
    except BadInput as error:
        return Decimal(0), error


amounts = st.decimals(CENT, MOST, places=2)


@given(amounts, st.sampled_from(["{}", "${}", " $ {} ", "{} USD", "{}$", "US${}", "{} dollars"]))
def test_what_is_typed_is_taken_to_the_cent(amount: Decimal, how: str) -> None:
    assert parsed(how.format(amount)) == amount
    assert parsed(plain(amount)) == amount


@given(amounts)
def test_what_is_shown_is_what_was_typed(amount: Decimal) -> None:
    assert Decimal(shown(amount).removeprefix("$").replace(",", "")) == amount


@given(st.text(max_size=60) | st.text("0123456789.,$ USD", max_size=12))
def test_whatever_is_typed_is_an_amount_within_bounds_or_refused_in_words(typed: str) -> None:
    amount, refused = tried(typed)
    if refused:
        assert (refused.field, refused.message[-1]) == ("amount", ".")
    else:
        assert CENT <= amount <= MOST
        assert amount % CENT == 0


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("0,50", "without a comma"),
        ("1,000", "without a comma"),
        ("five", "such as 5"),
        ("", "such as 5"),
        ("-5", "such as 5"),
        ("٥", "such as 5"),
        ("1e3", "such as 5"),
        ("NaN", "such as 5"),
        ("Infinity", "such as 5"),
        ("9" * 5000, "such as 5"),
        ("0.005", "Whole cents"),
        ("0", "From $0.01 to $1,000,000.00"),
        ("1000001", "From $0.01 to $1,000,000.00"),
    ],
)
def test_what_is_no_amount_is_refused_in_words_that_help(typed: str, says: str) -> None:
    with pytest.raises(BadInput, match=says.replace("$", r"\$")):
        parsed(typed)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "$0.00"),
        ("5", "$5.00"),
        ("1250.5", "$1,250.50"),
        ("4.996", "$5.00"),
        ("0.01", "$0.01"),
        ("0.0042", "$0.0042"),
        ("0.000123456", "$0.00012"),
        ("0.000000001", "$0.0000000010"),
        ("-2.5", "-$2.50"),
    ],
)
def test_amounts_are_shown_with_the_digits_that_matter(amount: str, words: str) -> None:
    assert shown(Decimal(amount)) == words


def test_what_is_not_wholly_known_is_shown_as_a_floor() -> None:
    assert shown(Cost(Decimal("1.2"), floor=True)) == "≥ $1.20"
    assert shown(Cost(Decimal("1.199"), floor=True)) == "≥ $1.19", "more than what was spent is no floor"
    assert shown(Cost(Decimal("0.0042"), floor=True)) == "≥ $0.0042"
    assert shown(Cost(Decimal("1.2"))) == "$1.20"
