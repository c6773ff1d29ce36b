"""What stands behind a `>`: somebody's words, but whoever writes them down need not be the one who said them. Pure."""

from __future__ import annotations

import re

_REST = re.compile(r"^([ \t]*)>>>(.*)", re.MULTILINE | re.DOTALL)
"""Slack's mark for: all that follows."""

_LINE = re.compile(r"^[ \t]*>+[ \t>]*(.*)$", re.MULTILINE)
_SPEAKER = re.compile(r"^[^:\n]{1,80}:[ \t]+")
_CUT_OFF = " \t….*_"


def without_quotes(text: str) -> str:
    """What the author says themselves."""
    return _LINE.sub("", _each_marked(text))


def quotes_elsewhere(text: str, known: str) -> bool:
    """Whether the text quotes words that stand nowhere in what is known already; who is said to have said them does not count."""
    said = (" ".join(found[1].split()) for found in _LINE.finditer(_each_marked(text)))
    plain = " ".join(known.split())
    return any(
        line.rstrip(_CUT_OFF) not in plain and _SPEAKER.sub("", line).rstrip(_CUT_OFF) not in plain for line in said
    )


def _each_marked(text: str) -> str:
    return _REST.sub(lambda found: f"{found[1]}>{found[2]}".replace("\n", "\n> "), text)
