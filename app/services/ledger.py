"""What one run used, the agents that it hands over to included."""

from __future__ import annotations

from app.domain.spend import Account, Paid
from app.services.journaled import ModelCall


class Ledger:
    """Told of the same calls again on replay, it tells the same. `account` is who pays for the run's own agent."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.calls = 0
        self.paid = Paid()

    def add(self, call: ModelCall) -> None:
        """To be told of every model call of the run."""
        self.calls += 1
        self.paid += call.paid
