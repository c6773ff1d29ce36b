"""One tool of a server by others, as that describes it: looked at, and switched on or off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import unified_diff
from typing import Any

from app.domain.grants import Approval
from app.domain.mcp import LONGEST_SHOWN, McpServer, PinnedTool, full_name
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
PIECE = 2800
"""Characters of one block: what is longer stands in several."""

_PLAIN = frozenset({"type", "description", "title", "default"})
_TOP = frozenset({"type", "properties", "required", "title", "$schema", "additionalProperties"})
_APPROVALS = (
    Option(Approval.ALWAYS.value, "Ask before every call"),
    Option(Approval.FIRST_TIME.value, "Ask before the first call"),
    Option(Approval.NEVER.value, "Don't ask, unless a grant says so"),
)


def form(server: McpServer, tool: PinnedTool, now: PinnedTool | None) -> View:
    """A tool as its server describes it, all of it; `now` is how it does so if that is another way than admins saw."""
    shown = now or tool
    blocks: list[Block] = [
        Text(
            rich(Bold(tool.name), " of ", Bold(server.name), ", for agents ", Code(full_name(server.name, tool.name)))
        ),
    ]
    if not shown.can_be_shown:
        text = "What its server says of it is too long to be looked at, so it can't be switched on."
        return View((*blocks, Notice(rich(text), Level.WARNING)), title="A tool")
    if now:
        blocks.append(
            Notice(rich("It is not what it was when an admin looked at it last, so it is off."), Level.WARNING)
        )
        changes = difference(tool, now)
        if len(changes) <= LONGEST_SHOWN:
            blocks += [Text(rich("This was taken away (-) and added (+):")), *_verbatim(changes)]
    blocks += [
        Text(rich("What its server says of it (nobody has checked that):")),
        *_verbatim(shown.description or "nothing"),
        *_verbatim(_arguments(shown.schema)),
        Checkbox("enabled", "On: agents may be granted it", checked=tool.enabled and not now, hint="Agents that were granted it may use it again, as it is now." if now else ""),
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
    """In short where that says all of it, else exactly as it is: something to read must not hide in a corner of it."""
    properties = schema.get("properties", {})
    plain = set(schema) <= _TOP and isinstance(properties, Mapping)
    if not plain or not all(isinstance(about, Mapping) and set(about) <= _PLAIN for about in properties.values()):
        return json.dumps(schema, indent=1, ensure_ascii=False)
    required = schema.get("required", [])
    lines = [
        f"{name} ({', '.join(str(about[one]) for one in ('type', 'title') if one in about)})"
        f"{'' if name in required else ', optional'}"
        f"{': ' + str(about['description']) if 'description' in about else ''}"
        f"{', else ' + json.dumps(about['default'], ensure_ascii=False) if 'default' in about else ''}"
        for name, about in properties.items()
    ]
    return "\n".join(lines) or "It takes no arguments."


def _verbatim(text: str) -> tuple[Block, ...]:
    return tuple(Verbatim(text[at : at + PIECE]) for at in range(0, len(text), PIECE))
