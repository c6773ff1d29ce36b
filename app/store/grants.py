"""Grants as an agent's row keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.domain.grants import Approval, GrantPlace, Invoker, Scope, ToolGrant, Where
from app.domain.tool_kinds import new_grant


def kept(grant: ToolGrant) -> dict[str, Any]:
    """The grant as JSON."""
    scope = grant.scope
    return {
        "tool": grant.tool,
        "pinned": dict(grant.pinned),
        "approval": grant.approval.value,
        "id": grant.id,
        "scope": {
            "hosts": list(scope.hosts),
            "methods": list(scope.methods),
            "channels": list(scope.channels),
            "agents": list(scope.agents),
            "schema": scope.schema,
        },
        "places": [{"where": place.where.value, "channel": place.channel} for place in grant.places],
        "invokers": [invoker.value for invoker in grant.invokers],
        "per_run": grant.per_run,
        "per_day": grant.per_day,
        "expires": grant.expires.isoformat() if grant.expires else "",
        "granted_by": grant.granted_by,
    }


def grant(row: Mapping[str, Any], otherwise: str) -> ToolGrant:
    """The grant again. Rows of before grants had places and people have neither, nor an id: they get `otherwise`."""
    first = new_grant(row["tool"])
    scope = row.get("scope", {})
    return ToolGrant(
        tool=row["tool"],
        pinned=dict(row["pinned"]),
        approval=Approval(row["approval"]),
        id=row.get("id") or otherwise,
        scope=Scope(
            hosts=tuple(scope.get("hosts", ())),
            methods=tuple(scope.get("methods", first.scope.methods)),
            channels=tuple(scope.get("channels", ())),
            agents=tuple(scope.get("agents", ())),
            schema=scope.get("schema", ""),
        ),
        places=tuple(GrantPlace(Where(place["where"]), place["channel"]) for place in row["places"])
        if "places" in row
        else first.places,
        invokers=tuple(Invoker(invoker) for invoker in row["invokers"]) if "invokers" in row else first.invokers,
        per_run=row.get("per_run", 0),
        per_day=row.get("per_day", 0),
        expires=datetime.fromisoformat(row["expires"]) if row.get("expires") else None,
        granted_by=row.get("granted_by", ""),
    )
