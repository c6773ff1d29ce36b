"""What is being spent, what was spent, and what may be. Money is kept in billionths of a dollar, as a whole number."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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

receipts = Table(  # each call of a provider: which key, provider and model, how many tokens, what it cost
    "receipts",
    metadata,
    Column("id", Id, primary_key=True),  # of the reservation that it ends: written twice it is one row
    Column("workspace", Name, nullable=False),
    Column("run_id", Id, nullable=False),
    Column("agent_id", Id, nullable=False),
    Column("conversation_id", Id, nullable=False),
    Column("channel", Name, nullable=False, default="", server_default=""),
    Column("asker", Name, nullable=False),
    Column("purpose", String(16), nullable=False, default="answer", server_default="answer"),
    Column("key_id", Id, nullable=False),
    Column("fingerprint", String(32), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("model", String(200), nullable=False),
    Column("origin", String(300), nullable=False, default=""),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cached_read", Integer, nullable=False),
    Column("cached_write", Integer, nullable=False),
    Column("reasoning", Integer, nullable=False),
    Column("searches", Integer, nullable=False, default=0, server_default="0"),  # of the web, by the provider
    Column("cost", Money),  # NULL: the price is not known
    Column("estimated", Boolean, nullable=False, default=False, server_default="0"),  # the provider never told
    Column("instead_of", String(200), nullable=False, default="", server_default=""),
    Column("outcome", String(64), nullable=False, default=""),  # empty, or a code of app.errors
    Column("at", UtcDateTime, nullable=False, index=True),
    Index("ix_receipts_workspace_at", "workspace", "at", "id"),
    Index("ix_receipts_asker", "workspace", "asker", "at", "id"),
    Index("ix_receipts_run_id", "run_id"),
)

reservations = Table(  # calls that are being made
    "reservations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False, index=True),
    Column("run_id", Id, nullable=False),
    Column("agent_id", Id, nullable=False),
    Column("conversation_id", Id, nullable=False),
    Column("channel", Name, nullable=False),
    Column("asker", Name, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("key_id", Id, nullable=False),
    Column("fingerprint", String(32), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("model", String(200), nullable=False),
    Column("origin", String(300), nullable=False, default=""),
    Column("instead_of", String(200), nullable=False, default=""),
    Column("amount", Money),  # NULL: the price is not known
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("searches", Integer, nullable=False, default=0),
    Column("process", Id, nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
)

processes = Table(  # who makes calls; who is not seen for a while is gone, and its calls were cut
    "processes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
)

spend_days = Table(  # receipts summed up as they are written, in the workspace's days
    "spend_days",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("kind", String(8), primary_key=True),  # all | agent | user | channel | model | key | asked
    Column("day", String(10), primary_key=True),
    Column("subject", Name, primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("unpriced", Integer, nullable=False),  # calls whose price is not known
    Column("cost", Money, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_read", BigInteger, nullable=False),
    Column("cached_write", BigInteger, nullable=False),
    Column("reasoning", BigInteger, nullable=False),
    Column("searches", BigInteger, nullable=False),
)

own_prices = Table(  # dollars for a million tokens, as an admin entered them
    "own_prices",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("provider", String(32), primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("input", Money, nullable=False),
    Column("output", Money, nullable=False),
    Column("cached_read", Money),
    Column("cached_write", Money),
    Column("set_by", Name, nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
)

limits = Table(
    "limits",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("scope", String(16), nullable=False),
    Column("subject", Name, nullable=False, default=""),
    Column("period", String(8), nullable=False),
    Column("amount", Money, nullable=False),
    Column("set_by", Name, nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
    UniqueConstraint("workspace", "scope", "subject", "period"),
)

limit_extras = Table(  # granted on top for one period; of a limit for each, to one subject only
    "limit_extras",
    metadata,
    Column("limit_id", Id, ForeignKey("limits.id", ondelete="CASCADE"), primary_key=True),
    Column("subject", Name, primary_key=True),
    Column("period", String(10), nullable=False),
    Column("amount", Money, nullable=False),
)

limit_requests = Table(  # "Ask for more"
    "limit_requests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False, index=True),
    Column("limit_id", Id, nullable=False),
    Column("subject", Name, nullable=False, default=""),
    Column("run_id", Id, nullable=False, default=""),
    Column("asker", Name, nullable=False),
    Column("amount", Money, nullable=False),  # on top, for this period
    Column("raise_to", Money, nullable=False),  # or for good
    Column("state", String(16), nullable=False),  # pending | granted | raised | refused
    Column("decided_by", Name, nullable=False, default=""),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
)

parked = Table(  # questions that wait for an admin to put something right, and are then asked again
    "parked",
    metadata,
    Column("run_id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("cause", String(16), nullable=False),  # key | limit | price
    Column("subject", Name, nullable=False, default=""),  # the key, the limit, provider/model; empty: any
    Column("place", String(16), nullable=False),  # of the conversation: what may be done there depends on it
    Column("released_at", UtcDateTime),  # may be asked again now
    Column("asked_at", UtcDateTime),  # is being asked again
    Column("parked_at", UtcDateTime, nullable=False),
    Index("ix_parked_workspace_cause", "workspace", "cause", "subject"),
    Index("ix_parked_released_at", "released_at"),
)

told = Table(  # what people are told of once
    "told",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("what", Name, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
)

spare_keys = Table(  # beside a key: the one that is to take its place, and the one before it, kept for undoing
    "spare_keys",
    metadata,
    Column("key_id", Id, ForeignKey("provider_keys.id", ondelete="CASCADE"), primary_key=True),
    Column("which", String(8), primary_key=True),  # next | previous
    Column("workspace", Name, nullable=False, index=True),
    Column("version", Integer, nullable=False),  # that it is sealed as
    Column("base_url", String(500), nullable=False, default=""),
    Column("origin", String(300), nullable=False),
    Column("last_four", String(4), nullable=False),
    Column("fingerprint", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("expires_on", Date),
    Column("data_key", Id, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("set_by", Name, nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
    Column("rotated_by", Name, nullable=False),
    Column("hours", Integer, nullable=False),  # that the one before is kept
    Column("forced", Boolean, nullable=False, default=False),  # an admin wants it although models are kept from it
    Column("keep_until", UtcDateTime, nullable=False, index=True),
    Column("next_try_at", UtcDateTime, index=True),  # NULL: it waits for an admin's word, or for nothing
)
