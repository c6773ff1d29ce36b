"""What may be spent: set, changed and removed by admins, raised where somebody asked for more, and how all of it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.money import ZERO
from app.domain.spend import EACH, Kind, Limit, Period, Scope, Standing
from app.errors import BadInput
from app.ports.clock import Clock
from app.services.allowance import KINDS, standings
from app.services.calendar import Calendar
from app.services.ids import new_id
from app.services.parked import Cause, release
from app.services.workspaces import WorkspaceSettings
from app.store.spending import Share
from app.store.unit_of_work import Database, UnitOfWork

MOST_LIMITS = 50
"""Of a workspace: so many can be shown together on every platform."""

NEAREST = 3
"""So many of those that a limit for each concerns are shown: who spent most."""

MOST_PEOPLE = 30

GONE = "That limit is not there any more."


@dataclass(frozen=True, slots=True)
class AtLimit:
    """A limit, and who or what is at it: empty for the workspace, and for a limit by itself."""

    workspace: str
    limit: str
    subject: str = ""

    @property
    def key(self) -> str:
        """As buttons and parked questions name it (see OverLimit.waits_for)."""
        return f"{self.limit} {self.subject}".strip()

    @classmethod
    def of(cls, workspace: str, key: str) -> AtLimit:
        """What a key names; to be looked up, whoever handed it in."""
        limit, _, subject = key.partition(" ")
        return cls(workspace, limit, subject)


@dataclass(frozen=True, slots=True)
class LimitDraft:
    """What an admin wants to be the most."""

    scope: Scope
    subject: str  # see Limit
    period: Period
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a limit. `released` tells how many questions that waited for it are asked again now."""

    standing: Standing
    released: int = 0


