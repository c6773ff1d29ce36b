"""What calls of models cost, and what may be spent: ids, tokens and money, never content."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app.domain.money import ZERO, Cost
from app.domain.run import Usage


class Purpose(StrEnum):
    """What a model was called for."""

    ANSWER = "answer"  # of the agent that was asked, each step of it
    HANDOVER = "handover"  # of an agent that another one asked
    SUMMARY = "summary"  # of what no longer fits a model's window
    TRIAL = "trial"  # an admin compares two models


@dataclass(frozen=True, slots=True)
class Account:
    """For whom and what a model is called: what a receipt tells, and what limits look at. Plain data."""

    workspace: str
    run: str = ""
    conversation: str = ""
    channel: str = ""
    asker: str = ""
    agent_id: str = ""
    purpose: Purpose = Purpose.ANSWER
    run_tokens: int = 0  # limits of this run; 0: none
    run_cost: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Receipt:
    """One call of a provider, as it is remembered for good.

    `model` is the one that really answered; `origin` the scheme and host that was called; `cost` is None where the price is not known.
    `estimated` tells that the provider never said what was used (the call was cut): tokens and cost are then reckoned.
    `instead_of` is the model that should have answered, where another one stood in. `outcome` is empty, or a code of app.errors.
    """

    id: str
    workspace: str
    run: str
    conversation: str
    channel: str
    asker: str
    agent_id: str
    purpose: Purpose
    key_id: str
    fingerprint: str
    provider: str
    model: str
    origin: str
    usage: Usage
    cost: Decimal | None
    at: datetime
    estimated: bool = False
    instead_of: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Paid:
    """What some calls came to, altogether."""

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: Cost = field(default_factory=Cost)

    def __add__(self, other: Paid) -> Paid:
        return Paid(self.calls + other.calls, self.usage + other.usage, self.cost + other.cost)

    @classmethod
    def of(cls, receipts: Iterable[Receipt]) -> Paid:
        """The sum of these."""
        return sum((cls(1, one.usage, Cost(one.cost or ZERO, floor=one.cost is None)) for one in receipts), cls())


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside for a call that is being made. It ends as a receipt, in the same transaction."""

    id: str
    account: Account
    key_id: str
    fingerprint: str
    provider: str
    model: str
    origin: str
    amount: Decimal | None  # the most it can cost; None where the price is not known
    usage: Usage  # the most it can use
    process: str  # who makes the call; once that is gone, the call was cut
    at: datetime
    instead_of: str = ""


class Scope(StrEnum):
    """Whose spending a limit looks at."""

    WORKSPACE = "workspace"
    AGENT = "agent"
    CHANNEL = "channel"
    PERSON = "person"


class Period(StrEnum):
    """Over which time, in the workspace's own time zone."""

    DAY = "day"
    MONTH = "month"


EACH = "*"
"""The subject of a limit for each agent, channel or person that has none of its own."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be spent at most. `extra` was granted on top for one period only: the one that `extra_for` names (`2026-11-23` or `2026-11`).

    What a limit for EACH has of it belongs to the one subject that it was read for.
    """

    id: str
    workspace: str
    scope: Scope
    subject: str  # an id of an agent, channel or person; EACH; empty for the workspace
    period: Period
    amount: Decimal
    extra: Decimal = ZERO
    extra_for: str = ""
    set_by: str = ""

    def within(self, period: str) -> Decimal:
        """What may be spent within this very period."""
        return self.amount + (self.extra if self.extra_for == period else ZERO)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a limit stands for one subject: `spent` is settled, `reserved` is in the making; `period` is the one that counts, until `resets_at`."""

    limit: Limit
    subject: str
    period: str
    spent: Cost
    reserved: Decimal
    resets_at: datetime

    @property
    def allowed(self) -> Decimal:
        """What may be spent in this period."""
        return self.limit.within(self.period)


class RequestState(StrEnum):
    """What became of a request for more."""

    PENDING = "pending"
    GRANTED = "granted"  # on top, for this period
    RAISED = "raised"  # for good
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class LimitRequest:
    """Somebody at a limit asked for more: `amount` on top for this period, or the limit raised to `raise_to`. Why is told to admins and kept nowhere."""

    id: str
    workspace: str
    limit: str
    subject: str  # who or what is at the limit; empty for the workspace
    run: str
    asker: str
    amount: Decimal
    raise_to: Decimal
    state: RequestState = RequestState.PENDING
    decided_by: str = ""


class Kind(StrEnum):
    """What spending is summed up by."""

    ALL = "all"
    AGENT = "agent"
    USER = "user"
    CHANNEL = "channel"
    MODEL = "model"  # subject: provider/model
    KEY = "key"
    ASKED = "asked"  # subject: asker/agent, so that people can see their own by agent


@dataclass(frozen=True, slots=True)
class Spent:
    """What one subject spent on one day (or, with an empty day, over several). So many of its calls are `unpriced`: more than `cost`, then."""

    day: str  # YYYY-MM-DD in the workspace's time zone
    subject: str
    calls: int
    cost: Cost
    usage: Usage = field(default_factory=Usage)
    unpriced: int = 0
