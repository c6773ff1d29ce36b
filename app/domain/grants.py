"""What an agent may do: a grant is one tool, where, for whom, on what, how often, until when, and whether a person must agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Approval(StrEnum):
    """When a person must agree to a tool call."""

    NEVER = "never"
    FIRST_TIME = "first_time"  # once for each target (channel, host, …) of a grant
    ALWAYS = "always"

    def or_stricter(self, other: Approval) -> Approval:
        """The stricter of the two."""
        order = (Approval.NEVER, Approval.FIRST_TIME, Approval.ALWAYS)
        return max(self, other, key=order.index)


class Invoker(StrEnum):
    """On whose behalf an agent acts; who can't be resolved is EXTERNAL."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"
    EXTERNAL = "external"
    BOT = "bot"
    SCHEDULED = "scheduled"

    @property
    def attended(self) -> bool:
        """Whether a person waits for the answer, who could be asked."""
        return self not in (Invoker.BOT, Invoker.SCHEDULED)


COLLEAGUES = (Invoker.OWNER, Invoker.ADMIN, Invoker.MEMBER)


class Where(StrEnum):
    """The kind of place a grant holds in."""

    INSIDE = "inside"  # every conversation within the workspace; not where other organisations read along
    DIRECT = "direct"  # direct and group messages with the agent
    CHANNEL = "channel"  # one channel, by its id, shared or not
    SHARED = "shared"  # channels shared with other organisations


@dataclass(frozen=True, slots=True)
class GrantPlace:
    """Where a grant holds. `channel` is an id, for `Where.CHANNEL` only."""

    where: Where
    channel: str = ""


EVERYWHERE = (GrantPlace(Where.INSIDE), GrantPlace(Where.DIRECT), GrantPlace(Where.SHARED))


@dataclass(frozen=True, slots=True)
class Scope:
    """On what a tool may be used. Each is exact, no patterns; what a tool has no use for stays empty.

    Where a tool wants one (see ToolKind.scope) and it is empty, nothing is allowed. `schema` is the hash that an MCP tool is pinned to.
    """

    hosts: tuple[str, ...] = ()  # `example.com`, `example.com:8443`
    methods: tuple[str, ...] = ("GET",)
    channels: tuple[str, ...] = ()  # ids
    agents: tuple[str, ...] = ()  # ids
    schema: str = ""


@dataclass(frozen=True, slots=True)
class ToolGrant:
    """One tool that an agent may use. `pinned` arguments must be exactly these when it is called; a limit of 0 is none.

    An agent may hold several grants of one tool; one that fits is enough.
    """

    tool: str
    pinned: Mapping[str, str] = field(default_factory=dict)
    approval: Approval = Approval.NEVER
    id: str = ""
    scope: Scope = Scope()
    places: tuple[GrantPlace, ...] = (GrantPlace(Where.INSIDE), GrantPlace(Where.DIRECT))
    invokers: tuple[Invoker, ...] = COLLEAGUES
    per_run: int = 0
    per_day: int = 0
    expires: datetime | None = None
    granted_by: str = ""


_OFF = "+"


def offshoot(grant: str, number: str) -> str:
    """The id of a grant that came of this one ("Always"): what is used of either counts against the limits of both."""
    return f"{family(grant)}{_OFF}{number}"


def family(grant: str) -> str:
    """What the ids of a grant and of those that came of it have in common, and no other's has."""
    return grant.partition(_OFF)[0]


@dataclass(frozen=True, slots=True)
class Granted:
    """Allowed."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Not allowed, and why, in words that may be shown."""

    reason: str


Decision = Granted | Denied


@dataclass(frozen=True, slots=True)
class Traits:
    """What a tool does to the world and to a run, as its author says it; no model has a word in it."""

    reads_private: bool = False  # P: what not everybody on the internet could read
    reads_untrusted: bool = False  # U: what somebody outside may have written
    outward: bool = False  # X: something leaves the conversation
    changes: bool = False  # memory, schedules, grants: never after something untrusted was read
    parallel: bool = False  # changes nothing: calls of one turn may run beside each other
    interpreter: bool = False  # runs code: no approval of it is ever remembered
    pin: str = ""  # the hash of what somebody else says it is (MCP); a grant's `Scope.schema` must be this
    approval: Approval = Approval.NEVER  # the least that admins ask for it, whatever a grant says


@dataclass(frozen=True, slots=True)
class Target:
    """What one call would touch, told from its parsed arguments. `url` is what a GET would give away in its address.

    `called` is what people know it by, where that is not an id that others have a name for.
    """

    host: str = ""
    method: str = ""
    url: str = ""
    channel: str = ""
    agent: str = ""
    called: str = ""

    @property
    def words(self) -> str:
        """The one thing a person would name it by; empty where there is none."""
        return self.channel or self.host or self.agent


@dataclass(frozen=True, slots=True)
class Taint:
    """What a run has read so far; flags only go up. `channels` are those whose words it has seen (ids; its own is not among them)."""

    private: bool = False
    untrusted: bool = False
    channels: tuple[str, ...] = ()

    def __or__(self, other: Taint) -> Taint:
        return Taint(
            self.private or other.private,
            self.untrusted or other.untrusted,
            tuple(dict.fromkeys((*self.channels, *other.channels))),
        )


CLEAN = Taint()
"""Nothing was read yet."""


def digest(tool: str, arguments: Mapping[str, Any]) -> str:
    """SHA-256 of a call's exact arguments, however they were written down; equal only for equal calls."""
    canonical = json.dumps([tool, dict(arguments)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
