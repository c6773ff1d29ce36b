"""A message that grows while people watch: Teams' streaming, one request after the other. One-to-one chats only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from adapters.teams.connector import Connector
from adapters.teams.payload import Json
from adapters.teams.text import cut
from adapters.teams.where import Where

_INFORMED_AT_MOST = 900
_FINAL = "final"


class Stream:
    """Every piece holds all the text so far, numbered upwards. Raises PlatformError and its kin; nothing is tried twice.

    `gap`: seconds that Teams wants between two requests; its last word waits for them, the pieces' pace is the caller's.
    """

    def __init__(
        self,
        connector: Connector,
        place: Where,
        known: str = "",
        *,
        gap: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = known
        """The message's id; empty before the first request was answered."""
        self._connector = connector
        self._place = place
        self._now = monotonic
        self._began = monotonic()
        self._gap = gap
        self._free_at = 0.0
        self._number = 0

    @property
    def age(self) -> float:
        """Seconds since it began; Teams ends it after two minutes."""
        return self._now() - self._began

    async def inform(self, text: str) -> None:
        """Say what is being done; only before any text."""
        await self._piece("informative", cut(text, _INFORMED_AT_MOST))

    async def grow(self, text: str) -> None:
        """Show the text so far."""
        await self._piece("streaming", text)

    async def end(self, message: Json, *, patient: bool) -> None:
        """Make it an ordinary message, with all that belongs to it and the same id."""
        entities = [{"type": "streaminfo", "streamId": self.id, "streamType": _FINAL}, *message.get("entities", [])]
        await asyncio.sleep(max(self._free_at - self._now(), 0))
        await self._connector.send(self._place, message | {"entities": entities}, patient=patient)

    async def _piece(self, kind: str, text: str) -> None:
        self._number = self._number + 1 if self.id else 1  # what was held back by our own limits began nothing
        info: Json = {"type": "streaminfo", "streamType": kind, "streamSequence": self._number}
        info |= {"streamId": self.id} if self.id else {}
        piece: Json = {"type": "typing", "text": text, "entities": [info]}
        try:
            answered = await self._connector.send(self._place, piece, patient=False)
        finally:
            self._free_at = self._now() + self._gap
        self.id = self.id or answered
