"""Whether a tool may be used: read from the store at the moment of asking, decided by `policy`, counted and written down with the decision."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from app.domain.agent import AgentSpec
from app.domain.audit import AuditEntry
from app.domain.chat import Place
from app.domain.grants import CLEAN, Denied, Invoker, Taint, ToolGrant, Traits, family
from app.domain.tool_kinds import BY_NAME
from app.errors import PlatformError
from app.ports.agents import RunFacts
from app.ports.approvals import Approved, Approvers
from app.ports.clock import Clock
from app.ports.platform import ChatPlatform, Readers
from app.services import policy
from app.services.beginnings import KnowsPeople
from app.services.grant_fit import Request, Situation, Uses, freest, hosts_of
from app.services.policy import Allowed, Needs, Ruling
from app.store.unit_of_work import Database, UnitOfWork

log = structlog.get_logger(__name__)

A_DAY = timedelta(days=1)
UNKNOWN = "unknown"
"""What the audit calls a tool that a model made up."""

_PEOPLE = (Invoker.EXTERNAL, Invoker.GUEST, Invoker.MEMBER, Invoker.ADMIN, Invoker.OWNER)
"""From who may least on."""

UNCLEAR = (
    "the service was restarted while this was being done, and nobody knows how far it came. "
    "It is not done again: look whether it happened."
)


@dataclass(frozen=True, slots=True)
class Consent:
    """A person said yes to this very call; `approvers` is who was asked."""

    approvers: Approvers
    given: Approved


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a run: `number` is its place there, `digest` that of its exact arguments, `taint` what was read before it was asked for."""

    number: str
    request: Request
    digest: str
    taint: Taint = CLEAN
    consent: Consent | None = None


