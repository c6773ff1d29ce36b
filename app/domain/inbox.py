"""What came in and what became of it: the durable side of a conversation, without its content."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.audit import AuditEntry
from app.domain.run import RunState
from app.domain.secrets import SealedSecret


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event to be kept. Without a payload it is a tombstone: remembered by its ids, never answered.

    `shared` says that its channel is shared with people of other organisations. `audit` is written down with it, once.
    """

    workspace: str
    channel: str
    thread: str
    event_id: str
    message_id: str
    user: str
    payload: SealedSecret | None
    files: int = 0
    shared: bool = False
    audit: AuditEntry | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an Arrival. `fresh` is False for redeliveries and doubles; `awaits` says that a person is waited for in its conversation."""

    conversation: str
    fresh: bool
    awaits: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation's row. `forget_before` is the id of the message before which nothing is context any more."""

    id: str
    workspace: str
    channel: str
    thread: str
    generation: int
    agent_id: str = ""
    forget_before: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One event that an actor has taken up, and the run that answers it.

    `again` says that an earlier generation took it up and came to a bad end: it is explained, not tried once more.
    `first` says that this run took it up just now, so that nothing of an answer can be shown yet.
    """

    run: str
    inbox_id: int
    workspace: str
    conversation: str
    channel: str
    thread: str
    user: str
    message_id: str
    forget_before: str
    agent_id: str
    again: bool = False
    first: bool = True


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """An event that is still known by its ids (a day at most)."""

    inbox_id: int
    conversation: str
    user: str
    message_id: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as it is remembered: ids and how it ended. `shared` is its channel's, see Arrival."""

    id: str
    workspace: str
    conversation: str
    channel: str
    thread: str
    message_id: str
    asker: str
    agent_id: str
    state: RunState
    error: str = ""
    stop_requested: bool = False
    feedback: str = ""
    shared: bool = False
