"""What a call may do, decided of plain facts alone: nothing here reads, writes, waits or knows what a model wants.

Deny by default: an unknown tool, a missing context or an empty list is a denial. Of several grants of a tool the one that allows most counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.agent import AgentSpec
from app.domain.chat import Place
from app.domain.grants import COLLEAGUES, Approval, Denied, ToolGrant, Traits
from app.domain.tool_kinds import BY_NAME, ScopeKind
from app.ports.approvals import Approvers
from app.ports.platform import Readers
from app.services.grant_fit import (
    READING,
    Request,
    Situation,
    as_pinned,
    grants_of,
    holds,
    host_granted,
    in_scope,
    names_something,
    scope_kind,
    short,
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Let through, by this grant."""

    grant: ToolGrant


@dataclass(frozen=True, slots=True)
class Needs:
    """A person must agree first, and why, in our own words."""

    grant: ToolGrant
    reason: str
    approvers: Approvers
    may_remember: bool = False


Ruling = Allowed | Needs | Denied


def decide(
    agents: Sequence[AgentSpec | None], request: Request, now: Situation
) -> tuple[Ruling, tuple[ToolGrant, ...]]:
    """Whether the call may be made, and the grants that it rests on, one of each agent: the acting one first, then those it acts for.

    All of them must grant it. `None` stands for an agent that is not there any more.
    """
    rulings = [_of_agent(agent, request, now) for agent in agents]
    denied = next((ruling for ruling in rulings if isinstance(ruling, Denied)), None)
    if denied or not rulings:
        return denied or Denied("no agent asks for it."), ()
    grants = tuple(ruling.grant for ruling in rulings if not isinstance(ruling, Denied))
    needs = [ruling for ruling in rulings if isinstance(ruling, Needs)]
    if not needs:
        return Allowed(grants[0]), grants
    strictest = next((need for need in needs if need.approvers is Approvers.ADMINS), needs[0])
    remember = strictest.may_remember and len(agents) == 1
    return Needs(grants[0], strictest.reason, strictest.approvers, may_remember=remember), grants


def listed(agents: Sequence[AgentSpec | None], tool: str, traits: Traits, now: Situation) -> bool:
    """Whether the model should be told of the tool: false where no call of it could be allowed, be it by a person's consent."""
    if isinstance(_taint(traits, now), Denied):
        return False
    return bool(agents) and all(
        agent is not None
        and any(
            not isinstance(holds(grant, tool, traits, now), Denied)
            and names_something(grant)
            and (now.invoker.attended or grant.approval.or_stricter(traits.approval) is Approval.NEVER)
            for grant in grants_of(agent, tool)
        )
        for agent in agents
    )


def outlook(agent: AgentSpec | None, tool: str, traits: Traits, now: Situation) -> tuple[Ruling, ...]:
    """What is known of a tool before there are arguments, grant by grant: what `decide` begins with, and may still refuse or ask for."""
    rulings = [_without_arguments(grant, Request(tool, traits), now) for grant in grants_of(agent, tool)]
    return tuple(rulings) or (Denied(f"this agent has not been granted {short(tool)}."),)


def _without_arguments(grant: ToolGrant, request: Request, now: Situation) -> Ruling:
    refused = holds(grant, request.tool, request.traits, now) or _taint(request.traits, now)
    if refused or not names_something(grant):
        return refused or Denied(
            f"{short(request.tool)} is granted, but for nothing yet: it names no channel or agent."
        )
    needs = _approval(grant, request, now)
    if needs and not now.invoker.attended:
        return Denied("somebody would have to agree, and nobody is there.")
    return needs[0] if needs else Allowed(grant)


def _of_agent(agent: AgentSpec | None, request: Request, now: Situation) -> Ruling:
    rulings = [_of_grant(grant, request, now) for grant in grants_of(agent, request.tool)]
    order = (Allowed, Needs, Denied)
    best = sorted(rulings, key=lambda ruling: order.index(type(ruling)))
    return best[0] if best else Denied(f"this agent has not been granted {short(request.tool)}.")


