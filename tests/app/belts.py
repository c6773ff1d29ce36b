"""A belt over a real store, with tools that are written down and people who answer as they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.agent import AgentSpec
from app.domain.audit import AuditEntry
from app.domain.chat import ConversationRef, Persona
from app.domain.grants import CLEAN, Denied, Granted, Invoker, Taint, Target, ToolGrant, Traits
from app.domain.run import MadeFile, ToolCall, ToolResult, ToolSpec
from app.errors import BadInput
from app.ports.agents import Question, RunFacts, Tool
from app.ports.approvals import ApprovalRequest, Approved, Refused, Verdict
from app.ports.engine import Journal
from app.ports.platform import ReplyTarget, Step
from app.services.delivery import Delivery
from app.services.permissions import Permissions
from app.services.sources import NumberedSources
from app.services.toolbelt import Belt
from app.services.toolkit import Toolkit
from tests.app.bench import ADMIN, MEMBER, Bench
from tests.app.desk import THREAD
from tests.fakes.journal import MemoryJournal


@dataclass
class Tried:
    """A tool that remembers how often it was called. `does` is what happens meanwhile."""

    name: str
    traits: Traits = field(default_factory=lambda: Traits(parallel=True))
    taint: Taint = CLEAN
    answer: str = "done"
    writes: bool = False
    files: tuple[MadeFile, ...] = ()
    calls: list[Mapping[str, Any]] = field(default_factory=list)
    does: Callable[[], Any] | None = None
    together: int = 0
    at_once: int = 0

    spec: ToolSpec = field(init=False)

    def __post_init__(self) -> None:
        parameters = {"type": "object", "properties": {}, "additionalProperties": False}
        self.spec = ToolSpec(self.name, "", parameters, self.writes)

    def target(self, arguments: Mapping[str, Any]) -> Target:
        if "bad" in arguments:
            raise BadInput("bad is no argument.")
        url = str(arguments.get("url", ""))
        return Target(
            url.split("/")[2] if url else "",
            str(arguments.get("method", "GET")) if url else "",
            url,
            str(arguments.get("channel", "")),
            str(arguments.get("agent", "")),
        )

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        self.calls.append(arguments)
        self.together += 1
        self.at_once = max(self.at_once, self.together)
        if self.does:
            result = self.does()
            if asyncio.iscoroutine(result):
                await result
        self.together -= 1
        return ToolResult(call_id, self.answer, files=self.files, taint=self.taint)


@dataclass
class People:
    """Answers for everybody who is asked; `meanwhile` happens before the answer."""

    yes: bool = True
    asked: list[ApprovalRequest] = field(default_factory=list)
    meanwhile: Callable[[], Any] | None = None

    async def ask(self, journal: Journal, facts: RunFacts, request: ApprovalRequest) -> Verdict:
        async def work() -> str:
            self.asked.append(request)
            if self.meanwhile:
                await self.meanwhile()
            return "yes" if self.yes else "no"

        answer = await journal.step("asked", work)
        return Approved("appr_1", ADMIN.id) if answer == "yes" else Refused("a person said no.", "appr_1")


class _Shown(Delivery):
    """There is no run here whose parts could be kept: what would be shown is written down."""

    shown: list[Step]

    async def step(self, step: Step) -> None:
        self.shown.append(step)

    async def status(self, text: str) -> None:
        """Nobody looks."""


@dataclass
class Belts:
    """Runs of one agent in one thread; `start` them with what the agent is granted."""

    bench: Bench
    tools: list[Tool] = field(default_factory=list)
    people: People = field(default_factory=People)
    asked: str = "Do it."
    invoker: Invoker = Invoker.MEMBER
    where: ConversationRef = THREAD
    taint: Taint = CLEAN
    runs: int = 0

    def __post_init__(self) -> None:
        self.platforms = {self.bench.platform.name: self.bench.platform}
        self.permissions = Permissions(self.bench.database, self.platforms, self.bench.access, self.bench.clock)
        self.toolkit = Toolkit([_Source(self)], self.platforms, permissions=self.permissions, approvals=self.people)

    async def grant(self, *grants: ToolGrant, agent: str = "assistant") -> AgentSpec:
        """The agent holds these and no others."""
        kept = tuple(replace(grant, id=grant.id or f"{agent}-{at}") for at, grant in enumerate(grants))
        async with self.bench.database.begin() as uow:
            changed = replace(await self.bench.agent(agent), grants=kept)
            await uow.agents.change(changed)
        return changed

    async def belt(self, journal: MemoryJournal | None = None, **facts: Any) -> Belt:
        """A new run's belt; with a journal, the same run taken up again."""
        if journal is None:
            self.runs += 1
        run = f"run_{self.runs}"
        question = Question(self.asked, MEMBER, (), {}, self.bench.clock.now())
        about = RunFacts(run, await self.bench.agent(), question, self.where, self.invoker, taint=self.taint)
        self.shown: list[Step] = []
        delivery = _Shown(
            self.bench.platform, self.bench.database,
            ReplyTarget(self.where, MEMBER, self.where.thread, run, Persona("assistant"), {}), fresh=True,
        )  # fmt: skip
        delivery.shown = self.shown
        self.remarks = delivery.remarks
        self.journal = journal or MemoryJournal(run)
        return await self.toolkit.belt(
            replace(about, **facts), self.journal, delivery, sources=NumberedSources(), redact=_unchanged
        )

    async def audit(self) -> list[AuditEntry]:
        return [entry for entry in await self.bench.audited() if entry.action.startswith("tool.")]

    async def decisions(self) -> list[str]:
        return [entry.action for entry in await self.audit()]


async def _unchanged(text: str) -> str:
    return text


async def made(belt: Belt, *calls: ToolCall) -> list[str]:
    """What a runner does with the calls of one turn; what the model is told of each."""
    told: dict[str, str] = {}
    granted = []
    for call in calls:
        decision = await belt.decide(call)
        if isinstance(decision, Denied):
            told[call.id] = f"Not allowed: {decision.reason}"
        else:
            assert decision == Granted()
            granted.append(call)
    told |= {result.call_id: result.content for result in await belt.call(granted)}
    return [told[call.id] for call in calls]


def call(tool: str, call_id: str = "c1", **arguments: Any) -> ToolCall:
    return ToolCall(call_id, tool, arguments)


@dataclass
class _Source:
    """Whatever tools the test has at that moment."""

    belts: Belts

    async def tools(self, facts: RunFacts) -> Sequence[Tool]:
        return self.belts.tools
