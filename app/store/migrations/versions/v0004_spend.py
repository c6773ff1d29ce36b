"""What spending needs: priced receipts and their sums, reservations, limits, parked questions, key rotation, fallbacks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "limit_requests",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("limit_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("asker", sa.String(length=255), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("raise_to", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=255), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_limit_requests"),
    )
    op.create_index("ix_limit_requests_workspace", "limit_requests", ["workspace"], unique=False)
    op.create_table(
        "limits",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("period", sa.String(length=8), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.String(length=255), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_limits"),
        sa.UniqueConstraint("workspace", "scope", "subject", "period", name="uq_limits_workspace_scope_subject_period"),
    )
    op.create_table(
        "limit_extras",
        sa.Column("limit_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["limit_id"], ["limits.id"], name="fk_limit_extras_limit_id_limits", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("limit_id", "subject", name="pk_limit_extras"),
    )
    op.create_table(
        "own_prices",
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("input", sa.BigInteger(), nullable=False),
        sa.Column("output", sa.BigInteger(), nullable=False),
        sa.Column("cached_read", sa.BigInteger(), nullable=True),
        sa.Column("cached_write", sa.BigInteger(), nullable=True),
        sa.Column("set_by", sa.String(length=255), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "provider", "model", name="pk_own_prices"),
    )
    op.create_table(
        "parked",
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("place", sa.String(length=16), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_parked"),
    )
    op.create_index("ix_parked_released_at", "parked", ["released_at"], unique=False)
    op.create_index("ix_parked_workspace_cause", "parked", ["workspace", "cause", "subject"], unique=False)
    op.create_table(
        "processes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_processes"),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=255), nullable=False),
        sa.Column("asker", sa.String(length=255), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("instead_of", sa.String(length=200), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("searches", sa.Integer(), nullable=False),
        sa.Column("process", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reservations"),
    )
    op.create_index("ix_reservations_process", "reservations", ["process"], unique=False)
    op.create_index("ix_reservations_workspace", "reservations", ["workspace"], unique=False)
    op.create_table(
        "spend_days",
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("unpriced", sa.Integer(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_read", sa.BigInteger(), nullable=False),
        sa.Column("cached_write", sa.BigInteger(), nullable=False),
        sa.Column("reasoning", sa.BigInteger(), nullable=False),
        sa.Column("searches", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "kind", "day", "subject", name="pk_spend_days"),
    )
    op.create_table(
        "told",
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("what", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "what", name="pk_told"),
    )
    op.create_index("ix_told_at", "told", ["at"], unique=False)
    op.create_table(
        "spare_keys",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("which", sa.String(length=8), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("base_url", sa.String(length=500), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("data_key", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("set_by", sa.String(length=255), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rotated_by", sa.String(length=255), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["key_id"], ["provider_keys.id"], name="fk_spare_keys_key_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key_id", "which", name="pk_spare_keys"),
    )
    op.create_index("ix_spare_keys_keep_until", "spare_keys", ["keep_until"], unique=False)
    op.create_index("ix_spare_keys_next_try_at", "spare_keys", ["next_try_at"], unique=False)
    op.create_index("ix_spare_keys_workspace", "spare_keys", ["workspace"], unique=False)
    op.add_column("agents", sa.Column("fallbacks", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("agents", sa.Column("run_tokens", sa.Integer(), server_default="0", nullable=False))
    op.add_column("agents", sa.Column("run_cost", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("agents", sa.Column("run_seconds", sa.Integer(), server_default="0", nullable=False))
    op.add_column("provider_keys", sa.Column("problem", sa.String(length=64), server_default="", nullable=False))
    op.execute("UPDATE provider_keys SET next_check_at = set_at WHERE next_check_at IS NULL AND status != 'revoked'")
    op.add_column("provider_keys", sa.Column("expires_on", sa.Date(), nullable=True))
    op.add_column("provider_keys", sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("provider_keys", sa.Column("max_at_once", sa.Integer(), server_default="0", nullable=False))
    op.add_column("provider_keys", sa.Column("max_per_minute", sa.Integer(), server_default="0", nullable=False))
    op.add_column("provider_keys", sa.Column("next_call_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("receipts", sa.Column("channel", sa.String(length=255), server_default="", nullable=False))
    op.add_column("receipts", sa.Column("purpose", sa.String(length=16), server_default="answer", nullable=False))
    op.add_column("receipts", sa.Column("cost", sa.BigInteger(), nullable=True))
    op.add_column("receipts", sa.Column("estimated", sa.Boolean(), server_default="0", nullable=False))
    op.add_column("receipts", sa.Column("instead_of", sa.String(length=200), server_default="", nullable=False))
    op.drop_index("ix_receipts_workspace", table_name="receipts")
    op.create_index("ix_receipts_run_id", "receipts", ["run_id"], unique=False)
    op.create_index("ix_receipts_workspace_at", "receipts", ["workspace", "at", "id"], unique=False)
    op.create_index("ix_receipts_asker", "receipts", ["workspace", "asker", "at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_receipts_asker", table_name="receipts")
    op.drop_index("ix_receipts_workspace_at", table_name="receipts")
    op.drop_index("ix_receipts_run_id", table_name="receipts")
    op.create_index("ix_receipts_workspace", "receipts", ["workspace"], unique=False)
    op.drop_column("receipts", "instead_of")
    op.drop_column("receipts", "estimated")
    op.drop_column("receipts", "cost")
    op.drop_column("receipts", "purpose")
    op.drop_column("receipts", "channel")
    op.drop_column("provider_keys", "next_call_at")
    op.drop_column("provider_keys", "max_per_minute")
    op.drop_column("provider_keys", "max_at_once")
    op.drop_column("provider_keys", "paused_until")
    op.drop_column("provider_keys", "expires_on")
    op.drop_column("provider_keys", "problem")
    op.drop_column("agents", "run_seconds")
    op.drop_column("agents", "run_cost")
    op.drop_column("agents", "run_tokens")
    op.drop_column("agents", "fallbacks")
    op.drop_index("ix_spare_keys_workspace", table_name="spare_keys")
    op.drop_index("ix_spare_keys_next_try_at", table_name="spare_keys")
    op.drop_index("ix_spare_keys_keep_until", table_name="spare_keys")
    op.drop_table("spare_keys")
    op.drop_index("ix_told_at", table_name="told")
    op.drop_table("told")
    op.drop_table("spend_days")
    op.drop_index("ix_reservations_workspace", table_name="reservations")
    op.drop_index("ix_reservations_process", table_name="reservations")
    op.drop_table("reservations")
    op.drop_table("processes")
    op.drop_index("ix_parked_workspace_cause", table_name="parked")
    op.drop_index("ix_parked_released_at", table_name="parked")
    op.drop_table("parked")
    op.drop_table("own_prices")
    op.drop_table("limit_extras")
    op.drop_table("limits")
    op.drop_index("ix_limit_requests_workspace", table_name="limit_requests")
    op.drop_table("limit_requests")
