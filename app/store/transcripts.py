"""What was said where the platform cannot be asked again: sealed, and for a time only."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.secrets import SealedSecret
from app.ports.clock import Clock
from app.store import tables

_TRANSCRIPTS, _CONVERSATIONS = tables.transcripts, tables.conversations


class TranscriptRows:
    """Sealed messages of conversations. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql

    async def add(self, workspace: str, conversation: str, message: str, sealed: SealedSecret) -> None:
        """Keep a message; kept twice, it is there once, as it was first."""
        await self._connection.execute(
            self._dialect.insert(_TRANSCRIPTS)
            .values(
                workspace=workspace,
                conversation_id=conversation,
                message_id=message,
                data_key=sealed.data_key,
                sealed=sealed.blob,
                kept_at=self._clock.now(),
            )
            .on_conflict_do_nothing()
        )

    async def newest(
        self, workspace: str, conversation: str, since: datetime, limit: int
    ) -> tuple[tuple[str, SealedSecret], ...]:
        """The newest messages that were kept after this moment, by their ids, oldest first."""
        rows = _TRANSCRIPTS.c
        found = await self._connection.execute(
            select(rows.message_id, rows.data_key, rows.sealed)
            .where(rows.workspace == workspace, rows.conversation_id == conversation, rows.kept_at > since)
            .order_by(rows.id.desc())
            .limit(limit)
        )
        return tuple((row.message_id, SealedSecret(row.data_key, row.sealed)) for row in reversed(found.all()))

    async def workspaces(self) -> tuple[str, ...]:
        """Who has anything kept."""
        found = await self._connection.execute(select(_TRANSCRIPTS.c.workspace).distinct())
        return tuple(found.scalars())

    async def forget_before(self, workspace: str, moment: datetime) -> None:
        """Erase what was kept up to this moment."""
        rows = _TRANSCRIPTS.c
        await self._connection.execute(delete(_TRANSCRIPTS).where(rows.workspace == workspace, rows.kept_at <= moment))

    async def forget_conversation(self, conversation: str) -> None:
        """Erase a conversation."""
        await self._connection.execute(delete(_TRANSCRIPTS).where(_TRANSCRIPTS.c.conversation_id == conversation))

    async def forget_message(self, workspace: str, channel: str, message: str) -> None:
        """Erase one message of a channel."""
        rows = _TRANSCRIPTS.c
        await self._connection.execute(
            delete(_TRANSCRIPTS).where(rows.message_id == message, rows.conversation_id.in_(_of(workspace, [channel])))
        )

    async def forget_channels(self, workspace: str, channels: Collection[str]) -> None:
        """Erase every conversation of these channels."""
        await self._connection.execute(
            delete(_TRANSCRIPTS).where(_TRANSCRIPTS.c.conversation_id.in_(_of(workspace, channels)))
        )

    async def forget_all(self, workspace: str) -> None:
        """Erase everything of a workspace."""
        await self._connection.execute(delete(_TRANSCRIPTS).where(_TRANSCRIPTS.c.workspace == workspace))


def _of(workspace: str, channels: Collection[str]) -> Select[tuple[str]]:
    """The conversations of these channels."""
    rows = _CONVERSATIONS.c
    return select(rows.id).where(rows.workspace == workspace, rows.channel.in_(channels))
