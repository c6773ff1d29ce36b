"""What limits allow at this moment, and whether a call fits. Whoever acts on it holds the workspace's lock while this is read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from app.domain.money import ZERO, Cost
from app.domain.spend import Account, Kind, Limit, Period, Scope, Standing
from app.errors import OverLimit
from app.services.calendar import Calendar
from app.store.spend import Open
from app.store.unit_of_work import UnitOfWork

KINDS = {Scope.WORKSPACE: Kind.ALL, Scope.AGENT: Kind.AGENT, Scope.CHANNEL: Kind.CHANNEL, Scope.PERSON: Kind.USER}
"""By which sum a limit is held."""


def subject_of(limit: Limit, account: Account) -> str:
    """Whom of those that pay for a call a limit looks at."""
    return {
        Scope.WORKSPACE: "",
        Scope.AGENT: account.agent_id,
        Scope.CHANNEL: account.channel,
        Scope.PERSON: account.asker,
    }[limit.scope]


async def standings(
    uow: UnitOfWork, workspace: str, wanted: Sequence[tuple[Limit, str]], calendar: Calendar, now: datetime
) -> tuple[Standing, ...]:
    """How limits stand, each for one subject, in the order they are asked for."""
    if not wanted:
        return ()
    today, month = calendar.day(now), calendar.month(now)
    monthly = any(limit.period is Period.MONTH for limit, _ in wanted)
    days = [f"{month}-{day:02}" for day in range(1, 32)] if monthly else [today]
    subjects = [(KINDS[limit.scope], subject) for limit, subject in wanted]
    settled = await uow.spend.settled(workspace, subjects, days)
    reserved = await uow.spend.reserved(workspace)
    found = []
    for limit, subject in wanted:
        spent = Cost()
        for day in [today] if limit.period is Period.DAY else days:
            spent += settled.get((KINDS[limit.scope], subject, day), Cost())
        found.append(
            Standing(
                limit,
                subject,
                calendar.period(limit.period, now),
                spent,
                sum((one.amount for one in reserved if _spends(one, limit.scope, subject)), ZERO),
                calendar.resets_at(limit.period, now),
            )
        )
    return tuple(found)


def blocking(found: Sequence[Standing], most: Decimal) -> Standing | None:
    """One that has no room for a call only because of others that are being made. Raises OverLimit where waiting would not help."""
    for one in found:
        if one.spent.amount + most > one.allowed:
            raise over(one)
    return next((one for one in found if one.spent.amount + one.reserved + most > one.allowed), None)


def over(one: Standing) -> OverLimit:
    """The refusal of a call that a limit has no room for."""
    return OverLimit(limit=one.limit.id, subject=one.subject, resets_at=one.resets_at)


def _spends(one: Open, scope: Scope, subject: str) -> bool:
    whose = {Scope.WORKSPACE: "", Scope.AGENT: one.agent, Scope.CHANNEL: one.channel, Scope.PERSON: one.person}
    return whose[scope] == subject
