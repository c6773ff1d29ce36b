"""Admins say who may stand in for an agent's model: by a form of its own, from the home tab, a command or the picker."""

from __future__ import annotations

import pytest

from app.domain.agent import Fallback
from app.domain.events import Close, FieldErrors, Open, OptionQuery, Private
from app.domain.views import Button, Row, SelectInput
from tests.app.bench import ADMIN, MEMBER, OTHER, WORKSPACE, Bench, words
from tests.fakes.provider import models

NOBODY = {"stand_in_first": "none", "stand_in_second": "none", "stand_in_third": "none"}


@pytest.fixture
async def two(bench: Bench) -> Bench:
    bench.openai.listed = models("gpt-fine", "gpt-small")
    await bench.set_key()
    bench.clock.forward(seconds=5)
    await bench.set_key(OTHER, provider="openai")
    return bench


async def test_nobody_stands_in_unless_an_admin_says_so(two: Bench) -> None:
    page = await two.typed("fallback")
    assert isinstance(page, Private)
    assert "assistant : nobody stands in" in words(page.view)
    assert "is overloaded, can't be reached, or limits how fast" in words(page.view)
    assert "Change" in [
        block.control.label
        for block in page.view.blocks
        if isinstance(block, Row) and isinstance(block.control, Button)
    ]


async def test_a_chain_is_chosen_in_a_form_and_shown_in_order(two: Bench) -> None:
    agent = await two.agent()
    form = await two.pressed("stand_ins_edit", agent.id)
    assert isinstance(form, Open)
    selects = [block for block in form.view.blocks if isinstance(block, SelectInput)]
    assert [one.selected for one in selects] == ["none"] * 3
    offered = [option.value for option in selects[0].options]
    assert offered[0] == "none"
    assert "openai/gpt-fine" in offered
    assert "auto" not in offered
    chosen = NOBODY | {"stand_in_first": "openai/gpt-small", "stand_in_third": "anthropic/claude-old"}
    outcome = await two.sent("stand_ins_save", chosen, context=agent.id)
    assert isinstance(outcome, Close)
    assert "gpt-small , then claude-old may stand in for claude-fine" in words(outcome.then)
    assert (await two.agent()).fallbacks == (Fallback("openai", "gpt-small"), Fallback("anthropic", "claude-old"))
    again = await two.typed("fallback assistant")
    assert isinstance(again, Open)
    selected = [block.selected for block in again.view.blocks if isinstance(block, SelectInput)]
    assert selected == ["openai/gpt-small", "anthropic/claude-old", "none"]
    section = await two.models.stand_ins.section(ADMIN, admin=True)
    assert "gpt-small" in words(section)
    assert await two.models.stand_ins.section(MEMBER, admin=False) == ()


async def test_other_changes_of_an_agent_leave_its_chain(two: Bench) -> None:
    agent = await two.agent()
    await two.agents.set_fallbacks(WORKSPACE, agent.id, ADMIN, (Fallback("openai", "gpt-fine"),))
    await two.use_model("anthropic/claude-old")
    values = {"name": "assistant", "emoji": "", "model": "anthropic/claude-old", "max_output_tokens": "4096"}
    await two.sent("agent_save", values, context=agent.id)
    assert (await two.agent()).fallbacks == (Fallback("openai", "gpt-fine"),)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"stand_in_first": "openai/gpt-none"}, "stand_in_first"),
        ({"stand_in_second": "nonsense"}, "stand_in_second"),
        ({"stand_in_second": "auto"}, "stand_in_second"),
        ({"stand_in_first": "offline/offline"}, "stand_in_first"),
        ({"stand_in_first": "openai@key_of_nobody/gpt-fine"}, "stand_in_first"),
        ({"stand_in_first": "anthropic/claude-fine"}, "stand_in_first"),
        ({"stand_in_first": "openai/gpt-fine", "stand_in_third": "openai/gpt-fine"}, "stand_in_third"),
    ],
)
async def test_what_cannot_stand_in_is_said_beside_its_field(two: Bench, values: dict[str, str], field: str) -> None:
    agent = await two.agent()
    outcome = await two.sent("stand_ins_save", NOBODY | values, context=agent.id)
    assert isinstance(outcome, FieldErrors)
    assert list(outcome.errors) == [field]
    assert (await two.agent()).fallbacks == ()


async def test_a_stand_in_that_nobody_lists_any_more_stays_until_it_is_changed(two: Bench) -> None:
    agent = await two.agent()
    await two.agents.set_fallbacks(WORKSPACE, agent.id, ADMIN, (Fallback("openai", "gpt-gone"),))
    form = await two.pressed("stand_ins_edit", agent.id)
    assert isinstance(form, Open)
    first = next(block for block in form.view.blocks if isinstance(block, SelectInput))
    assert "gpt-gone (now)" in {option.label for option in first.options}
    kept = await two.sent("stand_ins_save", NOBODY | {"stand_in_first": first.selected}, context=agent.id)
    assert isinstance(kept, Close)


async def test_any_number_of_models_can_be_searched_for_a_stand_in(two: Bench) -> None:
    two.anthropic.listed = models(*(f"claude-{number:03d}" for number in range(300)))
    two.clock.forward(hours=1)
    found = await two.forms.options(OptionQuery(ADMIN, "stand_in_second", "claude 27"))
    assert "anthropic/claude-270" in {option.value for option in found}
    everything = [option.value for option in await two.forms.options(OptionQuery(ADMIN, "stand_in_first", ""))]
    assert everything[0] == "none"
    assert "auto" not in everything
    assert await two.forms.options(OptionQuery(MEMBER, "stand_in_first", "")) == ()
