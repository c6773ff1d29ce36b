"""What an answer in Teams was made from: cited by number in its text, or listed under it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.domain.events import Addressed
from app.domain.run import Source
from app.domain.views import Sources, View
from tests.adapters.teams.replies import UNDER, asked, begun, shown
from tests.adapters.teams.wire import FAST, TeamsWire, teams_wire


@pytest.fixture
async def wire() -> AsyncIterator[TeamsWire]:
    async with teams_wire() as wire:
        yield wire


SOURCES = Sources(
    (Source("A " + "long " * 40, "https://a.example/(1)", "p" * 300), Source("[B](x) <at>", "https://b.example"))
)


@pytest.mark.parametrize("to", [Addressed.DIRECT, Addressed.MENTION])
async def test_a_number_in_the_text_cites_its_source_and_the_others_are_listed(wire: TeamsWire, to: Addressed) -> None:
    event = await asked(wire, to)
    reply = await begun(wire, event, "Forty ")
    await reply.finish("Forty two [1].", (View(blocks=(SOURCES, *UNDER[0].blocks)),))
    (answer,) = shown(wire, event)
    assert answer["text"].endswith(
        "Forty two [1].\n\nSources: [2. (B)(x) ‹at› (b.example)](https://b.example)\n\n*Latchkey · model-1*"
    )
    (claim,) = answer["entities"][-1]["citation"]
    document = claim["appearance"]
    assert (claim["@type"], claim["position"], document["@type"]) == ("Claim", 1, "DigitalDocument")
    assert (len(document["name"]), len(document["abstract"]), document["url"]) == (80, 160, "https://a.example/(1)")


async def test_without_numbers_nothing_is_cited_and_all_is_listed(wire: TeamsWire) -> None:
    event = await asked(wire)
    reply = await begun(wire, event, "Forty ")
    await reply.finish("Forty two.", (View(blocks=(SOURCES,)),))
    (answer,) = shown(wire, event)
    assert "citation" not in answer["entities"][-1]
    assert "\n\nSources: [1. A long" in answer["text"]
    assert "(https://a.example/%281%29) · [2. " in answer["text"]


async def test_the_number_in_the_text_is_the_number_of_its_source_in_whichever_message() -> None:
    async with teams_wire(pace=replace(FAST, room=3_000)) as wire:
        event = await asked(wire, Addressed.MENTION)
        reply = await begun(wire, event, "Forty ")
        found = Sources(tuple(Source(f"Page {n}", f"https://docs.example/{n}") for n in (2, 7, 33)), (2, 7, 33))
        text = f"Forty two [33].\n\n{'word ' * 400}\n\nAnd `a[7]` more [2]."
        await reply.finish(text, (View(blocks=(found,)),))
        first, *_, last = shown(wire, event)
        cited = [
            [(one["position"], one["appearance"]["url"]) for one in message["entities"][-1]["citation"]]
            for message in (first, last)
        ]
        assert cited == [[(33, "https://docs.example/33")], [(2, "https://docs.example/2")]]
        assert "Sources: [7. Page 7 (docs.example)](https://docs.example/7)" in last["text"]


async def test_where_citations_make_it_too_large_all_sources_are_listed(wire: TeamsWire) -> None:
    wire.teams.connector.largest = 3_000
    event = await asked(wire, Addressed.MENTION)
    reply = await begun(wire, event, "Forty ")
    found = Sources(tuple(Source(f"Page {n}", f"https://docs.example/{'x' * 90}{n}", "t" * 160) for n in range(1, 9)))
    text = "Forty two " + "".join(f"[{n}]" for n in range(1, 9))
    await reply.finish(text, (View(blocks=(found,)),))
    (answer,) = shown(wire, event)
    assert [f"[{n}. Page {n}" in answer["text"] for n in range(1, 9)] == [True] * 8
