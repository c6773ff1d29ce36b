"""Asking a person whether an agent may do this one thing, now."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from app.domain.grants import Target, ToolGrant
from app.domain.run import ToolCall
from app.ports.agents import RunFacts
from app.ports.engine import Journal


class Approvers(StrEnum):
    """Who may decide. An admin who asked may decide either way; no app ever may."""

    ASKER = "asker"  # whoever asked, or an admin
    ADMINS = "admins"


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What a person is asked. Plain data, the same on every replay; only `call` has a model's words in it.

    `number` names the call within its run (also those of a hand-over), so run and number name the approval. `digest` is of the exact
    arguments (`grants.digest`): what runs later is compared with it. `reason` says in our own words why somebody must agree.
    `grant` is the one that would allow the call; `may_remember` tells whether "Always" may be offered for it and this target.
    """

    number: str
    call: ToolCall = field(repr=False)
    digest: str
    grant: ToolGrant
    target: Target
    reason: str
    approvers: Approvers
    may_remember: bool = False


@dataclass(frozen=True, slots=True)
class Approved:
    """Somebody who may said yes. `approval` is the row's id, `by` the person's."""

    approval: str
    by: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody said yes, and why, in words that the model and people may see."""

    reason: str
    approval: str = ""


Verdict = Approved | Refused


class Approvals(Protocol):
    """Puts the question into the thread and waits for the answer, however long the process lives."""

    async def ask(self, journal: Journal, facts: RunFacts, request: ApprovalRequest) -> Verdict:
        """Ask once and wait durably, giving the run's slots back meanwhile. Does its own steps, the same ones in order on replay.

        Too long to show, expired, cancelled by a person: all Refused. Raises Stopped when the run is stopped. "Always" has by then added a
        grant to the agent; the caller decides anew after a yes, from the store, so a grant revoked meanwhile still counts.
        """
