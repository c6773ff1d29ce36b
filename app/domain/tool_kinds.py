"""Every tool there is, as admins meet it: what it is called, what it does, what a grant of it must name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.grants import Approval

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
    """A tool of ours. `approval` is what a new grant begins with; `always` says whether an approval may be remembered."""

    name: str
    title: str
    about: str
    scope: ScopeKind = ScopeKind.NONE
    approval: Approval = Approval.NEVER
    always: bool = True


TOOL_KINDS: tuple[ToolKind, ...] = (
    ToolKind("current_time", "Current time", "tells the date and time anywhere"),
    ToolKind("thread_history", "Thread history", "reads more of the thread it was asked in"),
    ToolKind("channel_history", "Channel history", "reads channels that the asker can read, too", ScopeKind.CHANNELS),
    ToolKind("chat_search", "Search chat", "finds messages that the asker can read"),
    ToolKind("post_message", "Post messages", "posts to channels named here", ScopeKind.CHANNELS, Approval.ALWAYS),
    ToolKind(
        "http_fetch",
        "Read web pages",
        "reads pages that the asker named, a search found, or hosts named here",
        ScopeKind.HOSTS,
    ),
    ToolKind("web_search", "Search the web", "uses the search of its model's provider, where there is one"),
    ToolKind(
        "run_code", "Run code", "runs Python, isolated, without network", ScopeKind.NONE, Approval.NEVER, always=False
    ),
    ToolKind("remember", "Remember", "keeps short notes for later, which people can list and delete"),
    ToolKind("recall", "Recall", "looks its notes up"),
    ToolKind(
        "propose_schedule",
        "Propose schedules",
        "proposes to do something regularly",
        ScopeKind.NONE,
        Approval.ALWAYS,
        always=False,
    ),
    ToolKind("ask_agent", "Ask other agents", "hands a question over to agents named here", ScopeKind.AGENTS),
)

BY_NAME = {kind.name: kind for kind in TOOL_KINDS}
