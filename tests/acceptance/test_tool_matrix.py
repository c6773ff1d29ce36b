"""Every tool, granted, denied and with somebody's consent, on every platform: what is done, what the person saw, what the audit has."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
import pytest_asyncio
from yarl import URL

from app.domain.grants import Approval, Scope, ToolGrant
from app.domain.tool_kinds import BY_NAME
from tests.acceptance.process import until, until_told
from tests.acceptance.tool_offices import PAGE, SEED, Offices, Place, offices
from tests.fakes.model_searches import offered

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

MCP_TOOL = "mcp-tracker-add"
NOWHERE_BUT = frozenset({"slack", "playground"})
_numbers = itertools.count(1)


class Mode(Enum):
    """How the agent comes to a tool."""

    GRANTED = "granted"
    DENIED = "denied"
    APPROVAL = "approval"


@dataclass(frozen=True)
class Row:
    """`told` is what the model is told once it is done, `step` what people see of it; `unasked` is what it is told where nobody was asked.

    Where a platform can't do it (not among `on`), it is as if there were no such tool. `denied` is why not where nothing is granted.
    """

    told: str
    step: str
    asks: str = ""
    arguments: Callable[[Offices, Place], Mapping[str, Any]] = lambda offices, place: {}
    scope: Callable[[Offices, Place], Scope] = lambda offices, place: Scope()
    on: frozenset[str] = frozenset({"slack", "teams", "playground"})
    unasked: str = ""
    denied: str = "not been granted"
    posts: str = ""
    by_itself: bool = field(default=False)  # the vendor does it within the model's call: nobody can be asked


DAILY = {"what": "Say good morning.", "every": "daily", "time": "09:00", "time_zone": "UTC"}
ROWS = {
    "current_time": Row("UTC", "ooking at the clock", "use"),
    "thread_history": Row("in this thread", "eading the thread", "use"),
    "channel_history": Row(
        SEED, "eading #", "read a channel", lambda offices, place: {"channel": place.elsewhere},
        lambda offices, place: Scope(channels=(place.elsewhere,)), NOWHERE_BUT,
    ),
    "chat_search": Row(SEED, "earching messages", "search", lambda offices, place: {"query": "lift"}, on=NOWHERE_BUT),
    "post_message": Row(
        "Posted to", "osting to #", "post a message",
        lambda offices, place: {"channel": place.elsewhere, "text": "Hello from {marker}"},
        lambda offices, place: Scope(channels=(place.elsewhere,)), posts="Hello from {marker}",
    ),
    "http_fetch": Row(
        PAGE, "eading 127.0.0.1", "read a web page", lambda offices, place: {"url": offices.url},
        lambda offices, place: Scope(hosts=(URL(offices.url).authority,)),
    ),
    "web_search": Row("", "earching the web", by_itself=True),
    "run_code": Row("42", "unning code", "run code", lambda offices, place: {"code": "print(6 * 7)"}),
    "remember": Row("Kept.", "aking a note", "keep a note", lambda offices, place: {"note": "Tea at four."}),
    "recall": Row("note", "ooking its notes up", "look up its notes"),
    "propose_schedule": Row(
        "The schedule is set up", "roposing a schedule", "do something regularly", lambda offices, place: DAILY,
        unasked="An admin has to agree",
    ),
    "ask_agent": Row(
        "You said: How are you?", "sking", "helper",
        lambda offices, place: {"agent": "helper", "question": "How are you?"},
        lambda offices, place: Scope(agents=(offices.helpers[place.name],)), denied="no tool of that name here",
    ),
    MCP_TOOL: Row(
        "5", "sing tracker-add", "tracker", lambda offices, place: {"a": 2, "b": 3},
        lambda offices, place: Scope(schema=offices.pins[place.name]),
    ),
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Offices]:
    """All platforms, for all tests of this file."""
    async with offices(tmp_path_factory.mktemp("offices")) as opened:
        yield opened


async def test_no_tool_is_without_a_row() -> None:
    assert set(ROWS) == {*BY_NAME, MCP_TOOL}


@pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("tool", ROWS)
async def test_it_does_what_is_granted_and_nothing_else(tool: str, mode: Mode, three: Offices) -> None:
    works = _searched if ROWS[tool].by_itself else _called
    everywhere = (works(three, place, tool, mode) for place in three.places.values())
    for trouble in await asyncio.gather(*everywhere, return_exceptions=True):
        if trouble:
            raise trouble


async def _called(three: Offices, place: Place, tool: str, mode: Mode) -> None:
    row, marker, why = ROWS[tool], f"M-{next(_numbers)}.", f"{tool} in {place.name}"
    approval = Approval.ALWAYS if mode is Mode.APPROVAL else Approval.NEVER
    grant = ToolGrant(tool, scope=row.scope(three, place), approval=approval)
    await three.grant(place, *([] if mode is Mode.DENIED else [grant]))
    before = len(await three.audit(place))
    arguments = json.dumps(row.arguments(three, place)).replace("{marker}", marker)
    thread = await place.ask(f"{marker} [[tool:{tool} {arguments}]]")
    possible = place.name in row.on
    if mode is Mode.APPROVAL and possible:
        card = await until(lambda: place.card(thread), f"somebody is asked about {why}", 30)
        assert row.asks in json.dumps(card), why
        assert row.posts.replace("{marker}", marker) not in place.posted() or not row.posts, why
        await place.approve(card)
    await until(lambda: place.answered(thread), f"the answer is whole: {why}", 30)
    told, seen = _told(three, marker), json.dumps(place.messages(thread), ensure_ascii=False)
    entries = (await three.audit(place))[before:]

    if mode is Mode.DENIED or not possible:
        (entry,) = entries
        assert (entry.action, entry.object) == ("tool.denied", tool), why
        assert entry.details["reason"] in told, why
        assert row.told not in told or row.told in entry.details["reason"], why
        assert row.posts.replace("{marker}", marker) not in place.posted() or not row.posts, why
        if possible:
            assert row.denied in told, why
            assert row.step in seen, why
        return

    assert (row.unasked if mode is Mode.GRANTED and row.unasked else row.told) in told, why
    assert row.step in seen, why
    assert row.posts.replace("{marker}", marker) in place.posted(), why
    asked = ["tool.asked"] if mode is Mode.APPROVAL else []
    assert [entry.action for entry in entries] == [*asked, "tool.allowed"], why
    assert {(entry.object, entry.actor) for entry in entries} == {(tool, place.admin)}, why
    assert bool(entries[-1].details.get("approval")) == bool(asked), why
    await until(lambda: place.card(thread) is None, f"nothing is left to press: {why}")


async def _searched(three: Offices, place: Place, tool: str, mode: Mode) -> None:
    marker, why = f"M-{next(_numbers)}.", f"{tool} in {place.name}"
    approval = Approval.ALWAYS if mode is Mode.APPROVAL else Approval.NEVER
    await three.grant(place, *([] if mode is Mode.DENIED else [ToolGrant(tool, approval=approval)]))
    before = len(await three.audit(place))
    thread = await place.ask(f"{marker} [[search:lifts]]")
    await until(lambda: place.answered(thread), f"the answer is whole: {why}", 30)
    granted = mode is Mode.GRANTED
    assert [offered(call.body) for call in three.models.calls if marker in call.said] == [granted], why

    async def written() -> bool:
        return len(await three.audit(place)) >= before + granted

    await until_told(
        written, f"what it searched for is written down: {why}"
    )  # the answer streams before its search has ended
    entries = (await three.audit(place))[before:]
    assert [(entry.action, entry.object) for entry in entries] == [("tool.allowed", tool)] * granted, why
    if granted:
        await until(
            lambda: ROWS[tool].step in json.dumps(place.messages(thread), ensure_ascii=False), f"it is shown: {why}"
        )
    assert (ROWS[tool].step in json.dumps(place.messages(thread), ensure_ascii=False)) == granted, why
    assert place.card(thread) is None, why


def _told(three: Offices, marker: str) -> str:
    """What the model was told of its call."""
    calls = [call for call in three.models.calls if marker in call.said and "tool_result" in json.dumps(call.body)]
    assert len(calls) == 1, "one call of a tool, one more of the model"
    content = calls[0].body["messages"][-1]["content"]
    return json.dumps([part for part in content if part["type"] == "tool_result"], ensure_ascii=False)
