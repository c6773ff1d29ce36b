"""The card on which people decide, on every platform: whatever may be shown at all is shown whole, with its buttons."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.playground import render as playground
from adapters.playground.room import Rooms
from adapters.slack import render as slack
from adapters.teams import render as teams
from adapters.teams.cards import Names
from app.domain.approvals import LONGEST, MOST_LINES, Asked, spelled_out
from app.domain.chat import UserRef
from app.domain.grants import Invoker, Target
from app.domain.views import View
from app.services.screens.approvals import ALWAYS, APPROVE, DENY, card
from tests.fakes.slack.blocks import check_message

ASKER = UserRef("slack:T1", "U1")
WORST = {
    "long": "x" * (LONGEST - len("▸ text: ")),
    "wide": "你好 " * 850,
    "lines": "\n".join("ab" for _ in range(MOST_LINES - 1)),
    "escapes": '"\\' * 1000,
    "markup": "<!channel> *b* `c` ~s~ _i_ {{DATE(2026)}} [x](https://evil.example) & <@U1> " * 30,
}


def drawn(arguments: str, tool: str = "post_message", target: Target | None = None) -> View:
    asked = Asked(
        "writer", tool, target or Target(channel="C2"), "C1", ASKER, Invoker.MEMBER, admins_only=False
    )  # fmt: skip
    until = datetime(2026, 11, 23, tzinfo=UTC)
    return card(asked, "run/1", reason="Why.", arguments=arguments, until=until, may_remember=True)


def texts(thing: Any) -> list[str]:
    """Every text in it, in order."""
    if isinstance(thing, dict):
        own = [thing["text"]] if isinstance(thing.get("text"), str) else []
        return own + [text for value in thing.values() for text in texts(value)]
    return [text for item in thing for text in texts(item)] if isinstance(thing, list) else []


@pytest.mark.parametrize("text", WORST.values(), ids=WORST)
def test_what_may_be_shown_at_all_is_shown_whole_with_its_buttons(text: str) -> None:
    arguments = spelled_out({"text": text})
    assert arguments
    blocks = slack.message(drawn(arguments))
    check_message(blocks)
    assert arguments in texts(blocks)
    made = teams.message(drawn(arguments), Names())
    lines = "\n".join(texts(made)).replace("\u2060", "")
    assert arguments in lines
    (shown,) = [block for block in playground.view(drawn(arguments), _names())["blocks"] if block["type"] == "verbatim"]
    assert shown["text"] == arguments
    for whole in (blocks, made, playground.view(drawn(arguments), _names())):
        assert all(f'"{action}"' in json.dumps(whole) for action in (APPROVE, DENY, ALWAYS))


@pytest.mark.parametrize(
    "target",
    [Target(channel="C2> <!channel"), Target(host="a.example> <!channel", method="GET"), Target(host="a", method="<!here>")],
    ids=["channel", "host", "method"],
)  # fmt: skip
def test_what_a_model_named_as_its_target_is_no_markup(target: Target) -> None:
    view = drawn("url: x", "http_fetch", target)
    shown = json.dumps(slack.message(view))
    assert "<!channel" not in shown
    assert "<!here" not in shown


def _names() -> playground.Names:
    rooms = Rooms()
    return playground.Names(rooms.person_name, rooms.channel_name)
