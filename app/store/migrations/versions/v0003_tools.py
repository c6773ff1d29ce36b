"""What tools need: uses that limits count, approvals, MCP servers and their tools, notes, schedules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("receipts", sa.Column("searches", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("conversations", sa.Column("taint", sa.JSON(), nullable=False, server_default="{}"))
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("grant_id", sa.String(length=64), nullable=False),
        sa.Column("tool", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("asker", sa.String(length=255), nullable=False),
        sa.Column("approvers", sa.String(length=16), nullable=False),
        sa.Column("may_remember", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=255), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("data_key", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
    )
    op.create_index("ix_approvals_conversation_id", "approvals", ["conversation_id"], unique=False)
    op.create_index("ix_approvals_expires_at", "approvals", ["expires_at"], unique=False)
    op.create_index("ix_approvals_run_id", "approvals", ["run_id"], unique=False)
    op.create_index("ix_approvals_workspace_grant", "approvals", ["workspace", "grant_id", "target"], unique=False)
    op.create_table(
        "mcp_servers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("auth", sa.String(length=16), nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        sa.Column("client", sa.JSON(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.String(length=255), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mcp_servers"),
        sa.UniqueConstraint("workspace", "name", name="uq_mcp_servers_workspace_name"),
    )
    op.create_index("ix_mcp_servers_workspace", "mcp_servers", ["workspace"], unique=False)
    op.create_table(
        "notes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=255), nullable=False),
        sa.Column("data_key", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kept_by", sa.String(length=255), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )
    op.create_index("ix_notes_workspace_agent", "notes", ["workspace", "agent_id", "kept_at"], unique=False)
    op.create_table(
        "schedules",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=255), nullable=False),
        sa.Column("cron", sa.String(length=100), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("data_key", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_outcome", sa.String(length=64), nullable=False),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
    )
    op.create_index("ix_schedules_next_at", "schedules", ["next_at"], unique=False)
    op.create_index("ix_schedules_workspace", "schedules", ["workspace"], unique=False)
    op.create_table(
        "tool_uses",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("grant_id", sa.String(length=64), nullable=False),
        sa.Column("tool", sa.String(length=255), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("asker", sa.String(length=255), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tool_uses"),
    )
    op.create_index("ix_tool_uses_at", "tool_uses", ["at"], unique=False)
    op.create_index("ix_tool_uses_run_id", "tool_uses", ["run_id"], unique=False)
    op.create_index("ix_tool_uses_workspace_grant_at", "tool_uses", ["workspace", "grant_id", "at"], unique=False)
    op.create_table(
        "mcp_sign_ins",
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("server_id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("begun_by", sa.String(length=255), nullable=False),
        sa.Column("data_key", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["server_id"], ["mcp_servers.id"], name="fk_mcp_sign_ins_server_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("state", name="pk_mcp_sign_ins"),
    )
    op.create_index("ix_mcp_sign_ins_expires_at", "mcp_sign_ins", ["expires_at"], unique=False)
    op.create_index("ix_mcp_sign_ins_workspace", "mcp_sign_ins", ["workspace"], unique=False)
    op.create_table(
        "mcp_tokens",
        sa.Column("server_id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("data_key", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["server_id"], ["mcp_servers.id"], name="fk_mcp_tokens_server_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("server_id", "person", name="pk_mcp_tokens"),
    )
    op.create_index("ix_mcp_tokens_workspace", "mcp_tokens", ["workspace"], unique=False)
    op.create_table(
        "mcp_tools",
        sa.Column("server_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("schema", sa.JSON(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("approval", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["server_id"], ["mcp_servers.id"], name="fk_mcp_tools_server_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("server_id", "name", name="pk_mcp_tools"),
    )
    op.create_index("ix_mcp_tools_workspace", "mcp_tools", ["workspace"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_mcp_tools_workspace", table_name="mcp_tools")
    op.drop_table("mcp_tools")
    op.drop_index("ix_mcp_tokens_workspace", table_name="mcp_tokens")
    op.drop_table("mcp_tokens")
    op.drop_index("ix_mcp_sign_ins_workspace", table_name="mcp_sign_ins")
    op.drop_index("ix_mcp_sign_ins_expires_at", table_name="mcp_sign_ins")
    op.drop_table("mcp_sign_ins")
    op.drop_index("ix_tool_uses_workspace_grant_at", table_name="tool_uses")
    op.drop_index("ix_tool_uses_run_id", table_name="tool_uses")
    op.drop_index("ix_tool_uses_at", table_name="tool_uses")
    op.drop_table("tool_uses")
    op.drop_index("ix_schedules_workspace", table_name="schedules")
    op.drop_index("ix_schedules_next_at", table_name="schedules")
    op.drop_table("schedules")
    op.drop_index("ix_notes_workspace_agent", table_name="notes")
    op.drop_table("notes")
    op.drop_index("ix_mcp_servers_workspace", table_name="mcp_servers")
    op.drop_table("mcp_servers")
    op.drop_index("ix_approvals_workspace_grant", table_name="approvals")
    op.drop_index("ix_approvals_run_id", table_name="approvals")
    op.drop_index("ix_approvals_expires_at", table_name="approvals")
    op.drop_index("ix_approvals_conversation_id", table_name="approvals")
    op.drop_table("approvals")
    op.drop_column("conversations", "taint")
    op.drop_column("receipts", "searches")
