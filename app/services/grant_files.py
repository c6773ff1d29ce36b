"""Grants in a YAML file: all of what was granted, but not by whom, and no ids but those of channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from app.domain.grants import Approval, GrantPlace, Invoker, Scope, ToolGrant, Where
from app.domain.tool_kinds import new_grant
from app.errors import BadInput

FIELD = "tools"
T = TypeVar("T")
Choice = TypeVar("Choice", Approval, Invoker, Where)

_SCOPE = ("hosts", "methods", "channels", "agents")
_LIMITS = ("per_run", "per_day")
_KNOWN = frozenset({"tool", "pinned", "approval", "scope", "places", "invokers", *_LIMITS, "expires"})


def told(grant: ToolGrant, names: Mapping[str, str]) -> dict[str, Any]:
    """A grant as a file has it; `names` are those of the agents, by their ids."""
    scope: dict[str, Any] = {name: list(getattr(grant.scope, name)) for name in _SCOPE}
    scope["agents"] = [names.get(agent, agent) for agent in grant.scope.agents]
    scope["schema"] = grant.scope.schema
    return {
        "tool": grant.tool,
        "pinned": dict(grant.pinned),
        "approval": grant.approval.value,
        "scope": {name: value for name, value in scope.items() if value},
        "places": [f"{place.where.value} {place.channel}".strip() for place in grant.places],
        "invokers": [invoker.value for invoker in grant.invokers],
        **{name: getattr(grant, name) for name in _LIMITS},
        "expires": grant.expires.isoformat() if grant.expires else "",
    }


def parse(item: Any) -> ToolGrant:
    """A file's grant, agents by their names; what it leaves out is as in a new one. Raises BadInput."""
    if not isinstance(item, dict) or set(item) - _KNOWN:
        raise BadInput(f"each tool has some of: {', '.join(sorted(_KNOWN))}.", field=FIELD)
    grant = new_grant(_of(str, item.get("tool")))
    pinned = _of(dict, item.get("pinned", {}))
    return ToolGrant(
        tool=grant.tool,
        pinned={_of(str, key): _of(str, value) for key, value in pinned.items()},
        approval=_one_of(Approval, item["approval"]) if "approval" in item else grant.approval,
        scope=_scope(item["scope"]) if "scope" in item else grant.scope,
        places=tuple(map(_place, _of(list, item["places"]))) if "places" in item else grant.places,
        invokers=tuple(_one_of(Invoker, name) for name in _of(list, item["invokers"]))
        if "invokers" in item
        else grant.invokers,
        per_run=_number(item.get("per_run", 0)),
        per_day=_number(item.get("per_day", 0)),
        expires=_moment(item.get("expires", "")),
    )


def with_agents(grant: ToolGrant, ids: Mapping[str, str]) -> ToolGrant:
    """The grant with agents by their ids; a name that nobody has stays, and allows nothing."""
    return replace(grant, scope=replace(grant.scope, agents=tuple(ids.get(name, name) for name in grant.scope.agents)))


def _scope(item: Any) -> Scope:
    if not isinstance(item, dict) or set(item) - {*_SCOPE, "schema"}:
        raise BadInput(f"a scope has some of: {', '.join((*_SCOPE, 'schema'))}.", field=FIELD)
    lists = {name: tuple(_of(str, value) for value in _of(list, item[name])) for name in _SCOPE if name in item}
    return Scope(**lists, schema=_of(str, item.get("schema", "")))


def _place(item: Any) -> GrantPlace:
    where, _, channel = _of(str, item).partition(" ")
    return GrantPlace(_one_of(Where, where), channel.strip())


def _moment(item: Any) -> datetime | None:
    if item in ("", None):
        return None
    if isinstance(item, date) and not isinstance(item, datetime):
        item = datetime(item.year, item.month, item.day, tzinfo=UTC)
    try:
        moment = item if isinstance(item, datetime) else datetime.fromisoformat(_of(str, item))
    except ValueError:
        raise BadInput("write a moment like 2027-01-31T00:00:00+00:00.", field=FIELD) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(item: Any) -> int:
    if isinstance(item, bool):
        raise BadInput("this is not a number.", field=FIELD)
    return _of(int, item)


def _of(kind: type[T], value: Any) -> T:
    if not isinstance(value, kind):
        raise BadInput("this is not of the right kind.", field=FIELD)
    return value


def _one_of(kind: type[Choice], value: Any) -> Choice:
    try:
        return kind(value)
    except ValueError:
        raise BadInput(f"use one of {', '.join(kind)}.", field=FIELD) from None
