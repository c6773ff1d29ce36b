"""One tool of a server by others, as that describes it: looked at, and switched on or off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import unified_diff
from typing import Any

from app.domain.grants import Approval
from app.domain.mcp import McpServer, PinnedTool, full_name
from app.domain.views import (
    Block,
    Bold,
    Checkbox,
    Code,
    Level,
    Note,
    Notice,
    Option,
    SelectInput,
    Text,
    Verbatim,
    View,
    rich,
)
from app.services.screens.words import many, notice

FORM = "mcp_tool_form"
LONGEST_SHOWN = 2800
CUT = "\n[… cut here: more than is shown]"
_APPROVALS = (
    Option(Approval.ALWAYS.value, "Ask before every call"),
    Option(Approval.FIRST_TIME.value, "Ask before the first call"),
    Option(Approval.NEVER.value, "Don't ask, unless a grant says so"),
)


def form(server: McpServer, tool: PinnedTool, now: PinnedTool | None) -> View:
    """A tool as its server describes it; `now` is how it does so if that is another way than admins saw."""
    shown = now or tool
    blocks: list[Block] = [
        Text(
            rich(Bold(tool.name), " of ", Bold(server.name), ", for agents ", Code(full_name(server.name, tool.name)))
        ),
    ]
    if now:
        blocks += [
            Notice(rich("It is not what it was when an admin looked at it last, so it is off. This has changed:"), Level.WARNING),
            Verbatim(_shortened(difference(tool, now))),
            Note(rich("Switching it on again lets agents that were granted it use it as it is now.")),
        ]  # fmt: skip
    blocks += [
        Text(rich("What its server says of it (nobody has checked that):")),
        Verbatim(_shortened(shown.description or "nothing")),
        Verbatim(_shortened(_arguments(shown.schema))),
        Checkbox("enabled", "On: agents may be granted it", checked=tool.enabled),
        Checkbox("read_only", "It only reads", checked=tool.read_only and not now, hint="Leave this off where a call changes or sends something."),
        SelectInput("approval", "Consent", _APPROVALS, tool.approval.value),
    ]  # fmt: skip
    return View(tuple(blocks), title="A tool", id=FORM, submit="Save", context=f"{server.id}/{tool.name}/{shown.hash}")


def difference(before: PinnedTool, after: PinnedTool) -> str:
    """Line by line what was taken away and added."""
    old, new = _whole(before).splitlines(), _whole(after).splitlines()
    return "\n".join(line for line in list(unified_diff(old, new, lineterm="", n=1))[2:] if not line.startswith("@@"))


def saved(server: McpServer, tool: PinnedTool, moved: int) -> View:
    """After a tool was switched on, off, or otherwise."""
    if not tool.usable:
        return notice(Level.SUCCESS, Bold(tool.name), f" of {server.name} is off.")
    grants = f" {many(moved, 'grant')} of it hold{'s' if moved == 1 else ''} again." if moved else ""
    name = full_name(server.name, tool.name)
    return View(
        blocks=(
            Notice(rich(Bold(tool.name), f" of {server.name} is on.{grants}"), Level.SUCCESS),
            Note(rich("Agents use it once they are granted ", Code(name), ".")),
        )
    )


def _whole(tool: PinnedTool) -> str:
    return f"{tool.description}\n\nArguments:\n{json.dumps(tool.schema, indent=1, sort_keys=True, ensure_ascii=False)}"


def _arguments(schema: Mapping[str, Any]) -> str:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return "It takes no arguments."
    lines = []
    for name, about in properties.items():
        told: Mapping[str, Any] = about if isinstance(about, Mapping) else {}
        kind, said = str(told.get("type", "anything")), " ".join(str(told.get("description", "")).split())
        lines.append(f"{name} ({kind}){': ' + said if said else ''}")
    return "\n".join(lines)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + CUT
