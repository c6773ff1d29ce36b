"""List prices: which models are known by which names, what counts how, and that nothing unknown is free."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.models.prices import SEARCH, ListPrices
from app.domain.money import ZERO, TokenPrices
from app.domain.run import Usage
from app.ports.prices import PriceList

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PRICES: PriceList = ListPrices()
MILLION = 1_000_000


def cost(model: str, provider: str = "anthropic", *, origin: str = "", **usage: int) -> Decimal | None:
    return PRICES.cost(provider, model, Usage(**usage), NOW, origin=origin)


def test_input_that_came_from_a_cache_is_part_of_all_input_and_priced_as_that() -> None:
    assert cost("claude-opus-5-5", input_tokens=MILLION) == Decimal(4)
    assert cost("claude-opus-5-5", input_tokens=MILLION, cached_read=MILLION) == Decimal("0.2")
    assert cost("claude-opus-5-5", input_tokens=MILLION, cached_write=MILLION) == Decimal(5)
    assert cost("claude-opus-5-5", input_tokens=MILLION, cached_read=MILLION // 2) == Decimal("2.1")


def test_reasoning_is_part_of_the_output_and_not_paid_for_twice() -> None:
    assert cost("gpt-5.4-mini", "openai", output_tokens=MILLION) == Decimal("4.5")
    assert cost("gpt-5.4-mini", "openai", output_tokens=MILLION, reasoning=MILLION) == Decimal("4.5")


@pytest.mark.parametrize(("provider", "model"), [("anthropic", "claude-opus-5-5"), ("openai", "gpt-5.4-mini")])
def test_searches_of_the_web_are_paid_for_beside_the_tokens(provider: str, model: str) -> None:
    assert cost(model, provider, searches=1000) == Decimal(10) == 1000 * SEARCH


def test_a_model_without_a_price_of_searches_has_the_vendors_listed_one() -> None:
    assert cost("gpt-5.3-codex", "openai", searches=3) == 3 * SEARCH


def test_a_version_is_priced_as_its_model() -> None:
    assert cost("claude-sonnet-4-20250514", input_tokens=MILLION) == cost("claude-sonnet-4", input_tokens=MILLION)


@pytest.mark.parametrize("model", ["claude-fine", "gpt-99-ultra", "", "x" * 300, "../../etc", "claude-opus-5-5\x00"])
def test_a_model_that_nobody_knows_has_no_price(model: str) -> None:
    assert cost(model, input_tokens=10) is None
    assert PRICES.prices("anthropic", model, NOW) is None


def test_another_server_is_known_by_its_address_and_an_unknown_one_has_no_prices() -> None:
    known = cost("llama-3.3-70b-versatile", "compatible", origin="https://api.groq.com", input_tokens=MILLION)
    assert known is not None
    assert known > ZERO
    for origin in ("http://10.0.0.1:8000", "https://models.example", ""):
        assert cost("gpt-4o", "compatible", origin=origin, input_tokens=MILLION) is None


def test_what_a_server_counted_wrongly_is_not_a_failure() -> None:
    assert cost("claude-opus-5-5", input_tokens=10, cached_read=500, cached_write=500) is not None


def test_the_moment_of_the_call_decides() -> None:
    early, late = datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC)
    usage = Usage(input_tokens=MILLION)
    prices = [PRICES.cost("openai", "o3", usage, at) for at in (early, late)]
    assert prices == [Decimal(10), Decimal(2)]


def test_one_number_for_each_class_of_tokens() -> None:
    assert PRICES.prices("anthropic", "claude-opus-5-5", NOW) == TokenPrices(
        Decimal(4), Decimal(20), Decimal("0.2"), Decimal(5)
    )


def test_the_offline_model_costs_nothing() -> None:
    assert cost("offline", "offline", input_tokens=MILLION) == ZERO
    assert PRICES.prices("offline", "offline", NOW) == TokenPrices(ZERO, ZERO)


async def test_they_are_loaded_when_they_are_first_needed() -> None:
    code = "import sys, adapters.models.prices; assert 'genai_prices' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: ASYNC221
    await ListPrices().warm_up()
    assert "genai_prices" in sys.modules
