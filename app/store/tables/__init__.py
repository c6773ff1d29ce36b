"""The rows, on SQLite and PostgreSQL alike. A row never leaves `app/store`; content and secrets stand here sealed only."""

from __future__ import annotations

from app.store.tables.base import Id, Name, UtcDateTime, metadata
from app.store.tables.core import (
    admins,
    agents,
    audit,
    channel_agents,
    conversation_references,
    conversations,
    data_keys,
    inbox,
    key_checks,
    provider_keys,
    receipts,
    reply_parts,
    runs,
    transcripts,
    workspaces,
)
from app.store.tables.tools import (
    approvals,
    mcp_servers,
    mcp_sign_ins,
    mcp_tokens,
    mcp_tools,
    notes,
    schedules,
    tool_uses,
)

__all__ = [
    "Id",
    "Name",
    "UtcDateTime",
    "admins",
    "agents",
    "approvals",
    "audit",
    "channel_agents",
    "conversation_references",
    "conversations",
    "data_keys",
    "inbox",
    "key_checks",
    "mcp_servers",
    "mcp_sign_ins",
    "mcp_tokens",
    "mcp_tools",
    "metadata",
    "notes",
    "provider_keys",
    "receipts",
    "reply_parts",
    "runs",
    "schedules",
    "tool_uses",
    "transcripts",
    "workspaces",
]
