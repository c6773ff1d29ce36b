"""Money: US dollars as Decimal, exact to a billionth; never a float."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

NANO = Decimal("0.000000001")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Cost:
    """What something cost. With `floor` at least so much: the price of something in it is not known."""

    amount: Decimal = ZERO
    floor: bool = False

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.amount + other.amount, self.floor or other.floor)


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """Dollars for a million tokens of each class, as a workspace entered them. None: as input, or for `reasoning` as output."""

    input: Decimal
    output: Decimal
    cached_read: Decimal | None = None
    cached_write: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """A workspace's own price of a model, which counts before any list."""

    workspace: str
    provider: str
    model: str
    prices: TokenPrices
    set_by: str
    since: date


def exact(amount: Decimal) -> Decimal:
    """The amount as the ledger keeps it."""
    return amount.quantize(NANO, ROUND_HALF_EVEN)
