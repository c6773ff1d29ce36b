"""Whether a grant fits a call: the tool, the place, the person, what it would touch, how often and until when. Plain facts in, words out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, Place
from app.domain.grants import Approval, Denied, GrantPlace, Invoker, Taint, Target, ToolGrant, Traits, Where
from app.domain.tool_kinds import BY_NAME, MCP, ScopeKind
from app.ports.platform import Readers

_PORT = re.compile(r":\d+$")

READING = ("", "GET")
"""Methods that give nothing away but the address."""


@dataclass(frozen=True, slots=True)
class Uses:
    """How often a grant was used so far."""

    run: int = 0
    day: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One call as the host sees it. `known` says that the asker or a search named its very address (see `named_urls.py`)."""

    tool: str
    traits: Traits
    target: Target = field(default_factory=Target)
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)
    known: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision rests on, read at this moment. `readers` has every channel that matters here, by id.

    `remembered` are the ids of grants under which somebody agreed to this target before; `uses` are by the grants' ids.
    """

    invoker: Invoker
    conversation: ConversationRef
    taint: Taint
    now: datetime
    uses: Mapping[str, Uses] = field(default_factory=dict)
    remembered: frozenset[str] = frozenset()
    readers: Mapping[str, Readers] = field(default_factory=dict)


def grants_of(agent: AgentSpec | None, tool: str) -> tuple[ToolGrant, ...]:
    """What the agent holds for a tool; nothing while it rests, or is not there any more."""
    if agent is None or agent.paused:
        return ()
    return tuple(grant for grant in agent.grants if grant.tool == tool)


def holds(grant: ToolGrant, tool: str, traits: Traits, now: Situation) -> Denied | None:
    """Why the grant does not hold here and now, which can be told before there are arguments; None if it does."""
    name = short(tool)
    if tool not in BY_NAME and not tool.startswith(f"{MCP}-"):
        return Denied(f"there is no tool {name}.")
    if (traits.pin or tool.startswith(f"{MCP}-")) and (not traits.pin or grant.scope.schema != traits.pin):
        return Denied(f"{name} is not what it was when it was granted: an admin has to look at it.")
    if not any(_is_there(place, now.conversation) for place in grant.places):
        return Denied(f"this agent may not use {name} here.")
    if now.invoker not in grant.invokers:
        return Denied(f"this agent may not use {name} for {_called(now.invoker)}.")
    if grant.expires and now.now >= grant.expires:
        return Denied(f"the grant of {name} has run out.")
    used = now.uses.get(grant.id, Uses())
    if grant.per_run and used.run >= grant.per_run:
        return Denied(f"{name} may be used {_times(grant.per_run)} for one answer.")
    if grant.per_day and used.day >= grant.per_day:
        return Denied(f"{name} may be used {_times(grant.per_day)} a day.")
    return None


def reads_descriptions(agent: AgentSpec, conversation: ConversationRef, invoker: Invoker) -> bool:
    """Whether the agent may be told of tools of others here: what their servers say of them is anybody's words."""
    return any(
        grant.tool.startswith(f"{MCP}-")
        and invoker in grant.invokers
        and any(_is_there(place, conversation) for place in grant.places)
        for grant in agent.grants
    )


def _is_there(place: GrantPlace, conversation: ConversationRef) -> bool:
    match place.where:
        case Where.INSIDE:
            return not conversation.shared
        case Where.DIRECT:
            return not conversation.shared and conversation.place in (Place.DIRECT, Place.GROUP)
        case Where.CHANNEL:
            return bool(place.channel) and place.channel == conversation.channel
        case Where.SHARED:
            return conversation.shared


def hosts_of(agent: AgentSpec | None, tool: str, now: Situation) -> frozenset[str]:
    """The hosts that its grants of a tool name, as far as they hold here and now and nobody need agree; limits are not looked at."""
    free = (grant for grant in grants_of(agent, tool) if grant.approval is Approval.NEVER)
    return frozenset(
        _plain(host) for grant in free if not holds(grant, tool, Traits(), now) for host in grant.scope.hosts
    )


