"""What agents do regularly: asked by nobody at that moment, on behalf of the admin who set it up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

_MARK = "schedule:"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One agent, one channel, and when. What is to be done is content: it stands sealed beside this and is told by its service.

    `next_at` is when it is due next (None while it is paused), `last_at` when it was last, `last_outcome` how that ended: empty for well,
    else a code of `app.errors`. While `running`, the last one is not known to have ended.
    """

    id: str
    workspace: str
    agent_id: str
    channel: str
    cron: str
    time_zone: str
    created_by: str
    created_at: datetime
    paused: bool = False
    next_at: datetime | None = None
    last_at: datetime | None = None
    last_outcome: str = ""
    running: bool = False


def occurrence(schedule: str, due: datetime) -> str:
    """The one name of what is due then: whoever starts it, and however often it is tried, it is the same event."""
    return f"{_MARK}{schedule}:{due.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def has_no_thread(thread: str) -> bool:
    """Whether a conversation that a schedule began stands nowhere in the chat yet."""
    return thread.startswith(_MARK)


def schedule_of(message_id: str) -> str:
    """The schedule that an event is an occurrence of; empty for what people said."""
    return message_id.removeprefix(_MARK).partition(":")[0] if message_id.startswith(_MARK) else ""
