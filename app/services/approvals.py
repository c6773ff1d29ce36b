"""Asking a person within a run: the card is posted once, the run waits without holding anything, and what the store says counts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from app.domain.approvals import (
    LASTS,
    LONGEST,
    ApprovalRecord,
    ApprovalState,
    Asked,
    approval_id,
    narrowed,
    spelled_out,
    target_mark,
    topic,
)
from app.domain.audit import AuditEntry
from app.domain.grants import COLLEAGUES
from app.domain.run import Json
from app.domain.secrets import KeyContext
from app.domain.tool_kinds import BY_NAME
from app.domain.views import View
from app.errors import PlatformError, Stopped, WontOpen
from app.ports.agents import RunFacts
from app.ports.approvals import ApprovalRequest, Approved, Approvers, Refused, Verdict
from app.ports.clock import Clock
from app.ports.engine import Journal
from app.ports.keys import Sealer
from app.ports.platform import ChatPlatform
from app.services.codec import dump, load
from app.services.delivery import WORTH_ANOTHER_TRY
from app.services.screens import approvals as screens
from app.services.workspaces import ITSELF
from app.store.unit_of_work import Database

log = structlog.get_logger(__name__)

LOOKS = 20
"""How often a run that waits looks by itself: a click whose signal was lost, as the process went down, is seen then."""

MOST_POSTS = 3

MOST_QUESTIONS = 10
"""Of one run: who is asked all the time presses without reading."""

_STOPPED, _TOO_LONG, _CHANGED, _UNSHOWN = "stopped", "too long", "changed", "unshown"
_ABSENT, _AGAIN, _TOO_MANY = "absent", "again", "too many"
_WHY = {
    _TOO_LONG: f"it needs a person's approval, and is too long for one to check: at most {LONGEST} characters in 50 lines. Make it shorter.",
    _CHANGED: "the arguments are not those that a person was asked about.",
    _UNSHOWN: "it needs a person's approval, and the question could not be shown to anybody.",
    _ABSENT: "nobody answered when they were asked before, so nobody is asked again for this answer. Go on without it.",
    _AGAIN: "a person was asked for exactly this, and said no.",
    _TOO_MANY: f"people have been asked {MOST_QUESTIONS} times for this answer already. Go on without it.",
    ApprovalState.DENIED: "a person was asked and said no. Go on without it, and do not try the same in another way.",
    ApprovalState.EXPIRED: "a person was asked, and nobody answered within 10 minutes. Go on without it.",
    ApprovalState.CANCELLED: "what it needs is not granted any more.",
}


@dataclass(frozen=True, slots=True)
class _Seen:
    """How a question stood when the run looked."""

    state: ApprovalState
    by: str = ""
    digest: str = ""
    stopped: bool = False


class Approvals:
    """See app.ports.approvals. `each` is how many seconds a run waits between two looks."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        platforms: Mapping[str, ChatPlatform],
        *,
        clock: Clock,
        each: float = LASTS.total_seconds() / LOOKS,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._platforms = platforms
        self._clock = clock
        self._each = each

    async def ask(self, journal: Journal, facts: RunFacts, request: ApprovalRequest) -> Verdict:
        """See Approvals.ask."""
        approval = approval_id(journal.run, request.number)
        trouble = await self._put(journal, facts, request)
        if trouble == _STOPPED:
            raise Stopped
        if trouble:
            return Refused(_WHY[trouble], approval)
        seen = await self._answer(journal, facts, request)
        if seen.stopped:
            raise Stopped
        if seen.state is not ApprovalState.APPROVED:
            return Refused(_WHY[seen.state], approval)
        if seen.digest != request.digest:
            return Refused(_WHY[_CHANGED], approval)
        return Approved(approval, seen.by)

    async def _put(self, journal: Journal, facts: RunFacts, request: ApprovalRequest) -> str:
        """Put the question into the thread; tells why it is not there, or nothing."""
        trouble: Json = ""
        for tries in range(1, MOST_POSTS + 1):

            async def work(*, last: bool = tries == MOST_POSTS) -> Json:
                return await self._asked(journal.run, facts, request, last=last)

            trouble = await journal.step("approval:ask", work)
            if trouble not in WORTH_ANOTHER_TRY:
                break
            await journal.sleep(2.0**tries)
        return str(trouble or "")

    async def _asked(self, run: str, facts: RunFacts, request: ApprovalRequest, *, last: bool) -> str:
        asked = await self._about(facts, request)
        arguments = spelled_out(request.call.arguments)
        approval = approval_id(run, request.number)
        if arguments is None:
            await self._audit(facts, request, "approval.too_long", approval)
            await self._whisper(facts, screens.told_too_long(asked))
            return _TOO_LONG
        kept = await self._kept(run, facts, request, asked)
        if not isinstance(kept, ApprovalRecord):
            return kept
        if kept.card or kept.state is not ApprovalState.PENDING:
            return ""
        view = screens.card(
            asked, approval,
            reason=request.reason, arguments=arguments, until=kept.expires_at, may_remember=kept.may_remember,
        )  # fmt: skip
        try:
            card = await self._platform(facts).post_view(facts.conversation, view, screens.ASKS)
        except PlatformError as error:
            log.warning("approval not shown", run=run, error=error.code)
            if error.code in WORTH_ANOTHER_TRY and not last:
                return error.code
            async with self._database.begin() as uow:
                await uow.approvals.cancel(approval)
            return _UNSHOWN
        async with self._database.begin() as uow:
            await uow.approvals.keep_card(approval, card)
        return ""

    async def _kept(self, run: str, facts: RunFacts, request: ApprovalRequest, asked: Asked) -> ApprovalRecord | str:
        """The row, new or as it was kept before; or why nobody is asked."""
        now, workspace = self._clock.now(), facts.workspace
        approval = approval_id(run, request.number)
        sealed = await self._sealer.seal(place(workspace, approval), json.dumps(dump(asked)).encode())
        async with self._database.begin() as uow:
            record = await uow.runs.get(workspace, run)
            if record is None:
                return _STOPPED
            if enough := _enough(await uow.approvals.of_run(workspace, run), approval, request.digest):
                return enough
            fresh = await uow.approvals.add(
                ApprovalRecord(
                    id=approval, workspace=workspace, run=run, conversation=record.conversation, agent=facts.agent.id,
                    grant=request.grant.id, tool=request.call.name, target=target_mark(request.target),
                    digest=request.digest, asker=asked.asker.id, admins_only=asked.admins_only,
                    may_remember=_may_remember(request), asked_at=now, expires_at=now + LASTS,
                ),
                sealed,
            )  # fmt: skip
            if fresh:
                await uow.audit.append(_entry(facts, request, "approval.asked", approval))
            kept = await uow.approvals.get(workspace, approval)
        if kept is None:
            return _STOPPED
        return kept if kept.digest == request.digest else _CHANGED

    async def _answer(self, journal: Journal, facts: RunFacts, request: ApprovalRequest) -> _Seen:
        """Wait for the answer, look, and wait again; the last look ends it."""
        approval = approval_id(journal.run, request.number)
        seen = _Seen(ApprovalState.PENDING)
        for look in range(1, LOOKS + 1):
            await journal.wait(topic(approval), self._each)

            async def work(*, last: bool = look == LOOKS) -> Json:
                return dump(await self._look(journal.run, facts, request, last=last))

            seen = load(_Seen, await journal.step("approval:look", work))
            if seen.state is not ApprovalState.PENDING:
                break
        return seen

    async def _look(self, run: str, facts: RunFacts, request: ApprovalRequest, *, last: bool) -> _Seen:
        approval, workspace = approval_id(run, request.number), facts.workspace
        async with self._database.begin() as uow:
            stopped = await uow.runs.stop_requested(run)
            record = await uow.approvals.get(workspace, approval)
            if record and record.state is ApprovalState.PENDING:
                if stopped:
                    await uow.approvals.cancel(approval)
                elif (last or self._clock.now() >= record.expires_at) and await uow.approvals.expire(approval):
                    await uow.audit.append(_entry(facts, request, "approval.expired", approval))
                record = await uow.approvals.get(workspace, approval)
        if record is None:  # the app was taken out of the workspace meanwhile
            return _Seen(ApprovalState.CANCELLED, stopped=True)
        if record.state in (ApprovalState.EXPIRED, ApprovalState.CANCELLED):
            asked = await self._about(facts, request)
            await show_end(self._platform(facts), record, screens.ended(asked, record.state))
            if record.state is ApprovalState.EXPIRED:
                await self._whisper(facts, screens.told_expired(asked))
        return _Seen(record.state, record.decided_by, record.digest, stopped)

    async def _about(self, facts: RunFacts, request: ApprovalRequest) -> Asked:
        other = ""
        if request.target.agent:
            async with self._database.read() as uow:
                found = await uow.agents.get(facts.workspace, request.target.agent)
            other = found.name if found else ""
        return Asked(
            agent=facts.agent.name, tool=request.call.name, target=request.target, channel=facts.conversation.channel,
            asker=facts.question.asker, invoker=facts.invoker, other=other,
            admins_only=request.approvers is Approvers.ADMINS or facts.invoker not in COLLEAGUES,
        )  # fmt: skip

    async def _audit(self, facts: RunFacts, request: ApprovalRequest, action: str, approval: str) -> None:
        async with self._database.begin() as uow:
            await uow.audit.append(_entry(facts, request, action, approval))

    async def _whisper(self, facts: RunFacts, view: View) -> None:
        try:
            await self._platform(facts).whisper(facts.question.asker, view, facts.conversation)
        except PlatformError as error:
            log.warning("asker not told of an approval", workspace=facts.workspace, error=error.code)

    def _platform(self, facts: RunFacts) -> ChatPlatform:
        return self._platforms[facts.workspace.partition(":")[0]]


