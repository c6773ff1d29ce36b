"""Screens of servers of tools, on every platform: each can be drawn, and what an admin has to look at stands there whole."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.playground import render as playground
from adapters.playground.room import Rooms
from adapters.slack import render as slack
from adapters.teams import render as teams
from adapters.teams.cards import Names
from app.domain.mcp import McpAuth, McpServer, PinnedTool, arguments
from app.domain.views import View
from app.services.mcp.servers import Looked
from app.services.screens import mcp, mcp_tool
from app.services.screens.mcp import Shelf
from tests.fakes.slack.blocks import check_message, check_view

SERVER = McpServer("mcp_1", "slack:T1", "tracker", "https://mcp.example.com/mcp", McpAuth.OAUTH, False, False, "U1", datetime(2026, 11, 23, tzinfo=UTC))  # fmt: skip
TOOL = PinnedTool("mcp_1", "find", "Finds <!channel> *things*.", {"type": "object", "properties": {}}, "a" * 64)
MANY = tuple(replace(TOOL, name=f"tool_number_{n:03}_" + "x" * 45, enabled=n % 2 == 0) for n in range(200))
SHELF = Shelf(SERVER, (TOOL,), 1)
MESSAGES = {
    "none": mcp.catalogue((), may_sign_in=True),
    "one": mcp.catalogue((SHELF,), may_sign_in=True),
    "many servers": mcp.catalogue(tuple(replace(SHELF, tools=MANY) for _ in range(12)), may_sign_in=True),
    "many tools": mcp.server(Shelf(SERVER, MANY, 1), may_sign_in=True, looked=Looked(new=("a",))),
    "trouble": mcp.added(SHELF, Looked(trouble="it can't be reached"), may_sign_in=False),
    "sign in": mcp.added(SHELF, Looked(sign_in=True), may_sign_in=True),
    "link": mcp.sign_in_link(SERVER, "https://login.example.com/authorize?a=b&c=d", "login.example.com"),
    "no sign in": mcp.no_sign_in(SERVER, "Not now."),
    "token": mcp.token_wanted(SERVER),
    "signed in": mcp.signed_in(SERVER, Looked(), admin=True),
    "ran out": mcp.sign_in_ran_out(SERVER),
    "changed": mcp.changed(SERVER, [tool.name for tool in MANY]),
    "removed": mcp.removed(SERVER),
    "signed out": mcp.signed_out(SERVER),
    "saved": mcp_tool.saved(SERVER, replace(TOOL, enabled=True), 3),
    "home": View(blocks=mcp.section((SHELF,))),
}
FILL = {
    "plain": "word ",
    "quotes": '"\\',
    "wide": "你好",
    "lines": "a\n",
    "markup": "<!channel> *b* [x](https://evil.example) & ",
}


@pytest.mark.parametrize("view", MESSAGES.values(), ids=MESSAGES)
def test_every_screen_can_be_drawn(view: View) -> None:
    check_message(slack.message(view))
    assert teams.message(view, Names())["body"]
    assert playground.view(view, _names())["blocks"]


@pytest.mark.parametrize("view", [mcp.add_form(may_sign_in=True), mcp.token_form(SERVER, own=True), mcp_tool.form(SERVER, TOOL, None)], ids=["add", "token", "tool"])  # fmt: skip
def test_every_form_can_be_drawn(view: View) -> None:
    check_view(slack.modal(view))
    assert teams.dialog(view, Names())["card"]
    assert playground.view(view, _names())["blocks"]


@pytest.mark.parametrize("fill", FILL.values(), ids=FILL)
def test_whatever_can_be_switched_on_is_shown_whole_on_every_platform(fill: str) -> None:
    now = replace(TOOL, description=(fill * 4000)[:3990] + "THE END", schema=_schema(""), hash="b" * 64)
    while not now.can_be_shown:
        now = replace(now, description=now.description[100:])
    room = next(n for n in range(40_000, -1, -50) if replace(now, schema=_schema((fill * n)[:n])).can_be_shown)
    hidden = (fill * room)[:room]
    now = replace(now, schema=_schema(hidden))
    view = mcp_tool.form(SERVER, replace(TOOL, description="Other. " * 20), now)
    modal, dialog = slack.modal(view), teams.dialog(view, Names())
    check_view(modal)
    for made in (modal, dialog, playground.view(view, _names())):
        said = "".join(_texts(made)).replace("\u2060", "")
        assert "THE END" in said
        assert json.dumps(hidden, ensure_ascii=False)[1:-1] in said
        assert '"enabled"' in json.dumps(made)
        assert '"approval"' in json.dumps(made)


def test_what_was_hidden_in_a_corner_of_a_schema_is_shown() -> None:
    schema = {
        "type": "object", "properties": {"a": {"type": "string", "title": "ONE", "enum": ["TWO"], "items": {"description": "THREE"}}, "b": "FOUR"},
        "$defs": {"x": {"description": "FIVE"}}, "required": ["SIX"], "description": "SEVEN",
    }  # fmt: skip
    said = arguments(schema)
    assert [word for word in ("ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN") if word not in said] == []


def _schema(text: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"type": "string", "enum": [text]}}}


def _texts(thing: Any) -> list[str]:
    if isinstance(thing, dict):
        own = [thing["text"]] if isinstance(thing.get("text"), str) else []
        return own + [text for value in thing.values() for text in _texts(value)]
    return [text for item in thing for text in _texts(item)] if isinstance(thing, list) else []


def _names() -> playground.Names:
    rooms = Rooms()
    return playground.Names(rooms.person_name, rooms.channel_name)
