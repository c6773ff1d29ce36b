"""What was spent: looked up for whoever may see it. Admins see all of their workspace, everybody else their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.chat import UserRef
from app.domain.spend import Kind, Spent
from app.ports.clock import Clock
from app.services.calendar import Calendar
from app.services.spenders import Named, Spenders
from app.services.usage_words import Timespan, Wanted
from app.services.workspaces import WorkspaceSettings
from app.store.spending import Share, Shares
from app.store.unit_of_work import Database

MOST_ROWS = 10
"""Of the table; the others follow in one."""
MOST_SERIES = 7
"""Of the chart; what else there is makes the eighth."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What was found. `days` are sums by day and subject, for the chart; under None all together. `names` are by subject."""

    wanted: Wanted
    own: bool
    first_day: str
    last_day: str
    total: Spent
    shares: Shares
    days: Mapping[tuple[str, str | None], Spent]
    names: Mapping[str, Named]


class Usages:
    """Reads sums; never receipts, however many there are."""

    def __init__(self, database: Database, spenders: Spenders, clock: Clock) -> None:
        self._database = database
        self._spenders = spenders
        self._clock = clock

    async def look(self, user: UserRef, wanted: Wanted, *, admin: bool) -> Usage:
        """For an admin what the workspace spent, for anybody else what they themselves did, by agent."""
        kind = wanted.kind if admin else Kind.AGENT
        whose = Share(user.workspace, kind, "" if admin else user.id)
        async with self._database.read() as uow:
            row = await uow.workspaces.get(user.workspace)
            calendar = Calendar.of(WorkspaceSettings.of(row.settings if row else {}).time_zone)
            first, last = wanted.timespan.days(calendar, self._clock.now())
            total = await uow.spending.total(whose, first, last)
            shares = await uow.spending.by(whose, first, last, top=MOST_ROWS)
            charted = [one.subject for one in shares.top[:MOST_SERIES]]
            days = await uow.spending.by_day(whose, first, last, charted) if first != last else {}
        names = await self._spenders.named(user, kind, (one.subject for one in shares.top))
        return Usage(Wanted(wanted.timespan, kind), not admin, first, last, total, shares, days, names)

    async def month(self, user: UserRef, *, admin: bool, top: int) -> Usage:
        """The same of this month by agent, without days."""
        whose = Share(user.workspace, Kind.AGENT, "" if admin else user.id)
        async with self._database.read() as uow:
            row = await uow.workspaces.get(user.workspace)
            calendar = Calendar.of(WorkspaceSettings.of(row.settings if row else {}).time_zone)
            first, last = Timespan.MONTH.days(calendar, self._clock.now())
            total = await uow.spending.total(whose, first, last)
            shares = await uow.spending.by(whose, first, last, top=top)
        names = await self._spenders.named(user, Kind.AGENT, (one.subject for one in shares.top))
        return Usage(Wanted(), not admin, first, last, total, shares, {}, names)
