"""What one run used, the agents that it hands over to included."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.agent import AgentSpec
from app.domain.inbox import Claim
from app.domain.run import StoodIn
from app.domain.spend import Account, Paid
from app.services.journaled import ModelCall, TimeLeft
from app.services.screens.words import many


class Ledger:
    """Told of the same calls again on replay, it tells the same. `account` is who pays for the run's own agent, `most_seconds` how long it may work (0: no limit)."""

    def __init__(self, account: Account, *, most_seconds: int = 0) -> None:
        self.account = account
        self.calls = 0
        self.paid = Paid()
        self.seconds = 0.0
        self.stood_in: list[tuple[str, StoodIn]] = []
        """By the name of the agent whose model it was."""

        self._most_seconds = most_seconds

    @classmethod
    def of(cls, claim: Claim, agent: AgentSpec) -> Ledger:
        """Of a run that answers an event, within its agent's own limits."""
        account = Account(
            claim.workspace, claim.run, claim.conversation, claim.channel, claim.user, agent.id,
            run_tokens=agent.run_tokens, run_cost=agent.run_cost,
        )  # fmt: skip
        return cls(account, most_seconds=agent.run_seconds)

    def add(self, call: ModelCall) -> None:
        """To be told of every model call of the run."""
        self.calls += 1
        self.paid += call.paid
        self.seconds += call.seconds

    def adding(self, agent: str) -> Callable[[ModelCall], None]:
        """The same for the calls of an agent of this name."""

        def add(call: ModelCall) -> None:
            self.add(call)
            if call.stood_in:
                self.stood_in.append((agent, call.stood_in))

        return add

    def worked(self, seconds: float) -> None:
        """To be told how long tools took. Waiting for a person is no work."""
        self.seconds += seconds

    def left(self) -> TimeLeft | None:
        """How long the run may still work, where that is limited."""
        if not self._most_seconds:
            return None
        return TimeLeft(max(0.0, self._most_seconds - self.seconds), many(self._most_seconds, "second"))
