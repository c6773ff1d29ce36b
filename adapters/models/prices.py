"""List prices of models, by the tables that come with genai-prices. The network is never asked."""

from __future__ import annotations

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from app.domain.money import ZERO, TokenPrices, exact
from app.domain.run import Usage

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

KNOWN = ("anthropic", "openai")
"""Providers that go by the same name there. Any other is known by the address that it is called at."""

OFFLINE = "offline"
"""Costs nothing: it is no model, and nobody else's."""

SEARCH = Decimal("0.01")
"""Dollars for one search of the web by Anthropic or OpenAI: both list $10 for 1,000 (platform.claude.com/docs/en/about-claude/pricing and
platform.openai.com/docs/pricing, as of November 2026). It counts where the tables tell no price of searches for a model."""

_SEARCHES = "web_searches_kcount"


class ListPrices:
    """See PriceList. The first question loads the tables, a sixth of a second: have `warm_up` do that where nobody waits."""

    async def warm_up(self) -> None:
        """Load the tables besides."""
        await asyncio.to_thread(__import__, "genai_prices")

    def cost(self, provider: str, model: str, usage: Usage, at: datetime, *, origin: str = "") -> Decimal | None:
        """See PriceList."""
        if provider == OFFLINE:
            return ZERO
        found = _found(provider, model, usage, at, origin)
        if found is None:
            return None
        priced = getattr(found.model_price, _SEARCHES) is not None
        return exact(found.total_price + (ZERO if priced else usage.searches * SEARCH))

    def prices(self, provider: str, model: str, at: datetime, *, origin: str = "") -> TokenPrices | None:
        """See PriceList."""
        if provider == OFFLINE:
            return TokenPrices(ZERO, ZERO)
        found = _found(provider, model, Usage(), at, origin)
        if found is None:
            return None
        price = found.model_price
        first, last = _base(price.input_mtok), _base(price.output_mtok)
        if first is None or last is None:
            return None
        return TokenPrices(first, last, _base(price.cache_read_mtok), _base(price.cache_write_mtok))


def _found(provider: str, model: str, usage: Usage, at: datetime, origin: str) -> PriceCalculation | None:
    """None for a model that is not there, and for one whose tokens have no price there."""
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    read = min(usage.cached_read, usage.input_tokens)  # what a server counts, it may count wrongly
    tokens = Tokens(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,  # reasoning is part of it
        cache_read_tokens=read,
        cache_write_tokens=min(usage.cached_write, usage.input_tokens - read),
        web_searches=usage.searches,
    )
    whose: dict[str, Any] = {"provider_id": provider} if provider in KNOWN else {"provider_api_url": origin}
    try:
        found = calc_price(tokens, model, genai_request_timestamp=at, **whose)
    except (LookupError, ValueError):
        return None
    price = found.model_price
    return None if price.input_mtok is None or price.output_mtok is None else found


def _base(price: Any) -> Decimal | None:
    """One number of a price that grows with the length of the question: what short ones cost."""
    base: Decimal | None = getattr(price, "base", price)
    return base
