"""Asking for more at a limit: one request for each run, told to admins; whoever of them is first decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.inbox import RunRecord
from app.domain.spend import LimitRequest, Period, RequestState, Scope, Standing
from app.domain.views import View
from app.ports.clock import Clock
from app.services.background import Background
from app.services.ids import new_id
from app.services.limits import AtLimit, Limits
from app.services.notices import Notices
from app.services.screens import limit_notes as screens
from app.store.unit_of_work import Database

Redact = Callable[[str, str], Awaitable[str]]
"""Takes model keys out of a text: the workspace, the text."""


class TellsAdmins(Protocol):
    """What is needed of `app.services.access`."""

    async def is_admin(self, user: UserRef) -> bool:
        """Whether this person is an admin now."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody at a limit asks for: so much, and why, which is passed on and kept nowhere."""

    run: RunRecord
    at: AtLimit
    amount: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a request when an admin pressed: `mine` tells whether that decided it."""

    request: LimitRequest
    period: Period
    mine: bool
    released: int = 0


class LimitRequests:
    """Requests of a workspace. Whoever calls `decide` has seen to it that `by` is an admin."""

    def __init__(
        self,
        database: Database,
        limits: Limits,
        *,
        access: TellsAdmins,
        notices: Notices,
        redact: Redact,
        background: Background,
        clock: Clock,
    ) -> None:
        self._database = database
        self._limits = limits
        self._access = access
        self._notices = notices
        self._redact = redact
        self._background = background
        self._clock = clock

    async def asked(self, run: RunRecord) -> bool:
        """Whether more was asked for already because of this run."""
        async with self._database.read() as uow:
            return await uow.limits.asked(run.workspace, run.id) is not None

    async def ask(self, wish: Wish, standing: Standing) -> int:
        """Have the admins told; how many of them are. 0: Latchkey knows none, and nothing was asked. -1: it was asked before."""
        workspace = wish.run.workspace
        admins = await self._notices.admins(workspace, standing.limit.set_by)
        if not admins:
            return 0
        raise_to = max(standing.allowed, standing.spent.amount) + wish.amount
        request = LimitRequest(
            new_id("ask", self._clock.now()), workspace, wish.at.limit, standing.subject, wish.run.id, wish.run.asker,
            wish.amount, raise_to,
        )  # fmt: skip
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            if await uow.limits.asked(workspace, wish.run.id):
                return -1
            await uow.limits.ask(request)
            details = {"limit": request.limit, "run": request.run, "amount": f"{request.amount.normalize():f}"}
            await uow.audit.append(AuditEntry(workspace, request.asker, "limit.asked", request.id, details))
        self._background.spawn(self._tell_admins(wish, request, standing, admins), name="ask for more")
        return len(admins)

    async def decide(self, workspace: str, request: str, state: RequestState, by: UserRef) -> Verdict | None:
        """Grant, raise or refuse, if nobody has decided yet. None where there is no such request, or its limit is gone."""
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            asked = await uow.limits.request(workspace, request)
            at = AtLimit(workspace, asked.limit, asked.subject) if asked else AtLimit(workspace, "")
            standing = await self._limits.standing_in(uow, at)
            if asked is None:
                return None
            period = standing.limit.period if standing else Period.DAY
            if asked.state is not RequestState.PENDING or not await uow.limits.decide(asked, state, by.id):
                return Verdict(asked, period, mine=False)
            asked, released = replace(asked, state=state, decided_by=by.id), 0
            if state is RequestState.REFUSED:
                await uow.audit.append(AuditEntry(workspace, by.id, "limit.refused", asked.id, {"limit": asked.limit}))
            else:
                granted = state is RequestState.GRANTED
                applied = await (
                    self._limits.allow_more(uow, at, asked.amount, by)
                    if granted
                    else self._limits.raise_to(uow, at, asked.raise_to, by)
                )
                if applied is None:
                    return None
                released = applied.released
        answer = screens.answer(asked, standing, released=released)
        self._background.spawn(self._tell(UserRef(workspace, asked.asker), answer), name="tell who asked for more")
        return Verdict(asked, period, mine=True, released=released)

    async def _tell(self, user: UserRef, view: View) -> None:
        await self._notices.tell(user, view)

    async def _tell_admins(
        self, wish: Wish, request: LimitRequest, standing: Standing, admins: tuple[UserRef, ...]
    ) -> None:
        run, workspace = wish.run, wish.run.workspace
        async with self._database.read() as uow:
            agent = await uow.agents.get(workspace, run.agent_id) if run.agent_id else None
            limited = await uow.agents.get(workspace, standing.subject) if standing.limit.scope is Scope.AGENT else None
        view = screens.wanted(
            request,
            standing,
            agent=agent.name if agent else "",
            limit_agent=limited.name if limited else "",
            channel=run.channel,
            why=await self._redact(workspace, wish.why),
        )
        told = [await self._notices.tell(admin, view) for admin in admins]
        if any(told):
            return
        async with self._database.begin() as uow:
            await uow.limits.forget_request(workspace, request.id)  # so that it can be asked for again
        await self._notices.tell(UserRef(workspace, request.asker), screens.UNREACHED)
