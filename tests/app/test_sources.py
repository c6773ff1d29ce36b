"""What an answer was made from: numbered across a run, told to the model by number, shown to people under the same number."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from agents.tools.current_time import CurrentTime
from app.domain.grants import Target, Traits
from app.domain.run import Source, TextPart, ToolCall, ToolResult, ToolSpec
from app.domain.views import Sources, View
from app.errors import CutOff
from app.ports.agents import RunFacts, Tool
from tests.app.bench import GOOD
from tests.app.desk import Desk

PAGES = {
    "keys": (Source("Keys", "https://docs.example/keys", "A key."), Source("All", "https://docs.example/all")),
    "locks": (Source("Everything", "https://docs.example/all"), Source("Locks\n", "https://docs.example/locks")),
    "many": tuple(Source("", f"https://many.example/{n}") for n in range(1, 41)),
    "shy": (
        Source("x", "http://plain.example"),
        Source("x", "https://u:p@b.example"),
        Source(GOOD, "https://k.example"),
        Source("Page\n1", "https://docs.example/1", "Noon.\u202e"),
    ),
    "broken": (Source("Error page", "https://docs.example/error"),),
}


class LooksUp:
    """Stands in for the agent's one tool: what it is asked for has sources."""

    traits = Traits()

    def __init__(self, spec: ToolSpec) -> None:
        self.spec = spec
        self.asked: list[str] = []

    def target(self, arguments: Mapping[str, Any]) -> Target:
        return Target()

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        page = arguments["page"]
        self.asked.append(page)
        return ToolResult(call_id, f"About {page}.", is_error=page == "broken", sources=PAGES[page])


class OneTool:
    """Where it comes from. It takes the place of the tool of that name."""

    async def tools(self, facts: RunFacts) -> Sequence[Tool]:
        return (LooksUp(CurrentTime.spec),)


@pytest.fixture
def asks(desk: Desk) -> Desk:
    """The desk, with that tool."""
    desk.toolkit.add(OneTool())
    return desk


def look(*pages: str) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(f"call_{page}", "current_time", {"page": page}) for page in pages)


def told(desk: Desk) -> list[str]:
    """All tool results in what the model was asked last."""
    parts = (part for message in desk.model.requests[-1].messages for part in message.parts)
    return [part.content for part in parts if isinstance(part, ToolResult)]


def shown(views: tuple[View, ...]) -> list[tuple[int, str]]:
    blocks = [block for view in views for block in view.blocks if isinstance(block, Sources)]
    assert len(blocks) < 2
    return [(number, one.url) for block in blocks for number, one in block.numbered()]


async def test_two_results_in_one_run_share_one_numbering_that_the_model_is_told(asks: Desk) -> None:
    asks.model.script = [look("keys"), look("locks"), "Keys open [1] locks [3]."]
    await asks.ask("What opens what?")
    assert told(asks) == [
        "About keys.\n\nSources:\n[1] Keys - https://docs.example/keys\n[2] All - https://docs.example/all",
        "About locks.\n\nSources:\n[2] Everything - https://docs.example/all\n[3] Locks - https://docs.example/locks",
    ]
    (answer,) = asks.shown()
    assert answer.text.splitlines()[0] == "Keys open [1] locks [3]."
    assert shown(answer.views) == [
        (1, "https://docs.example/keys"),
        (2, "https://docs.example/all"),
        (3, "https://docs.example/locks"),
    ]
    assert "cite what you take from them by number" in asks.model.requests[0].system


async def test_after_a_crash_the_numbers_are_the_same(asks: Desk) -> None:
    asks.model.script = [look("keys"), look("locks"), "Locks [3].", "Locks [3]."]
    asks.model.hold, asks.model.hold_from = asyncio.Event(), 3
    await asks.say("What opens what?")
    await asks.model.held.wait()
    before = told(asks)
    await asks.runs.crash()
    asks.model.hold.set()
    await asks.settled()
    assert len(asks.model.requests) == 4
    assert told(asks) == before
    (answer,) = asks.shown()
    assert (3, "https://docs.example/locks") in shown(answer.views)


async def test_what_is_cited_is_shown_however_many_sources_there_were(asks: Desk) -> None:
    asks.model.script = [look("many"), "Here [33], not `a[40]`."]
    await asks.ask("Which?")
    numbers = [number for number, _ in shown(asks.shown()[0].views)]
    assert numbers == [*range(1, 20), 33]
    assert "[40] https://many.example/40" in told(asks)[0]


async def test_what_may_not_be_shown_has_no_number_and_failures_have_no_sources(asks: Desk) -> None:
    asks.model.script = [look("broken", "shy"), "Noon [1]."]
    await asks.ask("When?")
    assert told(asks) == ["About broken.", "About shy.\n\nSources:\n[1] Page 1 - https://docs.example/1"]
    (answer,) = asks.shown()
    (block,) = (block for block in answer.views[0].blocks if isinstance(block, Sources))
    assert block.items == (Source("Page 1", "https://docs.example/1", "Noon."),)


async def test_what_was_said_before_a_failure_keeps_its_sources(asks: Desk) -> None:
    asks.model.script = [look("keys"), (TextPart("Keys open [1] and"), CutOff())]
    reply = await asks.ask("What opens what?")
    assert reply
    assert reply.explanation
    assert shown((reply.explanation,)) == [(1, "https://docs.example/keys"), (2, "https://docs.example/all")]


async def test_without_sources_nothing_stands_under_the_answer(asks: Desk) -> None:
    asks.model.script = ["Nothing to cite [1]."]
    await asks.ask("What?")
    assert shown(asks.shown()[0].views) == []


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("Keys [1], locks[12][3].", {1, 12, 3}),
        ("a `x[1]` b [2]", {2}),
        ("```\nx[1]\n```\n[2]", {2}),
        ("~~~py\nx[1]", set()),
        ("[1](https://a.example) [x] [] [123]", set()),
        ("``a`[1]`` [4]", {4}),
    ],
)
def test_numbers_in_brackets_cite_save_in_code_and_links(text: str, marks: set[int]) -> None:
    assert Sources.marks(text) == marks