def freest(
    agent: AgentSpec | None, tool: str, traits: Traits, now: Situation, most: int
) -> tuple[ToolGrant | None, int]:
    """Of the grants that hold here and now and that nobody need agree to, the one with most uses left, and how many; `most` at most."""
    held = grants_of(agent, tool)
    free = [grant for grant in held if grant.approval.or_stricter(traits.approval) is Approval.NEVER]
    left = [(grant, _left(grant, now, most)) for grant in free if not holds(grant, tool, traits, now)]
    return max(left, key=lambda one: one[1], default=(None, 0))


def _left(grant: ToolGrant, now: Situation, most: int) -> int:
    used = now.uses.get(grant.id, Uses())
    limits = ((grant.per_run, used.run), (grant.per_day, used.day))
    return min(most, *(limit - so_far for limit, so_far in limits if limit), most)


def names_something(grant: ToolGrant) -> bool:
    """Whether the grant names what its tool wants named: an empty list allows nothing."""
    match scope_kind(grant.tool):
        case ScopeKind.CHANNELS:
            return bool(grant.scope.channels)
        case ScopeKind.AGENTS:
            return bool(grant.scope.agents)
        case _:
            return True


def in_scope(grant: ToolGrant, request: Request) -> Denied | None:
    """Why what the call would touch is not granted; None if it is."""
    target, name = request.target, short(request.tool)
    match scope_kind(request.tool):
        case ScopeKind.CHANNELS:
            if not target.channel or target.channel not in grant.scope.channels:
                return Denied(f"{name} is granted for other channels only.")
        case ScopeKind.AGENTS:
            if not target.agent or target.agent not in grant.scope.agents:
                return Denied(f"{name} is granted for other agents only.")
        case ScopeKind.HOSTS:
            if not target.host or not target.url:
                return Denied(f"{name} needs an address.")
            if host_granted(grant, target):
                if target.method.upper() not in grant.scope.methods:
                    return Denied(f"{name} may not {target.method.upper()} there.")
            elif target.method.upper() not in READING:
                return Denied(f"{name} may only read from hosts that were not granted.")
            elif not _usual(target):
                return Denied(f"{name} reads from hosts that were not granted by https only, on its usual port.")
        case ScopeKind.NONE:
            pass
    return None


def as_pinned(grant: ToolGrant, arguments: Mapping[str, Any]) -> Denied | None:
    """Why the arguments are not those that the grant is pinned to; None if they are."""
    for name, value in grant.pinned.items():
        given = arguments.get(name)
        told = given if isinstance(given, str) else json.dumps(given, sort_keys=True)
        if name not in arguments or told != value:
            return Denied(f"{short(grant.tool)} may only be used with {name} = {value}.")
    return None


def host_granted(grant: ToolGrant, target: Target) -> bool:
    """Whether the grant names the host of the target; where it is asked for in plain http, with the port."""
    plain = target.url.startswith("http://") and not _PORT.search(target.host)
    return not plain and target.host.lower() in map(_plain, grant.scope.hosts)


def _usual(target: Target) -> bool:
    """Whether the address is asked for by https on its usual port: a tool names a host with its port where it is not."""
    return target.url.startswith("https://") and not _PORT.search(target.host)


def _plain(host: str) -> str:
    """A host as a tool names it: without the port that https has anyway."""
    return host.lower().removesuffix(":443")


def scope_kind(tool: str) -> ScopeKind:
    """What a grant of this tool must name."""
    kind = BY_NAME.get(tool)
    return kind.scope if kind else ScopeKind.NONE


def short(tool: str) -> str:
    """A name that a model may have made up, fit to be shown."""
    plain = "".join(sign for sign in tool if sign.isascii() and (sign.isalnum() or sign in "_-"))
    return plain[:64] or "that"


def _called(invoker: Invoker) -> str:
    return {
        Invoker.GUEST: "guests",
        Invoker.EXTERNAL: "people from outside",
        Invoker.BOT: "other apps",
        Invoker.SCHEDULED: "a schedule",
    }.get(invoker, f"{invoker.value}s")


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
