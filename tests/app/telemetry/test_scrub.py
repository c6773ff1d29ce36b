"""Secrets are masked in every dress they may come in."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.secrets import Secret
from app.telemetry.scrub import MASK, Scrubber

ODD = 'pa"ss/wörd+with=odd characters\\in it and enough of them'


@pytest.mark.parametrize(
    "dress",
    [
        str,
        json.dumps,
        repr,
        lambda value: quote(value, safe=""),
        lambda value: value.encode().hex(),
        lambda value: value[::-1],
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.b64encode(b"x" + value.encode()).decode(),
        lambda value: base64.b64encode(b"xy" + value.encode() + b"z").decode(),
        lambda value: base64.urlsafe_b64encode(f"user:{value}".encode()).decode(),
        lambda value: value[:16],
        lambda value: value[-12:],
    ],
)
def test_a_live_secret_is_masked_however_it_is_dressed(dress: Callable[[str], str]) -> None:
    scrub = Scrubber()
    scrub.remember(Secret(ODD))
    assert MASK in scrub(f"before {dress(ODD)} after")


@given(st.text(min_size=20, max_size=80))
def test_no_live_secret_survives(value: str) -> None:
    scrub = Scrubber()
    scrub.remember(Secret(value))
    assert value not in scrub(f"<{value}>")
    assert value not in scrub(json.dumps({"x": value}))


@pytest.mark.parametrize(
    "text",
    [
        "sk" + "-ant-abc0123456789abcdef",
        "sk" + "-proj-0123456789abcdef",
        "sk_live_0123456789ab",
        "xox" + "b-not-a-real-token",
        "xapp" + "-1-A0-abcdef",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "Authorization: Bearer abcdefgh12345678",
        "gsk_" + "a" * 20,
        "postgresql://latchkey:hunter2@db/latchkey",
    ],
)
def test_what_has_the_shape_of_a_secret_is_masked(text: str) -> None:
    masked = Scrubber()(f"x {text} y")
    assert MASK in masked
    assert text not in masked


def test_ordinary_words_stay() -> None:
    line = '{"event": "run ended", "run": "5f0c1d", "task": "ask-again", "seconds": 1.2}'
    assert Scrubber()(line) == line


def test_short_texts_are_not_taken_for_secrets() -> None:
    scrub = Scrubber()
    scrub.remember(Secret("on"))
    assert scrub("only once") == "only once"
