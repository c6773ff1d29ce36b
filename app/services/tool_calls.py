"""Calls that were let through, made: a last look, the call, and what it adds to what the run has read. Each is a step of the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import structlog

from app.domain.grants import CLEAN, Taint, Target, ToolGrant, Traits
from app.domain.run import Json, Source, ToolCall, ToolResult
from app.errors import BadInput, Stopped
from app.ports.agents import RunFacts, Tool
from app.ports.approvals import Approvers
from app.ports.engine import Journal
from app.services.codec import clean, dump, load
from app.services.delivery import Shows
from app.services.ledger import Ledger
from app.services.permissions import Asked, Permissions
from app.services.sources import NumberedSources, Redact, presentable
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)

LONGEST_RESULT = 100_000
"""Characters: whatever a tool hands back, a model's window and a journal bear no more."""

GONE = "that tool can't be used any more."
CHANGED = "what it names is not what it was when this was decided on. Ask for it again."
BROKEN = "The tool broke down. That is not the fault of what you asked for."
NOT_FOR_HERE = (
    "What was found stands where not everybody here can read it, so it must not be told here. "
    "Suggest to ask in a direct message instead."
)


@dataclass(frozen=True, slots=True)
class Within:
    """The run that a call is made in. `number` is the call's there, `taint` what was read so far."""

    journal: Journal
    shows: Shows
    sources: NumberedSources
    redact: Redact
    ledger: Ledger
    number: str
    taint: Taint


@runtime_checkable
class WithSteps(Tool, Protocol):
    """A tool whose call is no single step but makes its own, such as another agent's whole run. It is never called beside others."""

    async def call_with(self, within: Within, call: ToolCall) -> ToolResult:
        """Do it; the same steps in the same order on replay. What was read on the way may be told here: its own steps look at that."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was found out about a call, remembered. Without a `grant` it was denied, and why; with `approvers` somebody must agree first."""

    reason: str = ""
    grant: ToolGrant | None = None
    approvers: Approvers | None = None
    may_remember: bool = False
    target: Target = field(default_factory=Target)
    known: bool = False
    traits: Traits = field(default_factory=Traits)
    once: bool = False
    own_steps: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """A call that was let through, waiting to be made."""

    call: ToolCall
    asked: Asked
    decided: Decided


@dataclass(frozen=True, slots=True)
class _Done:
    """What calls beside each other were answered, and how long they took together."""

    results: tuple[ToolResult, ...]
    seconds: float


