"""What tokens cost by the public price lists."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from app.domain.money import TokenPrices
from app.domain.run import Usage


class PriceList(Protocol):
    """Knows list prices. Never asks the network; an unknown model has no price, not the price zero."""

    def cost(self, provider: str, model: str, usage: Usage, at: datetime, *, origin: str = "") -> Decimal | None:
        """What a call at that moment cost in dollars, cached tokens and searches priced as such; None where the price is not known."""

    def prices(self, provider: str, model: str, at: datetime, *, origin: str = "") -> TokenPrices | None:
        """Dollars for a million tokens, as far as one number tells it; None where it is not known."""
