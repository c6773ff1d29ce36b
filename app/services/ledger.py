"""What one run pays for, the agents that it hands over to included."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.inbox import Receipt
from app.domain.keys import ModelChoice
from app.services.journaled import ModelCall


class Ledger:
    """Receipts in the order of the calls; told of the same calls again on replay, it has the same ones."""

    def __init__(self, run: str) -> None:
        self.receipts: list[Receipt] = []
        self._run = run

    def of(self, agent_id: str, choice: ModelChoice) -> Callable[[ModelCall], None]:
        """To be told of every model call that an agent makes."""

        def paid(call: ModelCall) -> None:
            self.receipts.append(
                Receipt(
                    run=self._run,
                    number=len(self.receipts),
                    key_id=choice.key_id,
                    fingerprint=call.fingerprint,
                    provider=choice.provider,
                    model=call.done.model if call.done else choice.model,
                    usage=call.usage,
                    outcome=call.outcome,
                    agent_id=agent_id,
                )
            )

        return paid
