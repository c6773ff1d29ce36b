"""Agents, and which channel has which."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from app.ports.clock import Clock


class AgentRows:
    """Agents, and which channel has which. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
