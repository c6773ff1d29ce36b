"""Dollars as people type and read them. Pure."""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from app.domain.money import Cost
from app.errors import BadInput

CENT = Decimal("0.01")
MOST = Decimal(1_000_000)

_TYPED = re.compile(r"(?:US ?)?\$? ?([0-9]{1,12}(?:\.[0-9]{1,9})?|\.[0-9]{1,9}) ?(?:\$|USD|dollars?)?", re.IGNORECASE)
_LONGEST = 40


def parsed(
    typed: str, *, field: str = "amount", least: Decimal = CENT, most: Decimal = MOST, step: Decimal = CENT
) -> Decimal:
    """What somebody typed for dollars: `5`, `$5.00`, `0.50`, `5 USD`. Raises BadInput, in their words: a comma is never guessed at."""
    plain = typed.strip()
    found = _TYPED.fullmatch(plain) if len(plain) <= _LONGEST else None
    if found is None:
        if "," in plain:
            raise BadInput(
                "Write it without a comma: cents come after a dot, such as 0.50, and 1000 is a thousand.", field=field
            )
        raise BadInput("Write an amount of dollars, such as 5 or 0.50.", field=field)
    amount = Decimal(found[1])
    if amount % step:
        raise BadInput("Whole cents only, such as 0.50." if step == CENT else f"No finer than ${step}.", field=field)
    if not least <= amount <= most:
        raise BadInput(f"From {shown(least)} to {shown(most)}.", field=field)
    return amount


def shown(amount: Decimal | Cost) -> str:
    """Such as `$5.00` or `$1,250.00`; less than a cent with two digits that say something: `$0.0042`. A floor is `≥ $1.20`."""
    if isinstance(amount, Cost):
        return f"≥ {shown(_no_more(amount.amount))}" if amount.floor else shown(amount.amount)
    if amount < 0:
        return f"-{shown(-amount)}"
    if not amount or amount >= CENT:
        return f"${amount.quantize(CENT, ROUND_HALF_EVEN):,}"
    digits = Decimal((0, (1,), amount.adjusted() - 1))  # the second digit that is not zero
    return f"${amount.quantize(digits, ROUND_HALF_EVEN):f}"


def _no_more(amount: Decimal) -> Decimal:
    """Of a floor, whole cents that were really spent."""
    return amount.quantize(CENT, ROUND_DOWN) if amount >= CENT else amount


def plain(amount: Decimal) -> str:
    """As a field for dollars is filled in: `5`, `0.50`; `parsed` takes it back."""
    return (
        f"{amount:.0f}"
        if amount == amount.to_integral_value()
        else f"{amount.quantize(CENT) if amount % CENT == 0 else amount.normalize():f}"
    )