class Permissions:
    """Decides on tools. What can't be written down is not allowed."""

    def __init__(
        self, database: Database, platforms: Mapping[str, ChatPlatform], people: KnowsPeople, clock: Clock
    ) -> None:
        self._database = database
        self._platforms = platforms
        self._people = people
        self._clock = clock

    async def listed(self, facts: RunFacts, taint: Taint, tools: Mapping[str, Traits]) -> frozenset[str]:
        """Which of these tools the model may be told of now."""
        async with self._database.read() as uow:
            agents = await _agents(uow, facts)
            held = {grant.tool for agent in agents if agent for grant in agent.grants}
            situation = await self._situation(uow, facts, taint, _held(agents, held))
        return frozenset(name for name in tools if policy.listed(agents, name, tools[name], situation))

    async def outlook(self, facts: RunFacts, tools: Mapping[str, Traits]) -> Mapping[str, tuple[Ruling, ...]]:
        """What the agent can do with each of these for this person there, grant by grant, as far as that is known before there is a call."""
        async with self._database.read() as uow:
            agent = await uow.agents.get(facts.workspace, facts.agent.id)
            situation = await self._situation(uow, facts, facts.taint, agent.grants if agent else ())
        return {name: policy.outlook(agent, name, traits, situation) for name, traits in tools.items()}

    async def decide(self, facts: RunFacts, asked: Asked) -> Ruling:
        """Whether this call may be made: counted and written down if so, written down if not."""
        facts = await self._as_the_asker_is(facts)
        readers = await self._readers(facts, asked.request, asked.taint)
        async with self._database.begin() as uow:
            await uow.workspaces.lock(facts.workspace)  # two runs must not both find the last use of a day free
            ruling, grants = await self._rule(uow, facts, asked, readers)
            await self._keep(uow, facts, asked, ruling, grants)
        return ruling

    async def begin(self, facts: RunFacts, asked: Asked, *, once: bool) -> Denied | None:
        """The last look, as the call is made: why it can't be, if something has changed. With `once`, it can't be begun a second time."""
        facts = await self._as_the_asker_is(facts)
        readers = await self._readers(facts, asked.request, asked.taint)
        async with self._database.begin() as uow:
            ruling, grants = await self._rule(uow, facts, asked, readers)
            if not isinstance(ruling, Allowed):
                await self._keep(uow, facts, asked, ruling, grants)
                return ruling if isinstance(ruling, Denied) else Denied(f"{ruling.reason} That has changed meanwhile.")
            if once and not await uow.tool_uses.begin(_use(facts, asked)):
                await self._write(uow, facts, asked, "tool.unclear", {})
                return Denied(UNCLEAR)
        return None

    async def refuse(self, facts: RunFacts, asked: Asked, reason: str, *, approval: str = "") -> None:
        """Write down that a call was not let through for another reason than the policy's."""
        async with self._database.begin() as uow:
            await self._write(uow, facts, asked, "tool.denied", {"reason": reason, "approval": approval})

    async def searches(self, facts: RunFacts, taint: Taint, tool: str, most: int) -> int:
        """How many times a model's provider may search by itself now, with nobody's consent; `most` at most."""
        async with self._database.read() as uow:
            free = await self._free(uow, facts, taint, tool, most)
        return min(times for _, _, times in free)

    async def searched(self, facts: RunFacts, asked: Asked, times: int) -> None:
        """Write down that a model's provider searched the web, and count it: it was allowed before the model was asked."""
        async with self._database.begin() as uow:
            free = await self._free(uow, facts, asked.taint, asked.request.tool, times)
            grants = [(agent.id, grant.id) for agent, grant, _ in free if agent and grant]
            for time in range(times):
                await uow.tool_uses.add(
                    f"{_use(facts, asked)}.{time}",
                    grants,
                    workspace=facts.workspace,
                    tool=asked.request.tool,
                    run=facts.run,
                    asker=facts.question.asker.id,
                )
            await self._write(
                uow, facts, asked, "tool.allowed", {"grant": grants[0][1] if grants else "", "times": str(times)}
            )

    async def _free(
        self, uow: UnitOfWork, facts: RunFacts, taint: Taint, tool: str, most: int
    ) -> list[tuple[AgentSpec | None, ToolGrant | None, int]]:
        agents = await _agents(uow, facts)
        now = await self._situation(uow, facts, taint, _held(agents, {tool}))
        return [(agent, *freest(agent, tool, Traits(), now, most)) for agent in agents]

    async def hosts(self, facts: RunFacts, tool: str) -> frozenset[str]:
        """The hosts that this tool may reach now and that nobody need agree to: named by a grant that holds, of every agent concerned."""
        async with self._database.read() as uow:
            agents = await _agents(uow, facts)
        now = Situation(facts.invoker, facts.conversation, CLEAN, self._clock.now())
        named = [hosts_of(agent, tool, now) for agent in agents]
        return frozenset.intersection(*named)

    async def may_be_told(self, facts: RunFacts, channels: Iterable[str]) -> bool:
        """Whether everybody in this conversation can read these channels anyway."""
        own = facts.conversation.channel
        wanted = {own, *channels}
        if wanted == {own}:
            return True
        readers = await self._readers_of(facts, wanted)
        return all(policy.within(readers[own], readers[channel]) for channel in wanted - {own})

    async def learned(self, facts: RunFacts, taint: Taint) -> None:
        """Remember what the conversation has read: whoever goes on in it has it before them."""
        async with self._database.begin() as uow:
            await uow.tool_uses.learn(facts.conversation, taint)

    async def _as_the_asker_is(self, facts: RunFacts) -> RunFacts:
        """For whom it acts, as they are by now if that is less than when they asked: they may have left, or become a guest, meanwhile."""
        if facts.invoker not in _PEOPLE:
            return facts
        kind = await self._people.invoker(facts.question.asker, facts.workspace, from_bot=False)
        lower = min(facts.invoker, kind if kind in _PEOPLE else Invoker.EXTERNAL, key=_PEOPLE.index)
        return replace(facts, invoker=lower)

    async def _rule(
        self, uow: UnitOfWork, facts: RunFacts, asked: Asked, readers: Mapping[str, Readers]
    ) -> tuple[Ruling, tuple[ToolGrant, ...]]:
        agents = await _agents(uow, facts)
        grants = _held(agents, {asked.request.tool})
        situation = await self._situation(uow, facts, asked.taint, grants, besides=_use(facts, asked))
        remembered = {
            grant.id
            for grant in grants
            if await uow.approvals.approved_before(facts.workspace, grant.id, asked.request.target)
        }
        ruling, rests_on = policy.decide(
            agents, asked.request, replace(situation, remembered=frozenset(remembered), readers=readers)
        )
        if isinstance(ruling, Needs) and asked.consent:
            if ruling.approvers is Approvers.ADMINS and asked.consent.approvers is not Approvers.ADMINS:
                return Denied(f"{ruling.reason} Only an admin could agree to that now."), rests_on
            return Allowed(ruling.grant), rests_on
        return ruling, rests_on

    async def _situation(
        self, uow: UnitOfWork, facts: RunFacts, taint: Taint, grants: Sequence[ToolGrant], besides: str = ""
    ) -> Situation:
        now = self._clock.now()
        limited = {family(grant.id) for grant in grants if grant.per_run or grant.per_day}
        ids = [grant.id for grant in grants if family(grant.id) in limited]
        counts = await uow.tool_uses.counts(facts.workspace, ids, facts.run, since=now - A_DAY, besides=besides)
        return Situation(
            invoker=facts.invoker,
            conversation=facts.conversation,
            taint=taint,
            now=now,
            uses={grant: _together(grant, counts) for grant in ids},
        )

    async def _keep(
        self, uow: UnitOfWork, facts: RunFacts, asked: Asked, ruling: Ruling, grants: Sequence[ToolGrant]
    ) -> None:
        match ruling:
            case Allowed(grant):
                holders = [facts.agent.id, *(agent.id for agent in facts.rights)]
                new = await uow.tool_uses.add(
                    _use(facts, asked),
                    [(holder, held.id) for holder, held in zip(holders, grants, strict=True)],
                    workspace=facts.workspace,
                    tool=asked.request.tool,
                    run=facts.run,
                    asker=facts.question.asker.id,
                )
                if new:
                    approval = asked.consent.given.approval if asked.consent else ""
                    await self._write(uow, facts, asked, "tool.allowed", {"grant": grant.id, "approval": approval})
            case Needs(grant, reason):
                await self._write(uow, facts, asked, "tool.asked", {"grant": grant.id, "reason": reason})
            case Denied(reason):
                approval = asked.consent.given.approval if asked.consent else ""
                await self._write(uow, facts, asked, "tool.denied", {"reason": reason, "approval": approval})

    async def _write(
        self, uow: UnitOfWork, facts: RunFacts, asked: Asked, action: str, details: Mapping[str, str]
    ) -> None:
        tool = asked.request.tool
        known = tool in BY_NAME or bool(asked.request.traits.pin)
        about = {
            "agent": facts.agent.id,
            "run": facts.run,
            "call": asked.number,
            "invoker": facts.invoker.value,
            "digest": asked.digest,
            **details,
        }
        if not known and "reason" in about:
            about["reason"] = "there is no such tool."  # whose name is a model's word
        entry = AuditEntry(
            facts.workspace,
            facts.question.asker.id,
            action,
            tool if known else UNKNOWN,
            {name: value for name, value in about.items() if value},
        )
        await uow.audit.append(entry)

    async def _readers(self, facts: RunFacts, request: Request, taint: Taint) -> Mapping[str, Readers]:
        """Of every channel that this call would join; only what reads or posts in one asks the platform."""
        there = request.target.channel
        if not there or not (request.traits.outward or request.traits.reads_private):
            return {}
        return await self._readers_of(facts, {facts.conversation.channel, there, *taint.channels})

    async def _readers_of(self, facts: RunFacts, channels: Iterable[str]) -> Mapping[str, Readers]:
        wanted = sorted(channels)
        found = await asyncio.gather(*(self._readers_now(facts, channel) for channel in wanted))
        return dict(zip(wanted, found, strict=True))

    async def _readers_now(self, facts: RunFacts, channel: str) -> Readers:
        where = facts.conversation
        if channel == where.channel and where.place is Place.DIRECT:
            return only(facts)
        platform = self._platforms.get(facts.workspace.partition(":")[0])
        try:
            found = await platform.readers(facts.workspace, channel) if platform else Readers(everybody=False)
        except PlatformError as error:
            log.warning("readers of a channel not found", run=facts.run, error=error.code)
            found = Readers(everybody=False)
        return replace(found, shared=True) if channel == where.channel and where.shared else found


