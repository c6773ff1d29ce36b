"""What the calls of one run's model cost, told by those who make them to those who remember it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.domain.spend import Paid, Receipt

Says = Callable[[str], Awaitable[None]]
"""Tells people what is being done now."""


class Till:
    """Handed along with a model: `says` is told where a call has to wait."""

    def __init__(self, says: Says | None = None) -> None:
        self._says = says
        self._receipts: list[Receipt] = []

    async def says(self, text: str) -> None:
        """Tell people what is waited for."""
        if self._says:
            await self._says(text)

    def put(self, receipt: Receipt) -> None:
        """One more call was made, whatever came of it."""
        self._receipts.append(receipt)

    def take(self) -> Paid:
        """What was paid since this was asked last."""
        receipts, self._receipts = self._receipts, []
        return Paid.of(receipts)
