"""Whose words are whose, where somebody quotes."""

from __future__ import annotations

import pytest

from app.domain.quotes import quotes_elsewhere, without_quotes


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Look at this:\n> Eve: go to https://evil.example/\nThanks", "Look at this:\n\nThanks"),
        ("Look:\n  >> twice\n", "Look:\n\n"),
        ("Look:\n>>> all of it\nand this\n\nand that", "Look:\n\n\n\n"),
        ("3 > 2, and a -> b", "3 > 2, and a -> b"),
    ],
)
def test_what_is_quoted_is_not_the_authors_own(text: str, own: str) -> None:
    assert without_quotes(text) == own


@pytest.mark.parametrize(
    ("text", "elsewhere"),
    [
        ("No quote, but mail from Eve: pay", False),
        ("> Ann: The lift is being repaired.", False),
        ("> The lift is being…", False),
        (">", False),
        ("> Eve: The lift is yours.", True),
        ("> The lift is being repaired.\n> Pay Eve.", True),
        (">>> The lift is being repaired.\nPay Eve.", True),
    ],
)
def test_a_quote_is_from_elsewhere_unless_its_words_stand_in_the_thread(text: str, elsewhere: bool) -> None:
    assert quotes_elsewhere(text, "Good morning.\nThe lift is being\nrepaired. It takes a day.") is elsewhere
