"""Receipts as a file for one person, through the chat: privately, or not at all."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping

import structlog

from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.run import MadeFile
from app.errors import PlatformError
from app.ports.platform import ChatPlatform
from app.services.exports import Exports, Span
from app.services.notices import Notices
from app.services.screens import exported as screens
from app.store.unit_of_work import Database

log = structlog.get_logger(__name__)

LARGEST = 8 * 1024 * 1024
"""Bytes of a file that goes through a chat, about 30,000 receipts; what is larger the operator exports."""


class ExportedFiles:
    """Whoever calls it has seen to it that the person may read what the span has."""

    def __init__(
        self,
        database: Database,
        platforms: Mapping[str, ChatPlatform],
        exports: Exports,
        notices: Notices,
        *,
        largest: int = LARGEST,
    ) -> None:
        self._largest = largest
        self._database = database
        self._platforms = platforms
        self._exports = exports
        self._notices = notices

    async def send(self, user: UserRef, span: Span) -> None:
        """Make the file and hand it over; or say why not."""
        data = await self._made(span)
        if data is None:
            await self._notices.tell(user, screens.too_large(self._largest // 2**20, span.workspace))
            return
        about = {"from": f"{span.first_day}", "to": f"{span.last_day}", "whose": "own" if span.asker else "all"}
        async with self._database.begin() as uow:
            await uow.audit.append(AuditEntry(user.workspace, user.id, "usage.exported", user.workspace, about))
        name = f"latchkey-receipts-{span.first_day}-{span.last_day}.csv"
        file = MadeFile(name, "text/csv", base64.b64encode(data).decode())
        try:
            await self._platforms[user.workspace.partition(":")[0]].hand(user, file, screens.handed(span))
        except PlatformError as error:
            log.warning("an export was not delivered", workspace=user.workspace, user=user.id, error=error.code)
            await self._notices.tell(user, screens.not_sent(error.message))

    async def _made(self, span: Span) -> bytes | None:
        """The whole file; None where it grows too large."""
        made = bytearray()
        async for piece in self._exports.csv(span):
            made += piece.encode()
            if len(made) > self._largest:
                return None
            await asyncio.sleep(0)  # answers are being made in this process, too
        return bytes(made)
