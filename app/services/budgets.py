"""Limits on what may be spent, put together: their desks, who is told of them, and what a stopped question says."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.spend import Scope
from app.domain.views import View
from app.errors import OverLimit, PriceUnknown
from app.ports.clock import Clock
from app.ports.platform import ChatPlatform
from app.services.access import Access
from app.services.agents import Agents
from app.services.background import Background
from app.services.desks.limit_requests import LimitRequestDesk
from app.services.desks.limits import LimitDesk
from app.services.limit_notices import LimitNotices
from app.services.limit_requests import LimitRequests, Redact
from app.services.limits import AtLimit, Limits
from app.services.meter import Meter
from app.services.notices import Notices
from app.services.screens import limit_notes as screens
from app.services.workspaces import Workspaces
from app.store.unit_of_work import Database


class Budgets:
    """`desks` and `open_saves` are for commands and forms. The meter tells this of limits that come to a mark."""

    def __init__(
        self,
        database: Database,
        platforms: Mapping[str, ChatPlatform],
        *,
        agents: Agents,
        access: Access,
        workspaces: Workspaces,
        notices: Notices,
        meter: Meter,
        redact: Redact,
        background: Background,
        clock: Clock,
    ) -> None:
        self._database = database
        self.limits = Limits(database, clock)
        self.notices = LimitNotices(database, notices, background)
        meter.crossed = self.notices.crossed
        requests = LimitRequests(
            database, self.limits,
            access=access, notices=notices, redact=redact, background=background, clock=clock,
        )  # fmt: skip
        asking = LimitRequestDesk(database, self.limits, requests, access)
        self.desks = (
            LimitDesk(self.limits, agents=agents, access=access, workspaces=workspaces, platforms=platforms), asking,
        )  # fmt: skip
        self.open_saves = asking.open_saves

    async def explained(self, workspace: str, code: str, waits_for: str, run: str, *, to_admin: bool) -> View | None:
        """What is said in the place of an answer that a limit or a missing price stopped; None for whatever else that code is of.

        Whoever looks after the limit, or prices, hears of it too, once.
        """
        if code == PriceUnknown.__name__ and waits_for:
            told = await self.notices.price_wanted(workspace, waits_for)
            return screens.price_unknown(run, waits_for, to_admin=to_admin, told=told)
        if code != OverLimit.__name__ or not waits_for:
            return None
        async with self._database.read() as uow:
            standing = await self.limits.standing_in(uow, AtLimit.of(workspace, waits_for))
            if standing is None:
                return None
            of_agent = standing.limit.scope is Scope.AGENT
            agent = await uow.agents.get(workspace, standing.subject) if of_agent else None
        await self.notices.full(standing)
        return screens.over(standing, run, screens.whose(standing, agent.name if agent else ""), to_admin=to_admin)