def only(facts: RunFacts) -> Readers:
    """Who reads along where somebody talks with an agent alone."""
    asker = frozenset({facts.question.asker.id})
    strange = facts.invoker in (Invoker.GUEST, Invoker.EXTERNAL, Invoker.BOT)
    return Readers(everybody=False, people=asker, guests=asker if strange else frozenset())


async def _agents(uow: UnitOfWork, facts: RunFacts) -> tuple[AgentSpec | None, ...]:
    """As they are now: the acting one, then those that handed over to it."""
    return tuple([await uow.agents.get(facts.workspace, agent.id) for agent in (facts.agent, *facts.rights)])


def _together(grant: str, counts: Mapping[str, tuple[int, int]]) -> Uses:
    """How often this grant was used, and those that came of the same."""
    of_all = [used for other, used in counts.items() if family(other) == family(grant)]
    return Uses(sum(run for run, _ in of_all), sum(day for _, day in of_all))


def _held(agents: Iterable[AgentSpec | None], tools: Iterable[str]) -> tuple[ToolGrant, ...]:
    wanted = set(tools)
    return tuple(grant for agent in agents if agent for grant in agent.grants if grant.tool in wanted)


def _use(facts: RunFacts, asked: Asked) -> str:
    return f"{facts.run}/{asked.number}"
