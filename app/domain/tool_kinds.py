"""Every tool there is, as admins meet it: what it is called, what it does, what a grant of it must name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.grants import EVERYWHERE, Approval, Invoker, ToolGrant

MCP = "mcp"
"""Tools of MCP servers are called `mcp-<server>-<tool>`, which is their name for models too; see `app.domain.mcp`."""


class ScopeKind(StrEnum):
    """What a grant must name before a tool can be used."""

    NONE = "none"
    HOSTS = "hosts"  # optional: what an asker wrote or a search found may be visited without
    CHANNELS = "channels"
    AGENTS = "agents"


@dataclass(frozen=True, slots=True)
class ToolKind:
    """A tool of ours. `approval` is what a new grant begins with; `always` says whether an approval may be remembered.

    `admins` says that only admins may approve it; `harmless` that a new grant is for everybody, everywhere. `doing` is what people are shown
    while it works.
    """

    name: str
    title: str
    about: str
    scope: ScopeKind = ScopeKind.NONE
    approval: Approval = Approval.NEVER
    always: bool = True
    admins: bool = False
    harmless: bool = False
    doing: str = ""


TOOL_KINDS: tuple[ToolKind, ...] = (
    ToolKind(
        "current_time", "Current time", "tells the date and time anywhere", harmless=True, doing="Looking at the clock"
    ),
    ToolKind(
        "thread_history",
        "Thread history",
        "reads more of the thread it was asked in",
        harmless=True,
        doing="Reading the thread",
    ),
    ToolKind(
        "channel_history",
        "Channel history",
        "reads channels that the asker can read, too",
        ScopeKind.CHANNELS,
        doing="Reading",
    ),
    ToolKind("chat_search", "Search chat", "finds messages that the asker can read", doing="Searching messages"),
    ToolKind(
        "post_message",
        "Post messages",
        "posts to channels named here",
        ScopeKind.CHANNELS,
        Approval.ALWAYS,
        doing="Posting to",
    ),
    ToolKind(
        "http_fetch",
        "Read web pages",
        "reads pages that the asker named, a search found, or hosts named here",
        ScopeKind.HOSTS,
        doing="Reading",
    ),
    ToolKind(
        "web_search",
        "Search the web",
        "uses the search of its model's provider, where there is one",
        doing="Searching the web",
    ),
    ToolKind("run_code", "Run code", "runs Python, isolated, without network", always=False, doing="Running code"),
    ToolKind(
        "remember",
        "Remember",
        "keeps short notes for later, which people can list and delete",
        doing="Making a note",
    ),
    ToolKind("recall", "Recall", "looks its notes up", doing="Looking its notes up"),
    ToolKind(
        "propose_schedule",
        "Propose schedules",
        "proposes to do something regularly",
        approval=Approval.ALWAYS,
        always=False,
        admins=True,
        doing="Proposing a schedule",
    ),
    ToolKind(
        "ask_agent",
        "Ask other agents",
        "hands a question over to agents named here",
        ScopeKind.AGENTS,
        doing="Asking",
    ),
)

BY_NAME = {kind.name: kind for kind in TOOL_KINDS}


def new_grant(tool: str) -> ToolGrant:
    """What a grant of a tool begins with, before an admin says more; narrow, and allowing nothing where its scope is still to be named."""
    kind = BY_NAME.get(tool)
    if kind is None:
        return ToolGrant(tool, approval=Approval.ALWAYS)
    if kind.harmless:
        return ToolGrant(tool, places=EVERYWHERE, invokers=tuple(Invoker))
    return ToolGrant(tool, approval=kind.approval)