class Limits:
    """A workspace's limits. Whoever calls what changes something has seen to it that `by` is an admin.

    What stands in these rows is what the next call of a model is held to: it is read in the transaction that lets it be made.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self, workspace: str) -> tuple[Standing, ...]:
        """How every limit stands; behind one for EACH, under the same id, those it concerns that spent most."""
        async with self._database.read() as uow:
            calendar, limits = await calendar_of(uow, workspace), await uow.limits.all(workspace)
            own = {(one.scope, one.period, one.subject) for one in limits}
            wanted: list[tuple[Limit, str]] = []
            for limit in limits:
                wanted.append((limit, limit.subject))
                if limit.subject == EACH:
                    for subject in await self._spenders(uow, limit, calendar):
                        theirs = await uow.limits.get(workspace, limit.id, subject)
                        if theirs and subject and (limit.scope, limit.period, subject) not in own:
                            wanted.append((theirs, subject))
            return await standings(uow, workspace, wanted, calendar, self._clock.now())

    async def spenders(self, workspace: str) -> tuple[str, ...]:
        """Who spent something this month, most first; so many as a form can show."""
        async with self._database.read() as uow:
            calendar, now = await calendar_of(uow, workspace), self._clock.now()
            shares = await uow.spending.by(
                Share(workspace, Kind.USER), f"{calendar.month(now)}-01", calendar.day(now), top=MOST_PEOPLE
            )
        return tuple(one.subject for one in shares.top if one.subject)

    async def concerning(self, user: UserRef) -> tuple[Standing, ...]:
        """What a member may know: how the workspace's limits and their own stand."""
        async with self._database.read() as uow:
            limits = await uow.limits.applying(user.workspace, "", "", user.id)
            wanted = [(one, user.id if one.scope is Scope.PERSON else "") for one in limits]
            calendar = await calendar_of(uow, user.workspace)
            return await standings(uow, user.workspace, wanted, calendar, self._clock.now())

    async def standing(self, at: AtLimit) -> Standing | None:
        """How one limit stands; one for EACH for this subject."""
        async with self._database.read() as uow:
            return await self.standing_in(uow, at)

    async def standing_in(self, uow: UnitOfWork, at: AtLimit) -> Standing | None:
        """The same, within a transaction; of whoever has a limit of their own by now, that one."""
        known = await uow.limits.get(at.workspace, at.limit, at.subject)
        if known is None:
            return None
        for_one = known.subject == EACH and at.subject
        if for_one:
            known = await uow.limits.find(at.workspace, known.scope, at.subject, known.period) or known
        of = at.subject if for_one else known.subject
        calendar = await calendar_of(uow, at.workspace)
        return (await standings(uow, at.workspace, [(known, of)], calendar, self._clock.now()))[0]

    async def set(self, draft: LimitDraft, by: UserRef) -> Applied:
        """Set a limit, or change the one that there is for the same. Raises BadInput."""
        workspace = by.workspace
        same = (draft.scope, draft.subject, draft.period)
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            before = await uow.limits.find(workspace, *same)
            if before is None and len(await uow.limits.all(workspace)) >= MOST_LIMITS:
                raise BadInput(f"There are {MOST_LIMITS} limits already: remove one first.", field="amount")
            new = Limit(new_id("limit", self._clock.now()), workspace, *same, draft.amount)
            limit = await uow.limits.put(new, by.id)
            await _audit(uow, "limit.set", limit, by)
            released = 0
            if before is None:  # what the one for each stopped
                each = await uow.limits.find(workspace, draft.scope, EACH, draft.period)
                if each and draft.subject != EACH and draft.amount > each.amount:
                    released = await release(uow, workspace, Cause.LIMIT, f"{each.id} {draft.subject}")
            elif draft.amount > before.amount:
                released = await release(uow, workspace, Cause.LIMIT, limit.id)
            after = await self.standing_in(uow, AtLimit(workspace, limit.id))
        if after is None:
            raise BadInput(GONE, field="amount")
        return Applied(after, released)

    async def change(self, limit: str, amount: Decimal, by: UserRef) -> Applied:
        """Let a limit be another amount. Raises BadInput."""
        async with self._database.read() as uow:
            known = await uow.limits.get(by.workspace, limit)
        if known is None:
            raise BadInput(GONE, field="amount")
        return await self.set(LimitDraft(known.scope, known.subject, known.period, amount), by)

    async def remove(self, limit: str, by: UserRef) -> tuple[Limit, int] | None:
        """Drop a limit, and tell which that was and how many questions are asked again now; None if it was not there."""
        async with self._database.begin() as uow:
            await uow.workspaces.lock(by.workspace)
            known = await uow.limits.get(by.workspace, limit)
            if known is None or not await uow.limits.delete(by.workspace, limit):
                return None
            await _audit(uow, "limit.removed", known, by)
            return known, await release(uow, by.workspace, Cause.LIMIT, limit)

    async def raise_it(self, at: AtLimit, amount: Decimal, by: UserRef, *, for_good: bool) -> Applied | None:
        """Let so much more be spent than is allowed or (where that is more) was; None if the limit is gone."""
        async with self._database.begin() as uow:
            await uow.workspaces.lock(at.workspace)
            now = await self.standing_in(uow, at)
            if now is None:
                return None
            if for_good:
                return await self.raise_to(uow, at, max(now.allowed, now.spent.amount) + amount, by)
            return await self.allow_more(uow, at, amount, by)

    async def allow_more(self, uow: UnitOfWork, at: AtLimit, amount: Decimal, by: UserRef) -> Applied | None:
        """For this period only. The transaction holds the workspace's lock."""
        now = await self.standing_in(uow, at)
        if now is None:
            return None
        more = amount + max(now.spent.amount - now.allowed, ZERO)
        await uow.limits.grant(now.limit.id, now.subject, now.period, more)
        await _audit(uow, "limit.granted", replace(now.limit, subject=now.subject, amount=more), by)
        return await self._applied(uow, at, AtLimit(at.workspace, now.limit.id, now.subject))

    async def raise_to(self, uow: UnitOfWork, at: AtLimit, amount: Decimal, by: UserRef) -> Applied | None:
        """For good; a limit for EACH for this subject only, which has one of its own then. Never to less than it is."""
        now = await self.standing_in(uow, at)
        if now is None:
            return None
        old = now.limit
        own = new_id("limit", self._clock.now()) if old.subject == EACH else old.id
        raised = Limit(own, at.workspace, old.scope, now.subject, old.period, max(amount, old.amount))
        kept = await uow.limits.put(raised, by.id, on_top=True)
        await _audit(uow, "limit.raised", kept, by)
        return await self._applied(uow, at, AtLimit(at.workspace, kept.id))

    async def _applied(self, uow: UnitOfWork, at: AtLimit, now_at: AtLimit) -> Applied | None:
        released = await release(uow, at.workspace, Cause.LIMIT, at.key)
        after = await self.standing_in(uow, now_at)
        return Applied(after, released) if after else None

    async def _spenders(self, uow: UnitOfWork, limit: Limit, calendar: Calendar) -> tuple[str, ...]:
        today, month = calendar.day(self._clock.now()), calendar.month(self._clock.now())
        first = today if limit.period is Period.DAY else f"{month}-01"
        shares = await uow.spending.by(Share(limit.workspace, KINDS[limit.scope]), first, today, top=NEAREST)
        return tuple(one.subject for one in shares.top)


async def calendar_of(uow: UnitOfWork, workspace: str) -> Calendar:
    """The workspace's own days and months."""
    row = await uow.workspaces.get(workspace)
    return Calendar.of(WorkspaceSettings.of(row.settings if row else {}).time_zone)


async def _audit(uow: UnitOfWork, action: str, limit: Limit, by: UserRef) -> None:
    details = {
        "scope": limit.scope.value, "subject": limit.subject, "period": limit.period.value,
        "amount": f"{limit.amount.normalize():f}",
    }  # fmt: skip
    await uow.audit.append(AuditEntry(limit.workspace, by.id, action, limit.id, details))