def place(workspace: str, approval: str) -> KeyContext:
    """What the sealed part of an approval is bound to."""
    return KeyContext(workspace, "approval", approval)


async def open_asked(database: Database, sealer: Sealer, record: ApprovalRecord) -> Asked | None:
    """What a question is about; None once it has ended."""
    async with database.read() as uow:
        sealed = await uow.approvals.asked(record.workspace, record.id)
    if sealed is None:
        return None
    try:
        return load(Asked, json.loads(await sealer.open(place(record.workspace, record.id), sealed)))
    except WontOpen:
        log.warning("an approval does not open", workspace=record.workspace)
        return None


async def show_end(platform: ChatPlatform, record: ApprovalRecord, view: View) -> None:
    """Let the card say how it ended. It does not matter if that fails: its buttons say so too."""
    if record.card is None:
        return
    try:
        await platform.replace_view(record.card, view)
    except PlatformError as error:
        log.info("card of an approval not changed", run=record.run, error=error.code)


def _may_remember(request: ApprovalRequest) -> bool:
    """Never code, and never where "Always" would name nothing, whatever was asked for."""
    kind = BY_NAME.get(request.call.name)
    never = kind is not None and not kind.always
    return request.may_remember and not never and narrowed(request.grant.scope, request.target) is not None


def _enough(before: Sequence[ApprovalRecord], approval: str, digest: str) -> str:
    """Why people are not asked this after what the run has asked them before; nothing if they are."""
    others = [record for record in before if record.id != approval]
    if any(record.state is ApprovalState.EXPIRED for record in others):
        return _ABSENT
    if any(record.state is ApprovalState.DENIED and record.digest == digest for record in others):
        return _AGAIN
    return _TOO_MANY if len(others) >= MOST_QUESTIONS else ""


def _entry(facts: RunFacts, request: ApprovalRequest, action: str, approval: str) -> AuditEntry:
    details = {"agent": facts.agent.id, "tool": request.call.name, "grant": request.grant.id, "digest": request.digest}
    actor = ITSELF if action == "approval.expired" else facts.question.asker.id
    return AuditEntry(facts.workspace, actor, action, approval, details)
