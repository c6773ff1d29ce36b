"""Workspaces, their admins and settings."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from app.ports.clock import Clock


class WorkspaceRows:
    """Workspaces, their admins and settings. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
