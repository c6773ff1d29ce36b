"""What an admin or a file grants, checked before an agent gets it; ids are given here, and stay with what has not changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime

from app.domain.grants import ToolGrant, Where
from app.domain.key_shapes import KEY_LIKE
from app.domain.tool_kinds import BY_NAME, MCP
from app.errors import BadInput
from app.services.ids import new_id

MOST_GRANTS = 100
MOST_NAMED = 100
"""Hosts, channels, agents, places or pinned arguments of one grant."""

MOST_USES = 10_000
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LONGEST_VALUE = 500

_TOOL = re.compile(rf"{MCP}-[a-zA-Z0-9_-]{{1,60}}")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+(?::\d{1,5})?")


def check_grants(grants: Sequence[ToolGrant]) -> None:
    """Raises BadInput for what can't be granted: everything is named exactly, no patterns."""
    if len(grants) > MOST_GRANTS:
        raise BadInput(f"An agent has at most {MOST_GRANTS} grants.", field="tools")
    for grant in grants:
        try:
            check_grant(grant)
        except BadInput as error:
            raise BadInput(f"{grant.tool[:64]}: {error.message}", field="tools") from None


def kept(wanted: Sequence[ToolGrant], before: Sequence[ToolGrant], *, by: str, now: datetime) -> tuple[ToolGrant, ...]:
    """The grants that are wanted, with ids: what was granted in just this way before is the same grant, the rest is new and of `by`."""
    left = list(before)
    result: list[ToolGrant] = []
    for grant in wanted:
        same = [known for known in left if _content(known) == _content(grant)]
        known = next((known for known in same if known.id == grant.id), same[0] if same else None)
        if known:
            left.remove(known)
        result.append(known or replace(grant, id=new_id("grant", now), granted_by=by))
    return tuple(result)


def difference(before: Sequence[ToolGrant], after: Sequence[ToolGrant]) -> str:
    """Which tools were granted, taken back or granted otherwise, and in what, such as `+http_fetch -recall ~post_message(scope,per_day)`.

    Empty where nothing changed.
    """
    old, new = _by_tool(before), _by_tool(after)
    changed = [
        f"{'-' if tool not in new else '+' if tool not in old else '~'}{tool}{_parts(old.get(tool), new.get(tool))}"
        for tool in sorted({*old, *new})
        if old.get(tool) != new.get(tool)
    ]
    return " ".join(changed)[:4000]


def check_grant(grant: ToolGrant) -> None:
    """The same for one grant, without saying whose it is."""
    scope = grant.scope
    if grant.tool not in BY_NAME and not _TOOL.fullmatch(grant.tool):
        raise BadInput("there is no such tool.")
    named = (scope.hosts, scope.channels, scope.agents, grant.places, grant.invokers, grant.pinned)
    if any(len(names) > MOST_NAMED for names in named):
        raise BadInput(f"name at most {MOST_NAMED} of a kind.")
    for host in scope.hosts:
        if len(host) > 260 or not _HOST.fullmatch(host):
            raise BadInput("a host is written like example.com or example.com:8443, in small letters, without a star.")
    if not scope.methods or set(scope.methods) - set(METHODS):
        raise BadInput(f"methods are some of {', '.join(METHODS)}.")
    channels = (*scope.channels, *(place.channel for place in grant.places if place.where is Where.CHANNEL))
    for name in (*channels, *scope.agents):
        if not name or len(name) > 200 or not name.isprintable() or "*" in name:
            raise BadInput("channels and agents are named one by one.")
    if any(place.channel for place in grant.places if place.where is not Where.CHANNEL):
        raise BadInput("only a place that is a channel names one.")
    if len(scope.schema) > 64 or not (scope.schema.isalnum() or not scope.schema):
        raise BadInput("that is not a tool's hash.")
    if not (0 <= grant.per_run <= MOST_USES and 0 <= grant.per_day <= MOST_USES):
        raise BadInput(f"limits are from 0 (none) to {MOST_USES}.")
    _check_pinned(grant.pinned)


def _check_pinned(pinned: Mapping[str, str]) -> None:
    for name, value in pinned.items():
        if not name or len(name) > 64 or len(value) > LONGEST_VALUE or "\x00" in name + value:
            raise BadInput(f"a pinned argument has at most {LONGEST_VALUE} characters.")
        if KEY_LIKE.search(value):
            raise BadInput("there is what looks like a key in a pinned argument. Take it out, and revoke it.")


def _content(grant: ToolGrant) -> ToolGrant:
    return replace(grant, id="", granted_by="")


def _parts(old: list[ToolGrant] | None, new: list[ToolGrant] | None) -> str:
    """What of a tool's one grant is otherwise: names, never what stands there."""
    if not old or not new:
        return ""
    if len(old) != 1 or len(new) != 1:
        return f"({len(old)} to {len(new)})" if len(old) != len(new) else ""
    parts = [part.name for part in fields(ToolGrant) if getattr(old[0], part.name) != getattr(new[0], part.name)]
    return f"({','.join(parts)})"


def _by_tool(grants: Sequence[ToolGrant]) -> dict[str, list[ToolGrant]]:
    tools: dict[str, list[ToolGrant]] = {}
    for grant in grants:
        tools.setdefault(grant.tool, []).append(_content(grant))
    return tools
