"""Workspaces, their keys and agents, what they were asked and what paid for the answer."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from app.store.tables.base import Id, Money, Name, UtcDateTime, metadata

key_checks = Table(  # a sealed constant per master key: a wrong key stops start-up instead of opening nothing later
    "key_checks",
    metadata,
    Column("wrapper", Name, primary_key=True),
    Column("blob", LargeBinary, nullable=False),
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False, index=True),
    Column("wrapper", Name, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Name, primary_key=True),  # platform:tenant
    Column("name", Name, nullable=False, default=""),
    Column("settings", JSON, nullable=False, default=dict),  # see app.services.workspaces
    Column("created_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
)

admins = Table(
    "admins",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("user", Name, primary_key=True),
    Column("added_by", Name, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
)

provider_keys = Table(
    "provider_keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False, index=True),
    Column("provider", String(32), nullable=False),
    Column("label", Name, nullable=False),
    Column("base_url", String(500), nullable=False, default=""),
    Column("origin", String(300), nullable=False),  # in the associated data: a row pointed elsewhere does not open
    Column("last_four", String(4), nullable=False),
    Column("fingerprint", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("is_default", Boolean, nullable=False, default=False),
    Column("data_key", Id, nullable=False, default=""),
    Column("sealed", LargeBinary),  # NULL once revoked: shredded
    Column("set_by", Name, nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
    Column("checked_at", UtcDateTime),
    Column("next_check_at", UtcDateTime, index=True),
    Column("problem", String(64), nullable=False, default="", server_default=""),  # a code: why its last check failed
    Column("expires_on", Date),  # as an admin noted it
    Column("paused_until", UtcDateTime),  # its provider asked for patience
    Column("max_at_once", Integer, nullable=False, default=0, server_default="0"),  # calls; 0: no cap
    Column("max_per_minute", Integer, nullable=False, default=0, server_default="0"),
    Column("next_call_at", UtcDateTime),  # by the cap per minute
    UniqueConstraint("workspace", "provider", "label"),
)

agents = Table(
    "agents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False, index=True),
    Column("name", String(32), nullable=False),
    Column("emoji", String(16), nullable=False, default=""),
    Column("description", String(300), nullable=False, default=""),
    Column("instructions", String, nullable=False, default=""),
    Column("provider", String(32), nullable=False, default=""),
    Column("model", String(200), nullable=False, default=""),
    Column("key_id", Id, nullable=False, default=""),
    Column("effort", String(16), nullable=False, default=""),
    Column("max_output_tokens", Integer, nullable=False),
    Column("max_steps", Integer, nullable=False),
    Column("channels", JSON, nullable=False, default=list),
    Column("grants", JSON, nullable=False, default=list),
    Column("share_names", Boolean, nullable=False, default=False),
    Column("paused", Boolean, nullable=False, default=False),
    Column("is_default", Boolean, nullable=False, default=False),
    Column("fallbacks", JSON, nullable=False, default=list, server_default="[]"),  # who stands in, in this order
    Column("run_tokens", Integer, nullable=False, default=0, server_default="0"),  # at most, of one answer; 0: no limit
    Column("run_cost", Money, nullable=False, default=0, server_default="0"),
    Column("run_seconds", Integer, nullable=False, default=0, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("workspace", "name"),
)

channel_agents = Table(  # the default agent of a channel
    "channel_agents",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("channel", Name, primary_key=True),
    Column("agent_id", Id, ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False, index=True),
    Column("channel", Name, nullable=False),
    Column("thread", Name, nullable=False),
    Column("generation", Integer, nullable=False, default=0),
    Column("shared", Boolean, nullable=False, default=False),  # with other organisations, as was last told
    Column("agent_id", Id, nullable=False, default=""),  # who answers here; empty until somebody does
    Column("taint", JSON, nullable=False, default=dict, server_default="{}"),  # of what its runs have read: a Taint
    Column("forget_before", Name, nullable=False, default=""),  # message id: older messages are not context any more
    Column("created_at", UtcDateTime, nullable=False),
    Column("active_at", UtcDateTime, nullable=False, index=True),
    UniqueConstraint("workspace", "channel", "thread"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),  # the order of a conversation
    Column("workspace", Name, nullable=False),
    Column("event_id", Name, nullable=False),
    Column("channel", Name, nullable=False),
    Column("message_id", Name, nullable=False),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("user", Name, nullable=False),
    Column("state", String(16), nullable=False),  # pending | running | done
    Column("files", Integer, nullable=False, default=0),
    Column("data_key", Id, nullable=False, default=""),
    Column("payload", LargeBinary),  # sealed Mention; NULL once erased: the row is then a tombstone of ids
    Column("run_id", Id, nullable=False, default=""),
    Column("received_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    UniqueConstraint("workspace", "event_id"),
    UniqueConstraint("workspace", "channel", "message_id"),
    Index("ix_inbox_conversation_state", "conversation_id", "state", "id"),
    Index("ix_inbox_state_received", "state", "received_at"),
    sqlite_autoincrement=True,
)

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False, index=True),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("inbox_id", Integer, nullable=False, index=True),
    Column("channel", Name, nullable=False),
    Column("message_id", Name, nullable=False),
    Column("asker", Name, nullable=False),
    Column("agent_id", Id, nullable=False, default=""),
    Column("state", String(16), nullable=False),  # RunState
    Column("error", String(64), nullable=False, default=""),  # a code of app.errors
    Column("stop_requested", Boolean, nullable=False, default=False),
    Column("retry_of", Id, nullable=False, default=""),
    Column("feedback", String(8), nullable=False, default=""),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index("ix_runs_state_finished", "state", "finished_at"),
)

reply_parts = Table(
    "reply_parts",
    metadata,
    Column("run_id", Id, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("channel", Name, nullable=False),
    Column("message_id", Name, nullable=False),
    Column("streamed", Boolean, nullable=False, default=False),
)

transcripts = (
    Table(  # what was said where the platform keeps no history: sealed, erased by the workspace's time to live
        "transcripts",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=True),  # the order of a conversation
        Column("workspace", Name, nullable=False),
        Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
        Column("message_id", Name, nullable=False),  # the platform's, or the run of an answer
        Column("data_key", Id, nullable=False),
        Column("sealed", LargeBinary, nullable=False),  # a HistoryMessage
        Column("kept_at", UtcDateTime, nullable=False),
        UniqueConstraint("conversation_id", "message_id"),
        Index("ix_transcripts_workspace_kept_at", "workspace", "kept_at"),
    )
)

conversation_references = Table(  # what an adapter needs to write to somebody unasked: ids and addresses
    "conversation_references",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("key", String(512), primary_key=True),  # the adapter's own
    Column("body", JSON, nullable=False),
    Column("kept_at", UtcDateTime, nullable=False),
)

audit = Table(  # append-only: triggers refuse update and delete; a hash chain per workspace
    "audit",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Name, nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", Name, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the canonical JSON that was hashed
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
