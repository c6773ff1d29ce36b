"""What calls cost: by the workspace's own price of a model, else by the public list. Pure, but for the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from app.domain.money import TokenPrices, exact
from app.domain.run import Usage
from app.ports.prices import PriceList

MILLION = 1_000_000
SEARCH = Decimal("0.01")
"""Dollars for a provider's search of the web, beside tokens that a workspace priced itself: what Anthropic and OpenAI list ($10 for 1,000)."""


class Pricing:
    """`own` are a workspace's own prices of one provider, by model."""

    def __init__(self, prices: PriceList) -> None:
        self.list = prices

    def cost(
        self,
        own: Mapping[str, TokenPrices],
        provider: str,
        models: Sequence[str],
        usage: Usage,
        at: datetime,
        *,
        origin: str = "",
    ) -> Decimal | None:
        """What a call cost; None where the price is not known.

        `models` are the names that its model goes by: the one that answered, then the one that was asked for, which may be an alias.
        """
        for model in models:
            if model in own:
                return cost(own[model], usage)
        for model in models:
            found = self.list.cost(provider, model, usage, at, origin=origin)
            if found is not None:
                return found
        return None

    def most(
        self,
        own: Mapping[str, TokenPrices],
        provider: str,
        model: str,
        usage: Usage,
        at: datetime,
        *,
        origin: str = "",
    ) -> Decimal | None:
        """What a call of so many tokens costs at most: all of its input is new, or goes into the provider's cache, or comes out of it; whichever is dearest."""
        ways = [usage, replace(usage, cached_write=usage.input_tokens)]
        if model in own:  # no list has that dearest, and to look it up takes a while
            ways.append(replace(usage, cached_read=usage.input_tokens))
        costs = [self.cost(own, provider, (model,), way, at, origin=origin) for way in ways]
        return max((one for one in costs if one is not None), default=None)


def cost(prices: TokenPrices, usage: Usage) -> Decimal:
    """What tokens cost at these prices. Reasoning is part of the output."""
    read = min(usage.cached_read, usage.input_tokens)
    written = min(usage.cached_write, usage.input_tokens - read)
    tokens = (
        (usage.input_tokens - read - written) * prices.input
        + read * (prices.input if prices.cached_read is None else prices.cached_read)
        + written * (prices.input if prices.cached_write is None else prices.cached_write)
        + usage.output_tokens * prices.output
    )
    return exact(tokens / MILLION + usage.searches * SEARCH)