class ToolCalls:
    """Makes the calls of one run."""

    def __init__(
        self,
        facts: RunFacts,
        tools: Sequence[Tool],
        journal: Journal,
        delivery: Shows,
        permissions: Permissions,
        *,
        sources: NumberedSources,
        redact: Redact,
        ledger: Ledger,
    ) -> None:
        self._facts = facts
        self._tools = {tool.spec.name: tool for tool in tools}
        self._journal = journal
        self._delivery = delivery
        self._permissions = permissions
        self._sources = sources
        self._redact = redact
        self._ledger = ledger

    def cited(self, sources: Sequence[Source]) -> None:
        """Pages that the model's own provider found, and that its words rest on, are shown with the others."""
        self._sources.add(sources)

    async def together(self, beside: Sequence[Ready]) -> list[ToolResult]:
        """Make these calls beside each other, in one step, and answer in their order."""
        name = "tools" if beside[0].decided.traits.parallel else "tool"

        async def work() -> Json:
            doing = beside[0].decided.title or "Using a tool"
            await self._delivery.status(f"is {doing[:1].lower()}{doing[1:]}…")
            began = asyncio.get_running_loop().time()
            results = await asyncio.gather(*map(self._once, beside))
            return dump(_Done(tuple(results), asyncio.get_running_loop().time() - began))

        numbers = ",".join(ready.asked.number for ready in beside)
        kept = await self._journal.step(f"{name}:{numbers}", work, stoppable=True)
        done = load(
            _Done, kept if isinstance(kept, dict) else {"results": kept or [], "seconds": 0.0}
        )  # as it once was
        self._ledger.worked(done.seconds)
        return [self._sources.told(result) for result in done.results]

    async def with_steps(self, ready: Ready, taint: Taint) -> ToolResult:
        """Make a call that has steps of its own."""

        async def work() -> Json:
            refused = await self._begun(ready)
            return dump(refused) if refused else None

        refused = await self._journal.step(f"begin:{ready.asked.number}", work)
        if refused:
            return load(ToolResult, refused)
        tool = self._tools.get(ready.call.name)
        if not isinstance(tool, WithSteps):
            return refusal(ready.call, GONE)
        within = Within(
            self._journal, self._delivery, self._sources, self._redact, self._ledger, ready.asked.number, taint
        )
        result = await tool.call_with(within, ready.call)

        async def tell() -> Json:
            return dump(await self._kept(ready, result))

        return self._sources.told(load(ToolResult, await self._journal.step(f"told:{ready.asked.number}", tell)))

    async def _once(self, ready: Ready) -> ToolResult:
        refused = await self._begun(ready)
        tool = self._tools.get(ready.call.name)
        if refused or tool is None:
            return refused or refusal(ready.call, GONE)
        try:
            result = await tool.call(ready.call.id, ready.call.arguments)
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - a tool's bug must not end the answer
            log.error("tool broke down", run=self._facts.run, tool=ready.call.name, **place_of(error))  # noqa: TRY400
            return self._tainted(_failed(ready.call, BROKEN), ready)
        return await self._fit_for_here(ready, result)

    async def _begun(self, ready: Ready) -> ToolResult | None:
        tool = self._tools.get(ready.call.name)
        if tool is not None and not _is_as_decided(tool, ready):
            await self._permissions.refuse(self._facts, ready.asked, CHANGED)
            return refusal(ready.call, CHANGED)
        denied = await self._permissions.begin(self._facts, ready.asked, once=ready.decided.once)
        return refusal(ready.call, denied.reason) if denied else None

    async def _fit_for_here(self, ready: Ready, result: ToolResult) -> ToolResult:
        """The result as the run may have it, with what it adds to the taint; what not everybody here can read is held back."""
        elsewhere = set(result.taint.channels) - {ready.decided.target.channel}
        if elsewhere and not await self._permissions.may_be_told(self._facts, elsewhere):
            return _failed(ready.call, NOT_FOR_HERE)
        return await self._kept(ready, result)

    async def _kept(self, ready: Ready, result: ToolResult) -> ToolResult:
        told = self._tainted(result, ready)
        if told.taint != CLEAN:
            await self._permissions.learned(self._facts, told.taint)
        cut = replace(told, call_id=ready.call.id, content=clean(told.content)[:LONGEST_RESULT])
        return await presentable(cut, self._redact)

    def _tainted(self, result: ToolResult, ready: Ready) -> ToolResult:
        """With what the tool's author says it does, beside what it says itself of this result."""
        traits, target = ready.decided.traits, ready.decided.target
        there = traits.reads_private and target.channel not in ("", self._facts.conversation.channel)
        taint = Taint(traits.reads_private, traits.reads_untrusted, (target.channel,) if there else ())
        return replace(result, taint=taint | result.taint)


def _is_as_decided(tool: Tool, ready: Ready) -> bool:
    """Whether the call still means what it meant: names of channels and agents, and what others say of their tools, are read anew when a
    run is taken up again, which may be long after somebody agreed.
    """
    decided = ready.decided
    try:
        target = tool.target(ready.call.arguments)
    except BadInput:
        return False
    return tool.traits == decided.traits and replace(target, called="") == replace(decided.target, called="")


def refusal(call: ToolCall, reason: str) -> ToolResult:
    """What a model is told of a call that was not made."""
    return _failed(call, f"Not allowed: {reason}")


def _failed(call: ToolCall, text: str) -> ToolResult:
    return ToolResult(call.id, text, is_error=True)
