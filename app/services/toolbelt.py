"""The tools of one run as the host lets the agent have them: listed, decided on, called, shown and written down.

Every decision and every call is a step of the run's journal, with all in it that a replay must find again: the path is the same though
grants, tools and channels have changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.domain.grants import Decision, Denied, Granted, Taint, ToolGrant, Traits, digest
from app.domain.run import Json, ModelDone, ToolCall, ToolResult, ToolSpec
from app.domain.tool_kinds import BY_NAME
from app.errors import BadInput
from app.ports.agents import RunFacts, Tool
from app.ports.approvals import ApprovalRequest, Approvals, Approved, Approvers
from app.ports.engine import Journal
from app.ports.platform import StepState
from app.services.codec import dump, load
from app.services.grant_fit import Request, reads_descriptions
from app.services.named_urls import canonical, named_in
from app.services.outgoing import Outgoing
from app.services.permissions import Asked, Consent, Permissions
from app.services.policy import Allowed, Needs, Ruling
from app.services.tool_calls import GONE, Decided, Ready, ToolCalls, WithSteps, refusal
from app.services.tool_steps import ToolSteps

WEB_SEARCH = "web_search"
MOST_SEARCHES = 5
"""Within one call of a model: each is paid for."""

SEARCHING = Traits(reads_untrusted=True)


class Belt:
    """See ToolBelt."""

    def __init__(
        self,
        facts: RunFacts,
        tools: Sequence[Tool],
        journal: Journal,
        *,
        permissions: Permissions,
        approvals: Approvals,
        calls: ToolCalls,
        steps: ToolSteps,
        files: Outgoing,
        name: str = "",
    ) -> None:
        # By the plan's word, so that a replay says the same:
        told = reads_descriptions(facts.agent, facts.conversation, facts.invoker)
        self.taint = facts.taint | Taint(untrusted=told)
        """What this run has read so far."""

        self._facts = facts
        self._tools: Mapping[str, Tool] = {tool.spec.name: tool for tool in tools}
        self._journal = journal
        self._calls = calls
        self._permissions = permissions
        self._approvals = approvals
        self._steps = steps
        self._files = files
        self._name = name
        self._decisions = 0
        self._ready: list[Ready] = []
        self._known = set(named_in(facts.own_words))

    async def specs(self) -> tuple[ToolSpec, ...]:
        """See ToolBelt."""
        traits = {name: tool.traits for name, tool in self._tools.items()}
        if not self.taint.untrusted:  # what was granted since then waits for the next run
            traits = {name: own for name, own in traits.items() if not own.pin}
        listed = await self._permissions.listed(self._facts, self.taint, traits)
        return tuple(self._tools[name].spec for name in sorted(listed))

    async def may_search(self) -> int:
        """See ToolBelt. What is searched for leaves, and within a model's call nobody can be asked nor anything looked at."""
        if self.taint.private and self.taint.untrusted:
            return 0
        most = 1 if self.taint.private else MOST_SEARCHES  # what the first one finds is from outside
        return await self._permissions.searches(self._facts, self.taint, WEB_SEARCH, most)

    async def heard(self, done: ModelDone) -> None:
        """Take note of what a model's own search brought in; to be told of every model call, before anything is decided on it."""
        if not done.usage.searches and not done.sources and not done.found:
            return
        number = self._number()
        if not self.taint.private:
            found = (*done.found, *(source.url for source in done.sources))
            self._known |= {canonical(url) for url in found} - {""}
        self.taint |= Taint(untrusted=True)
        self._calls.cited(done.sources)

        async def work() -> Json:
            asked = Asked(number, Request(WEB_SEARCH, SEARCHING), "", self.taint)
            await self._permissions.searched(self._facts, asked, max(1, done.usage.searches))
            await self._permissions.learned(self._facts, self.taint)
            return None

        await self._journal.step(f"searched:{number}", work)
        await self._steps.begin(number, self._steps.title(WEB_SEARCH), denied=False)
        await self._steps.set(number, StepState.DONE)

    async def decide(self, call: ToolCall) -> Decision:
        """See ToolBelt."""
        number, taint = self._number(), self.taint

        async def work() -> Json:
            return dump(await self._look(call, number, taint))

        decided = load(Decided, await self._journal.step(f"decide:{number}", work))
        asked = self._asked(call, number, taint, decided)
        await self._steps.begin(number, decided.title, denied=decided.grant is None)
        if decided.grant and decided.approvers:
            return await self._ask(call, asked, decided, decided.grant, decided.approvers)
        return self._settle(call, asked, decided)

    async def call(self, calls: Sequence[ToolCall]) -> tuple[ToolResult, ...]:
        """See ToolBelt. What was not decided on is not called."""
        taken = [self._take(call) for call in calls]
        results: list[ToolResult] = []
        at = 0
        while at < len(taken):
            ready = taken[at]
            if ready is None:
                results.append(refusal(calls[at], "nobody has decided on this call."))
                at += 1
                continue
            beside = [ready]
            while ready.decided.traits.parallel and at + len(beside) < len(taken):
                following = taken[at + len(beside)]
                if following is None or not following.decided.traits.parallel:
                    break
                beside.append(following)
            results += await self._make(beside)
            at += len(beside)
        return tuple(results)

    async def _look(self, call: ToolCall, number: str, taint: Taint) -> Decided:
        tool = self._tools.get(call.name)
        if tool is None:
            return await self._refused(call, number, taint, "there is no tool of that name here.")
        if call.malformed:
            return await self._refused(call, number, taint, "the arguments were not a JSON object.")
        try:
            target = tool.target(call.arguments)
        except BadInput as error:
            return await self._refused(call, number, taint, "the arguments make no sense.", said=error.message)
        known = bool(target.url) and canonical(target.url) in self._known
        title = await self._steps.titled(call.name, target)
        found = Decided(
            target=target,
            known=known,
            traits=tool.traits,
            once=tool.spec.writes or tool.traits.changes or (tool.traits.outward and target.method != "GET"),
            own_steps=isinstance(tool, WithSteps),
            title=title,
        )
        ruling = await self._permissions.decide(self._facts, self._asked(call, number, taint, found))
        return _of(ruling, "", found)

    async def _refused(self, call: ToolCall, number: str, taint: Taint, reason: str, *, said: str = "") -> Decided:
        """Denied before there was anything to decide on; `said` is what the model is told, where that may hold its own words."""
        tool = self._tools.get(call.name)
        asked = self._asked(call, number, taint, Decided(traits=tool.traits if tool else Traits()))
        await self._permissions.refuse(self._facts, asked, reason)
        known = tool is not None or call.name in BY_NAME  # whatever else it is called is a model's word
        return Decided(said or reason, title=self._steps.title(call.name) if known else "")

    async def _ask(
        self, call: ToolCall, asked: Asked, decided: Decided, grant: ToolGrant, approvers: Approvers
    ) -> Decision:
        """Have a person agree, then decide anew: what was granted when they were asked may not be any more."""
        await self._steps.set(asked.number, StepState.WAITING)
        request = ApprovalRequest(
            asked.number, call, asked.digest, grant, decided.target, decided.reason, approvers, decided.may_remember
        )
        verdict = await self._approvals.ask(self._journal, self._facts, request)
        agreed = replace(asked, consent=Consent(approvers, verdict)) if isinstance(verdict, Approved) else asked

        async def work() -> Json:
            if isinstance(verdict, Approved):
                return dump(_of(await self._permissions.decide(self._facts, agreed), GONE, decided))
            await self._permissions.refuse(self._facts, asked, "nobody agreed.", approval=verdict.approval)
            return dump(Decided(verdict.reason))

        settled = load(Decided, await self._journal.step(f"settle:{asked.number}", work))
        if settled.approvers:  # it takes more than was asked for
            settled = replace(settled, grant=None)
        await self._steps.set(asked.number, StepState.RUNNING if settled.grant else StepState.FAILED)
        return self._settle(call, agreed, settled)

    def _settle(self, call: ToolCall, asked: Asked, decided: Decided) -> Decision:
        if decided.grant is None:
            return Denied(decided.reason)
        self._ready.append(Ready(call, asked, decided))
        return Granted()

    def _take(self, call: ToolCall) -> Ready | None:
        """Each decision is good for one call, with the arguments that were decided on."""
        for ready in self._ready:
            if ready.call is call and ready.asked.digest == digest(call.name, call.arguments):
                self._ready.remove(ready)
                return ready
        return None

    async def _make(self, beside: Sequence[Ready]) -> list[ToolResult]:
        if beside[0].decided.own_steps:
            results = [await self._calls.with_steps(beside[0], self.taint)]
        else:
            results = await self._calls.together(beside)
        for ready, result in zip(beside, results, strict=True):
            self.taint |= result.taint
            await self._steps.set(ready.asked.number, StepState.FAILED if result.is_error else StepState.DONE)
        return [
            await self._files.send(result, ready.asked.number) for ready, result in zip(beside, results, strict=True)
        ]

    def _asked(self, call: ToolCall, number: str, taint: Taint, found: Decided) -> Asked:
        request = Request(call.name, found.traits, found.target, call.arguments, known=found.known)
        return Asked(number, request, digest(call.name, call.arguments), taint)

    def _number(self) -> str:
        self._decisions += 1
        return f"{self._name}{self._decisions}"


def _of(ruling: Ruling, otherwise: str, found: Decided | None = None) -> Decided:
    match ruling:
        case Allowed(grant):
            return replace(found, grant=grant, approvers=None) if found else Decided(otherwise)
        case Needs(grant, reason, approvers, may_remember):
            if found is None:
                return Decided(otherwise)
            return replace(found, reason=reason, grant=grant, approvers=approvers, may_remember=may_remember)
        case Denied(reason):
            return Decided(reason, title=found.title if found else "")
