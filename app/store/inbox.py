"""Conversations and what came in."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from app.ports.clock import Clock


class InboxRows:
    """Conversations and what came in. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
