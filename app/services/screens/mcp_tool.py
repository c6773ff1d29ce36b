"""One tool of a server by others, as that describes it: looked at, and switched on or off."""

from __future__ import annotations

from difflib import unified_diff

from app.domain.grants import Approval
from app.domain.mcp import McpServer, PinnedTool, arguments, full_name, size_shown
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

LARGEST_CHANGES = 5000

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
        if size_shown(changes) <= LARGEST_CHANGES:
            blocks += [Text(rich("This was taken away (-) and added (+):")), *_verbatim(changes)]
        else:
            blocks.append(Text(rich("So much has changed that it has to be read anew.")))
    blocks += [
        Text(rich("What its server says of it (nobody has checked that):")),
        *_verbatim(shown.description or "nothing"),
        *_verbatim(arguments(shown.schema)),
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
    return f"{tool.description}\n\nArguments:\n{arguments(tool.schema)}"


def _verbatim(text: str) -> tuple[Block, ...]:
    return tuple(Verbatim(text[at : at + PIECE]) for at in range(0, len(text), PIECE))
