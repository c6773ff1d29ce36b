"""Prices as admins see and enter them: what agents use, what nobody knows the price of, and what a price sets going."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from app.domain.agent import Fallback
from app.domain.chat import Place, UserRef
from app.domain.events import Close, FieldErrors, Open, Private
from app.domain.money import TokenPrices
from app.domain.views import Button, Row, SelectInput, TextInput, View
from app.services.parked import Cause
from app.services.screens import prices as screens
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, Bench, words
from tests.app.spent import keep, receipt
from tests.app.till import Till

GOOD = {"provider": "compatible", "model": "llama-9", "input": "0.20", "output": "$0.6", "cached_read": "", "cached_write": ""}  # fmt: skip


@pytest.fixture
def till(bench: Bench) -> Till:
    return Till(bench)


async def give(bench: Bench, provider: str, model: str, *fallbacks: Fallback) -> None:
    """The assistant thinks with this model."""
    async with bench.database.begin() as uow:
        agent = await bench.agent()
        await uow.agents.change(replace(agent, provider=provider, model=model, fallbacks=fallbacks))


def shown(view: View) -> dict[str, tuple[str, str]]:
    """What stands there of each model, and the button beside it."""
    rows = [one for one in view.blocks if isinstance(one, Row)]
    return {words(one.text).partition(" ")[0]: (words(one.text), _button(one).label) for one in rows}


def _button(row: Row) -> Button:
    assert isinstance(row.control, Button)
    return row.control


async def test_models_of_agents_are_listed_and_where_their_price_is_from(till: Till) -> None:
    await give(till.bench, "anthropic", "claude-fine", Fallback("openai", "gpt-odd"))
    found = shown(await till.typed("prices"))
    assert list(found) == ["gpt-odd", "claude-fine"], "what has no price comes first"
    assert "used by assistant" in found["claude-fine"][0]
    assert "$3.00 in, $15.00 out, $0.30 cached, $3.75 to the cache (public list)" in found["claude-fine"][0]
    assert "Price unknown" in found["gpt-odd"][0]
    assert [label for _, label in found.values()] == ["Enter", "Own price"]


async def test_models_that_were_called_without_a_price_are_listed(till: Till) -> None:
    called = [receipt(1, cost=None, provider="compatible", model="org/llama-9"), receipt(2, model="claude-old")]
    await keep(till.bench.database, called)
    found = shown(await till.typed("prices"))
    assert list(found) == ["org/llama-9"]
    assert "1 call in the last 30 days could not be priced" in found["org/llama-9"][0]


async def test_a_price_is_entered_counts_and_is_audited(till: Till) -> None:
    await keep(till.bench.database, [receipt(1, cost=None, provider="compatible", model="llama-9")])
    opened = await till.pressed(screens.ENTER, "compatible/llama-9")
    assert isinstance(opened, Open)
    filled = {one.id: one.value for one in opened.view.blocks if isinstance(one, TextInput)}
    assert filled == {"model": "llama-9", "input": "", "output": "", "cached_read": "", "cached_write": ""}
    assert [one.selected for one in opened.view.blocks if isinstance(one, SelectInput)] == ["compatible"]
    outcome = await till.sent(opened.view.id, GOOD)
    assert isinstance(outcome, Close)
    assert outcome.then
    assert "from the next call on" in words(outcome.then)
    async with till.bench.database.read() as uow:
        kept = await uow.prices.get(WORKSPACE, "compatible", "llama-9")
    assert kept
    assert (kept.prices, kept.set_by) == (TokenPrices(Decimal("0.20"), Decimal("0.6")), ADMIN.id)
    (entry,) = [one for one in await till.bench.audited() if one.action == "price.set"]
    assert (entry.actor, entry.object) == (ADMIN.id, "compatible/llama-9")
    found = shown(await till.typed("prices"))
    assert "$0.20 in, $0.60 out (own price)" in found["llama-9"][0]
    changing = await till.pressed(screens.ENTER, "compatible/llama-9")
    assert isinstance(changing, Open)
    assert [one.value for one in changing.view.blocks if isinstance(one, TextInput)][1:3] == ["0.20", "0.60"]


async def test_a_price_counts_before_the_list_until_it_is_removed(till: Till) -> None:
    await give(till.bench, "anthropic", "claude-fine")
    await till.sent(screens.FORM, GOOD | {"provider": "anthropic", "model": "claude-fine", "cached_read": "0"})
    before = await till.typed("prices")
    assert "$0.20 in, $0.60 out, $0.00 cached (own price)" in shown(before)["claude-fine"][0]
    after = await till.turned(screens.REMOVE, "anthropic/claude-fine")
    assert "public list" in shown(after)["claude-fine"][0]
    await till.turned(screens.REMOVE, "anthropic/claude-fine")
    assert [one for one in await till.bench.actions() if one.startswith("price.")] == ["price.set", "price.removed"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"input": ""}, "input"),
        ({"output": "1,50"}, "output"),
        ({"cached_read": "-1"}, "cached_read"),
        ({"cached_write": "free"}, "cached_write"),
        ({"model": "  "}, "model"),
        ({"model": "a\nb"}, "model"),
        ({"model": "m" * 201}, "model"),
        ({"provider": "offline"}, "provider"),
        ({"input": "0.0000001"}, "input"),
    ],
)
async def test_what_is_no_price_is_said_beside_its_field(till: Till, changed: dict[str, str], field: str) -> None:
    outcome = await till.sent(screens.FORM, GOOD | changed)
    assert isinstance(outcome, FieldErrors)
    assert list(outcome.errors) == [field]
    async with till.bench.database.read() as uow:
        assert await uow.prices.all(WORKSPACE) == ()


async def test_a_price_has_questions_that_waited_for_it_asked_again(till: Till) -> None:
    async with till.bench.database.begin() as uow:
        await uow.parked.add(WORKSPACE, "run-1", Cause.PRICE, "compatible/llama-9", place=Place.CHANNEL)
        await uow.parked.add(WORKSPACE, "run-2", Cause.PRICE, "compatible/llama-8", place=Place.CHANNEL)
    outcome = await till.sent(screens.FORM, GOOD)
    assert isinstance(outcome, Close)
    assert outcome.then
    assert "1 question that waited for it is asked again" in words(outcome.then)


async def test_prices_are_an_admins(till: Till) -> None:
    assert "admins" in words(await till.typed("prices", by=MEMBER))
    for outcome in (
        await till.pressed(screens.ENTER, by=MEMBER),
        await till.pressed(screens.REMOVE, "compatible/llama-9", by=MEMBER),
    ):
        assert isinstance(outcome, Private)
    await till.sent(screens.FORM, GOOD, by=UserRef(WORKSPACE, "U9"))
    async with till.bench.database.read() as uow:
        assert await uow.prices.all(WORKSPACE) == ()