def _of_grant(grant: ToolGrant, request: Request, now: Situation) -> Ruling:
    refused = (
        holds(grant, request.tool, request.traits, now)
        or in_scope(grant, request)
        or as_pinned(grant, request.arguments)
        or _taint(request.traits, now)
    )
    if refused:
        return refused
    asked = [*_readers(grant, request, now), *_outward(grant, request, now), *_approval(grant, request, now)]
    denied = next((ruling for ruling in asked if isinstance(ruling, Denied)), None)
    needs = [ruling for ruling in asked if isinstance(ruling, Needs)]
    if denied or not needs:
        return denied or Allowed(grant)
    if not now.invoker.attended:
        return Denied(f"{needs[0].reason} Nobody is there who could agree.")
    strictest = next((need for need in needs if need.approvers is Approvers.ADMINS), needs[0])
    return Needs(grant, strictest.reason, strictest.approvers, may_remember=all(need.may_remember for need in needs))


def _taint(traits: Traits, now: Situation) -> Denied | None:
    if traits.changes and now.taint.untrusted:
        return Denied("something from outside was read before, and after that nothing is changed, whoever agrees.")
    return None


def _readers(grant: ToolGrant, request: Request, now: Situation) -> list[Ruling]:
    """What was read somewhere goes only where everybody could have read it."""
    own, there = now.conversation.channel, request.target.channel
    if not there or (there == own and not request.traits.outward):
        return []
    if request.traits.outward:
        sources = [channel for channel in (*now.taint.channels, own) if channel != there]
        foreign = [channel for channel in sources if not within(_of(now, there), _of(now, channel))]
        if not foreign:
            return []
        if _of(now, there) == Readers(everybody=False):
            return [Denied("nobody can tell at the moment who reads that channel.")]
        if _of(now, there).shared:
            return [Denied("what was read here must not go to a channel that other organisations read.")]
        mine = foreign == [own] and now.conversation.place is Place.DIRECT
        who = _whoever(request.tool, now) if mine else Approvers.ADMINS
        return [Needs(grant, "Not everybody who reads that channel could read what this is made of.", who)]
    if not request.traits.reads_private or within(_of(now, own), _of(now, there)):
        return []
    if now.conversation.shared or _of(now, own).shared:
        return [Denied("what stands in that channel must not be told where other organisations read along.")]
    return [
        Needs(grant, "Not everybody who reads this conversation can read that channel.", _whoever(request.tool, now))
    ]


def _of(now: Situation, channel: str) -> Readers:
    found = now.readers.get(channel, Readers(everybody=False))
    here = now.conversation
    return replace(found, shared=True) if here.shared and here.channel == channel else found


def _outward(grant: ToolGrant, request: Request, now: Situation) -> list[Ruling]:
    """X: something leaves. With P and U it takes a person; an address that nobody named does so always."""
    who = _whoever(request.tool, now)
    fetches = scope_kind(request.tool) is ScopeKind.HOSTS
    if fetches and request.target.method.upper() in READING:
        if host_granted(grant, request.target) or request.known:
            return []
        reason = "Nobody here wrote this address and no search found it, so opening it could give something away."
        return [Needs(grant, reason, who, may_remember=not now.taint.untrusted)]
    if (fetches or request.traits.outward) and now.taint.private and now.taint.untrusted:
        reason = "Something private and something from outside were read before, and this would leave."
        return [Needs(grant, reason, who)]
    return []


def _approval(grant: ToolGrant, request: Request, now: Situation) -> list[Needs]:
    approval = grant.approval.or_stricter(request.traits.approval)
    if approval is Approval.NEVER:
        return []
    kind = BY_NAME.get(request.tool)
    remember = (kind is None or kind.always) and not request.traits.interpreter and not now.taint.untrusted
    if approval is Approval.FIRST_TIME and remember and grant.id in now.remembered and now.invoker.attended:
        return []
    reason = "An admin wants a person to agree before this tool is used."
    return [Needs(grant, reason, _whoever(request.tool, now), may_remember=remember)]


def _whoever(tool: str, now: Situation) -> Approvers:
    kind = BY_NAME.get(tool)
    return Approvers.ADMINS if (kind and kind.admins) or now.invoker not in COLLEAGUES else Approvers.ASKER


def within(narrow: Readers, wide: Readers) -> bool:
    """Whether everybody who can read the one can read the other; doubt is False."""
    if narrow.shared:
        return False
    if wide.everybody:
        return (narrow.everybody or bool(narrow.people)) and narrow.guests <= wide.guests
    return not narrow.everybody and bool(narrow.people) and narrow.people <= wide.people
