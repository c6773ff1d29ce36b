"""Runs that ask a person one thing and, if they may, do it: what is shown of approvals, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select

from app.domain.agent import AgentSpec
from app.domain.approvals import ApprovalRecord
from app.domain.chat import ConversationRef, MemberKind, UserRef
from app.domain.events import Action, Outcome, Private
from app.domain.grants import Approval, Invoker, Scope, Target, ToolGrant, digest
from app.domain.inbox import Claim
from app.domain.run import Json, ToolCall
from app.domain.views import Button, Buttons, Verbatim, View
from app.errors import Stopped
from app.ports.agents import Question, RunFacts
from app.ports.approvals import ApprovalRequest, Approved, Approvers, Verdict
from app.ports.engine import Journal
from app.services.approvals import Approvals
from app.store.tables import approvals
from tests.app.bench import MEMBER, WORKSPACE, words
from tests.app.desk import THREAD, Desk
from tests.app.engines import Actor, until
from tests.fakes.databases import TestClock

SAYS = "Nice to meet you"
GUEST, BOT = UserRef(WORKSPACE, "U4GUEST"), UserRef(WORKSPACE, "U5BOT")
OTHER, STRANGER = UserRef(WORKSPACE, "U6OTHER"), UserRef(WORKSPACE, "U7STRANGER")
PEOPLE = {GUEST: MemberKind.GUEST, BOT: MemberKind.BOT, OTHER: MemberKind.MEMBER}


def request(
    arguments: Mapping[str, Any] | None = None,
    *,
    tool: str = "post_message",
    grant: ToolGrant | None = None,
    target: Target | None = None,
    approvers: Approvers = Approvers.ASKER,
    may_remember: bool = True,
) -> ApprovalRequest:
    arguments = {"channel": "C2", "text": SAYS} if arguments is None else arguments
    return ApprovalRequest(
        number="0", call=ToolCall("call_1", tool, arguments), digest=digest(tool, arguments),
        grant=grant or ToolGrant(tool, approval=Approval.ALWAYS, id="grant_1", scope=Scope(channels=("C2", "C3"))),
        target=target or Target(channel="C2"), reason="An admin wants a person to agree before this tool is used.",
        approvers=approvers, may_remember=may_remember,
    )  # fmt: skip


def facts(
    agent: AgentSpec, clock: TestClock, run: str, asker: UserRef = MEMBER, invoker: Invoker = Invoker.MEMBER
) -> RunFacts:
    question = Question("Say hello", asker, (), {}, clock.now())
    return RunFacts(run, agent, question, THREAD, invoker)


@dataclass
class Asking:
    """A desk whose runs ask `asks`; `verdicts` are what came of it, `done` what was done then, by run."""

    desk: Desk
    asks: ApprovalRequest = field(default_factory=request)
    asker: UserRef = MEMBER
    invoker: Invoker = Invoker.MEMBER
    verdicts: list[Verdict | str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        bench = self.desk.bench
        self.approvals = Approvals(
            bench.database, bench.vault, {bench.platform.name: bench.platform}, clock=bench.clock, each=30
        )
        self.desk.runs.body = Actor(bench.database, self._work)
        self.desk.runs.patience = 30

    async def granted(self) -> None:
        """Let the agent hold the grant that it asks under."""
        async with self.desk.database.begin() as uow:
            agent = await self.desk.bench.agent()
            await uow.agents.change(replace(agent, grants=(*agent.grants, self.asks.grant)))

    async def begun(self) -> ApprovalRecord:
        """Somebody asks, and the card stands in the thread."""
        await self.granted()
        await self.desk.say("Say hello", self.asker)
        return await self.waits()

    async def waits(self) -> ApprovalRecord:
        """The question as it is kept, once its card is."""
        found: list[ApprovalRecord] = []

        async def kept() -> bool:
            record = await self.record()
            found[:] = [record] if record else []
            return bool(record and record.card)

        await until(kept)
        return found[0]

    async def record(self) -> ApprovalRecord | None:
        async with self.desk.database.read() as uow:
            return await uow.approvals.get(WORKSPACE, f"{next(iter(self.desk.runs.journals), '')}/0")

    async def sealed(self) -> list[bool]:
        """Of each question, whether what it is about is still there."""
        async with self.desk.database.read() as uow:
            return [blob is not None for blob in (await uow.connection.execute(select(approvals.c.sealed))).scalars()]

    async def press(
        self, action: str, record: ApprovalRecord, user: UserRef = MEMBER, *, where: ConversationRef = THREAD
    ) -> Outcome:
        outcome = await self.desk.intake.action(
            Action(user, action, record.id, message=record.card, conversation=where)
        )
        await self.desk.bench.settled()
        return outcome

    def cards(self) -> list[View]:
        """What stands in the thread besides what was said."""
        return [message.views[0] for message in self.desk.platform.thread(THREAD) if message.aside]

    async def _work(self, journal: Journal, claim: Claim) -> None:
        agent = await self.desk.bench.agent()
        try:
            verdict = await self.approvals.ask(
                journal, facts(agent, self.desk.bench.clock, claim.run, self.asker, self.invoker), self.asks
            )
        except Stopped:
            self.verdicts.append("stopped")
            return
        self.verdicts.append(verdict)
        if isinstance(verdict, Approved):

            async def work() -> Json:
                self.done.append(claim.run)
                return None

            await journal.step("do", work)


def told(outcome: Outcome) -> str:
    """What somebody was told privately."""
    assert isinstance(outcome, Private), outcome
    return words(outcome.view)


def buttons(view: View) -> list[str]:
    return [one.id for block in view.blocks if isinstance(block, Buttons) for one in block.buttons]


def button(view: View, action: str) -> Button:
    found = [one for block in view.blocks if isinstance(block, Buttons) for one in block.buttons if one.id == action]
    return found[0]


def without_arguments(view: View) -> str:
    """Everything on a card but the block that shows arguments."""
    return words(View(tuple(block for block in view.blocks if not isinstance(block, Verbatim))))
