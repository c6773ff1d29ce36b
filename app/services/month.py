"""What was spent this month, at a glance for the home tab, and what of it budgets still leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.chat import UserRef
from app.domain.spend import Limit, Scope, Standing
from app.ports.clock import Clock
from app.services.allowance import standings
from app.services.calendar import Calendar
from app.services.usage import Usage, Usages
from app.services.workspaces import WorkspaceSettings
from app.store.unit_of_work import Database, UnitOfWork

MOST_AGENTS = 5


@dataclass(frozen=True, slots=True)
class Month:
    """What was spent since it began; `budgets` are how limits stand, by agent; under an empty one those of all (of a member: their own)."""

    seen: Usage
    budgets: Mapping[str, tuple[Standing, ...]]


class Months:
    """Tells with the numbers that the next call is held to."""

    def __init__(self, database: Database, usages: Usages, clock: Clock) -> None:
        self._database = database
        self._usages = usages
        self._clock = clock

    async def of_workspace(self, user: UserRef) -> Month:
        """All of it, and the agents that spent most."""
        seen = await self._usages.month(user, admin=True, top=MOST_AGENTS)
        async with self._database.read() as uow:
            settings = await _settings(uow, user.workspace)
            wanted: list[tuple[Limit, str]] = []
            for subject in ("", *(one.subject for one in seen.shares.top if one.subject)):
                scope = Scope.AGENT if subject else Scope.WORKSPACE
                applying = await uow.limits.applying(user.workspace, subject, "", "")
                wanted += [(limit, subject) for limit in applying if limit.scope is scope]
            return Month(seen, await self._standing(uow, user.workspace, wanted, settings))

    async def of_member(self, user: UserRef) -> Month | None:
        """Their own; None where nothing tells members of money: no limit on people, and no cost under answers."""
        async with self._database.read() as uow:
            settings = await _settings(uow, user.workspace)
            applying = await uow.limits.applying(user.workspace, "", "", user.id)
            wanted = [(limit, user.id) for limit in applying if limit.scope is Scope.PERSON]
            if not (wanted or settings.footer_cost):
                return None
            budgets = await self._standing(uow, user.workspace, wanted, settings)
        seen = await self._usages.month(user, admin=False, top=1)
        return Month(seen, {"": budgets.get(user.id, ())}) if seen.total.calls else None

    async def _standing(
        self, uow: UnitOfWork, workspace: str, wanted: Sequence[tuple[Limit, str]], settings: WorkspaceSettings
    ) -> Mapping[str, tuple[Standing, ...]]:
        calendar = Calendar.of(settings.time_zone)
        found: dict[str, tuple[Standing, ...]] = {}
        for one in await standings(uow, workspace, wanted, calendar, self._clock.now()):
            found[one.subject] = (*found.get(one.subject, ()), one)
        return found


async def _settings(uow: UnitOfWork, workspace: str) -> WorkspaceSettings:
    row = await uow.workspaces.get(workspace)
    return WorkspaceSettings.of(row.settings if row else {})
