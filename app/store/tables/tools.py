"""What agents did, may do and wait for: uses, approvals, servers of tools, notes, schedules."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from app.store.tables.base import Id, Name, UtcDateTime, metadata

tool_uses = Table(  # each call of a tool that was let through: limits count these rows
    "tool_uses",
    metadata,
    Column("id", Name, primary_key=True),  # run and number of the call: decided twice, it is one use
    Column("workspace", Name, nullable=False),
    Column("agent_id", Id, nullable=False),
    Column("grant_id", Id, nullable=False),
    Column("tool", Name, nullable=False),
    Column("run_id", Id, nullable=False, index=True),
    Column("asker", Name, nullable=False),
    Column("begun", Boolean, nullable=False, default=False),  # what changes something is begun once, whatever crashes
    Column("at", UtcDateTime, nullable=False, index=True),
    Index("ix_tool_uses_workspace_grant_at", "workspace", "grant_id", "at"),
)

approvals = Table(  # what waits for a person, or did; what it is about is sealed, and gone once decided
    "approvals",
    metadata,
    Column("id", Name, primary_key=True),  # run and number of the call
    Column("workspace", Name, nullable=False),
    Column("run_id", Id, nullable=False, index=True),
    Column("conversation_id", Id, nullable=False, index=True),
    Column("agent_id", Id, nullable=False),
    Column("grant_id", Id, nullable=False),
    Column("tool", Name, nullable=False),
    Column("target", Name, nullable=False, default=""),  # see approvals.target_mark
    Column("digest", String(64), nullable=False),  # of the exact arguments
    Column("asker", Name, nullable=False),
    Column("approvers", String(16), nullable=False),  # asker | admins: who may decide
    Column("may_remember", Boolean, nullable=False, default=False),
    Column("state", String(16), nullable=False),  # pending | approved | denied | expired | cancelled
    Column("decided_by", Name, nullable=False, default=""),
    Column("channel", Name, nullable=False, default=""),  # where the card stands
    Column("message_id", Name, nullable=False, default=""),
    Column("data_key", Id, nullable=False, default=""),
    Column("sealed", LargeBinary),  # see approvals.Asked; NULL once decided
    Column("asked_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("decided_at", UtcDateTime),
    Index("ix_approvals_workspace_grant", "workspace", "grant_id", "target"),
)

mcp_servers = Table(
    "mcp_servers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False, index=True),
    Column("name", String(32), nullable=False),  # one lower-case word
    Column("url", String(500), nullable=False),
    Column("auth", String(16), nullable=False),  # none | bearer | oauth
    Column("personal", Boolean, nullable=False, default=False),  # each person signs in for themselves
    Column("client", JSON, nullable=False, default=dict),  # of OAuth: ids and addresses, no secret
    Column("paused", Boolean, nullable=False, default=False),
    Column("added_by", Name, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    UniqueConstraint("workspace", "name"),
)

mcp_tokens = Table(  # sealed: of a workspace for a server, or of one person
    "mcp_tokens",
    metadata,
    Column("server_id", Id, ForeignKey("mcp_servers.id", ondelete="CASCADE"), primary_key=True),
    Column("person", Name, primary_key=True),  # empty: the workspace's
    Column("workspace", Name, nullable=False, index=True),
    Column("data_key", Id, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    Column("expires_at", UtcDateTime),
    Column("kept_at", UtcDateTime, nullable=False),
)

mcp_sign_ins = Table(  # begun, not ended: single use, ten minutes
    "mcp_sign_ins",
    metadata,
    Column("state", String(64), primary_key=True),  # a hash of what the browser brings back
    Column("workspace", Name, nullable=False, index=True),
    Column("server_id", Id, ForeignKey("mcp_servers.id", ondelete="CASCADE"), nullable=False),
    Column("person", Name, nullable=False, default=""),  # for whom; empty: the workspace
    Column("begun_by", Name, nullable=False),
    Column("data_key", Id, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # the PKCE verifier and what goes with it
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

mcp_tools = Table(
    "mcp_tools",
    metadata,
    Column("server_id", Id, ForeignKey("mcp_servers.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Name, primary_key=True),
    Column("workspace", Name, nullable=False, index=True),
    Column("title", Name, nullable=False, default=""),
    Column("description", String, nullable=False, default=""),
    Column("schema", JSON, nullable=False),
    Column("hash", String(64), nullable=False),  # of name, description and schema as admins saw them
    Column("enabled", Boolean, nullable=False, default=False),
    Column("changed", Boolean, nullable=False, default=False),  # is not what admins saw any more: off until they look
    Column("read_only", Boolean, nullable=False, default=False),  # as admins say, whatever the server hints
    Column("approval", String(16), nullable=False),
)

notes = Table(  # what agents remember: sealed
    "notes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("agent_id", Id, nullable=False),
    Column("about", Name, nullable=False, default=""),  # whom it is of: a user's id; empty: everybody's
    Column("data_key", Id, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("kept_by", Name, nullable=False),
    Column("run_id", Id, nullable=False, default=""),
    Column("kept_at", UtcDateTime, nullable=False),
    Index("ix_notes_workspace_agent", "workspace", "agent_id", "kept_at"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False, index=True),
    Column("agent_id", Id, nullable=False),
    Column("channel", Name, nullable=False),
    Column("cron", String(100), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("data_key", Id, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # what is to be done: typed by a person, still content
    Column("paused", Boolean, nullable=False, default=False),
    Column("created_by", Name, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, index=True),
    Column("last_at", UtcDateTime),
    Column("last_outcome", String(64), nullable=False, default=""),  # a code of app.errors; empty: well
    Column("running", Boolean, nullable=False, default=False),  # the last one is not known to have ended
)
