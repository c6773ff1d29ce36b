"""What people do with a question about a tool: approve, deny, allow for good, cancel. Whoever acts is checked at the moment of the act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog

from app.domain.agent import AgentSpec
from app.domain.approvals import ApprovalRecord, ApprovalState, Asked, remembered
from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.events import Action, Mention, Nothing, Outcome, Private, Replace
from app.domain.grants import COLLEAGUES, Invoker, ToolGrant, Traits, family, offshoot
from app.domain.run import RunState
from app.domain.views import View
from app.errors import PlatformError
from app.ports.clock import Clock
from app.ports.engine import Runs
from app.ports.keys import Sealer
from app.ports.platform import ChatPlatform
from app.services.approvals import open_asked, show_end
from app.services.background import Background
from app.services.grant_drafts import MOST_GRANTS
from app.services.grant_fit import Request, in_scope
from app.services.ids import new_id
from app.services.plans import question_id
from app.services.screens import approvals as screens
from app.services.screens.approvals import ALWAYS, APPROVE, CANCEL, DENY
from app.store.unit_of_work import Database, UnitOfWork

log = structlog.get_logger(__name__)

ACTIONS = frozenset({APPROVE, DENY, ALWAYS, CANCEL})


class TellsPeople(Protocol):
    """What is needed of `app.services.access`."""

    async def is_admin(self, user: UserRef) -> bool:
        """Whether this person is an admin now."""

    async def invoker(self, user: UserRef, workspace: str, *, from_bot: bool) -> Invoker:
        """What this person is to the workspace now."""


class StopsRuns(Protocol):
    """What is needed of `app.services.answers`."""

    async def stop(self, run: str) -> None:
        """Stop a run, and what it waits for."""


@dataclass(frozen=True, slots=True)
class _Decision:
    """What became of a click. `refused` is why nothing did."""

    state: ApprovalState = ApprovalState.CANCELLED
    always: datetime | None = None
    refused: View | None = None


class ApprovalDesk:
    """Answers clicks on the cards that `app.services.approvals` posts. The row is the truth; a signal only wakes the run sooner."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        runs: Runs,
        platforms: Mapping[str, ChatPlatform],
        *,
        answers: StopsRuns,
        access: TellsPeople,
        background: Background,
        clock: Clock,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._runs = runs
        self._platforms = platforms
        self._answers = answers
        self._access = access
        self._background = background
        self._clock = clock

    async def action(self, event: Action) -> Outcome:
        """A button of a card, or of what was said about it. Who may not is told so privately, and nothing changes."""
        async with self._database.read() as uow:
            record = await uow.approvals.get(event.user.workspace, event.value)
        if record is None:
            return Private(screens.OVER)
        if event.action_id == CANCEL:
            return await self._cancel(event, record)
        if record.state is not ApprovalState.PENDING:
            return Private(screens.already(record.workspace, record.state, record.decided_by))
        if refused := await self._refused(event, record):
            return Private(refused)
        return await self._decide(event, record)

    async def tell_who_writes_on(self, mention: Mention, conversation: str) -> None:
        """Tell whoever writes into a thread where somebody is waited for, and nobody else, what is awaited."""
        async with self._database.read() as uow:
            waiting = await uow.approvals.waiting_in(mention.workspace, conversation)
            own = [await uow.runs.get(one.workspace, one.run) for one in waiting]
        for record, run in zip(waiting, own, strict=True):
            if run is None or question_id(run.message_id) == question_id(mention.message_id):
                continue  # the very question that the run answers
            asked = await open_asked(self._database, self._sealer, record)
            if asked is None:
                continue
            view = screens.waiting(asked, record.id, may_cancel=await self._may_cancel(mention.user, record))
            try:
                await self._platform(record).whisper(mention.user, view, mention.conversation)
            except PlatformError as error:
                log.warning("nobody told of an approval", workspace=record.workspace, error=error.code)

    async def _refused(self, event: Action, record: ApprovalRecord) -> View | None:
        """Why this person may not do this, if they may not."""
        kind = await self._access.invoker(event.user, record.workspace, from_bot=False)
        if kind not in COLLEAGUES:
            return screens.NO_STRANGERS
        if await self._access.is_admin(event.user):
            return screens.NOT_REMEMBERED if event.action_id == ALWAYS and not record.may_remember else None
        if record.admins_only:
            return screens.ADMINS_ONLY
        if event.user.id != record.asker:
            return screens.NOT_YOURS
        return screens.ADMINS_ALWAYS if event.action_id == ALWAYS else None

    async def _decide(self, event: Action, record: ApprovalRecord) -> Outcome:
        asked = await open_asked(self._database, self._sealer, record)
        async with self._database.begin() as uow:
            decision = await self._decided(uow, event, record, asked)
        if decision.refused:
            return Private(decision.refused)
        await self._runs.signal(record.run, record.topic, decision.state.value)
        if asked:
            view = screens.ended(asked, decision.state, by=event.user, always=decision.always)
            shown = replace(record, card=record.card or event.message)  # pressed before it was kept where the card is
            self._background.spawn(show_end(self._platform(record), shown, view), name="show a decision")
        return Private(screens.WITHDRAWN) if decision.state is ApprovalState.CANCELLED else Nothing()

    async def _decided(self, uow: UnitOfWork, event: Action, record: ApprovalRecord, asked: Asked | None) -> _Decision:
        """All of it in one transaction: of two who click, one decides, and whatever stopped the run meanwhile comes first."""
        await uow.workspaces.lock(record.workspace)
        run = await uow.runs.get(record.workspace, record.run)
        if asked is None or run is None or run.state is not RunState.RUNNING or run.stop_requested:
            return _Decision(refused=screens.OVER)
        agent = await uow.agents.get(record.workspace, record.agent)
        grant = self._standing(agent, record, asked)
        state = ApprovalState.DENIED if event.action_id == DENY else ApprovalState.APPROVED
        if grant is None and state is ApprovalState.APPROVED:
            state = ApprovalState.CANCELLED
        if not await uow.approvals.decide(record.workspace, record.id, state, event.user.id):
            after = await uow.approvals.get(record.workspace, record.id)
            ended = after.state if after and after.state is not ApprovalState.PENDING else ApprovalState.EXPIRED
            return _Decision(refused=screens.already(record.workspace, ended, after.decided_by if after else ""))
        details = {"agent": record.agent, "tool": record.tool, "grant": record.grant, "digest": record.digest}
        await uow.audit.append(
            AuditEntry(record.workspace, event.user.id, f"approval.{state.value}", record.id, details)
        )
        if event.action_id != ALWAYS or state is not ApprovalState.APPROVED or agent is None or grant is None:
            return _Decision(state)
        now = self._clock.now()
        number = new_id("always", now)[-10:]
        more = remembered(grant, asked, new_id=offshoot(grant.id, number), by=event.user.id, now=now)
        held = _without_outlived(agent.grants, more, now)
        if more is None or len(held) >= MOST_GRANTS:
            return _Decision(state)
        await uow.agents.change(replace(agent, grants=(*held, more)))
        details = {"grant": more.id, "tool": more.tool, "approval": record.id}
        await uow.audit.append(AuditEntry(record.workspace, event.user.id, "grant.added", agent.id, details))
        return _Decision(state, always=more.expires)

    def _standing(self, agent: AgentSpec | None, record: ApprovalRecord, asked: Asked) -> ToolGrant | None:
        """The grant that was asked under, if it is still there and still for this; the run itself looks at all the rest again."""
        now = self._clock.now()
        return next(
            (
                grant
                for grant in (agent.grants if agent and not agent.paused else ())
                if grant.id == record.grant
                and grant.tool == record.tool
                and not (grant.expires and grant.expires <= now)
                and asked.invoker in grant.invokers
                and in_scope(grant, Request(record.tool, Traits(), asked.target)) is None
            ),
            None,
        )

    async def _cancel(self, event: Action, record: ApprovalRecord) -> Outcome:
        if not await self._may_cancel(event.user, record):
            return Private(screens.NOT_YOURS)
        if record.state is not ApprovalState.PENDING:
            return Private(screens.already(record.workspace, record.state, record.decided_by))
        async with self._database.begin() as uow:
            await uow.audit.append(AuditEntry(record.workspace, event.user.id, "approval.cancelled", record.id))
        await self._answers.stop(record.run)
        return Replace(screens.CANCELLED) if event.message else Private(screens.CANCELLED)

    async def _may_cancel(self, user: UserRef, record: ApprovalRecord) -> bool:
        """As with any stop button: whoever asked, or an admin."""
        return user.id == record.asker or await self._access.is_admin(user)

    def _platform(self, record: ApprovalRecord) -> ChatPlatform:
        return self._platforms[record.workspace.partition(":")[0]]


def _without_outlived(held: Sequence[ToolGrant], more: ToolGrant | None, now: datetime) -> tuple[ToolGrant, ...]:
    """Without what "Always" granted once and is over, or is granted anew now: nobody else would ever clear it away."""

    def same(grant: ToolGrant) -> bool:
        return more is not None and replace(grant, id=more.id, expires=more.expires, granted_by=more.granted_by) == more

    return tuple(
        grant
        for grant in held
        if grant.id == family(grant.id) or not (same(grant) or (grant.expires and grant.expires <= now))
    )
