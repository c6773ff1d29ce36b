"""An address is somebody's own only if all of it stands in what they wrote."""

from __future__ import annotations

import time

import pytest

from app.services.named_urls import canonical, named_in


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("Read https://example.com/a?b=1 please", "https://example.com/a?b=1"),
        ("Read <https://example.com/a|this>, will you?", "https://example.com/a"),
        ("(see https://example.com/a_(b)).", "https://example.com/a_(b)"),
        ("see https://example.com/a, or not", "https://example.com/a"),
        ("see **https://EXAMPLE.com**", "https://example.com/"),
        ("see http://example.com/a", "https://example.com/a"),
        ("see http://example.com:80/a#part", "http://example.com/a"),
        ("what does example.com/pricing say?", "https://example.com/pricing"),
    ],
)
def test_what_was_written_is_named(text: str, url: str) -> None:
    assert canonical(url) in named_in(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see https://example.com/a", "https://example.com/a?data=secret"),
        ("see https://example.com/abc", "https://example.com/a"),
        ("see https://example.com/abc", "https://example.com/"),
        ("see https://example.com", "https://example.com.evil.example/"),
        ("see https://example.com/a", "https://example.com:8443/a"),
        ("see https://example.com/a", "https://user@example.com/a"),
        ("see https://user:word@example.com/a", "https://example.com/a"),
        ("write to ann@example.com", "https://example.com/"),
        ("the file report.example.com.txt/a", "https://example.com/"),
    ],
)
def test_what_only_looks_like_it_is_not(text: str, url: str) -> None:
    assert canonical(url) not in named_in(text)


def test_what_somebody_writes_to_keep_it_busy_takes_no_time() -> None:
    begun = time.process_time()
    assert named_in("https://example.com/" + ")" * 40_000) == frozenset()
    assert len(named_in("https://example.com/" + ")" * 1_900)) <= 10
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.com/",
        "javascript:alert(1)",
        "https://",
        "https://[::1",
        "https://a:b@c.example/",
        "https://a.example:99999/",
    ],
)
def test_what_is_no_plain_web_address_has_no_form(url: str) -> None:
    assert canonical(url) == ""
