"""Keys in places where they do not belong: recognised by their vendors' prefixes, and the workspace's own live keys by their fingerprints.

What can't be recognised is named in `app.domain.key_shapes`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.key_shapes import KEY_LIKE, TYPED_AS_COMMAND, candidates
from app.domain.secrets import Secret
from app.ports.clock import Clock
from app.services.key_ring import KeyRing
from app.store.unit_of_work import Database

REMOVED = "[key removed]"
FRESH = timedelta(seconds=30)
MOST_CANDIDATES = 500
_A_BREATH = 50


@dataclass(frozen=True, slots=True)
class _Fingerprints:
    live: frozenset[str]
    until: datetime


class KnownKeys:
    """Finds keys in texts. A key that another process set is known half a minute later."""

    def __init__(self, database: Database, ring: KeyRing, clock: Clock) -> None:
        self._database = database
        self._ring = ring
        self._clock = clock
        self._fingerprints: dict[str, _Fingerprints] = {}

    async def leaked_in(self, workspace: str, text: str) -> bool:
        """Whether a key stands in a text."""
        if KEY_LIKE.search(text) or TYPED_AS_COMMAND.search(text):
            return True
        return bool(await self._live_in(workspace, text, first_only=True))

    async def redact(self, workspace: str, text: str) -> str:
        """The text without the keys that stand in it."""
        for token in await self._live_in(workspace, text):
            text = text.replace(token, REMOVED)
        text = TYPED_AS_COMMAND.sub(lambda found: found[0].replace(found["key"], REMOVED), text)
        return KEY_LIKE.sub(REMOVED, text)

    def forget(self, workspace: str) -> None:
        """Look the workspace's keys up anew: they changed."""
        self._fingerprints.pop(workspace, None)

    async def _live_in(self, workspace: str, text: str, *, first_only: bool = False) -> tuple[str, ...]:
        tokens = candidates(text)[:MOST_CANDIDATES]
        live = await self._live(workspace) if tokens else frozenset()
        if not live:
            return ()
        found = []
        for at, token in enumerate(tokens, start=1):
            if await self._ring.fingerprint(workspace, Secret(token)) in live:
                found.append(token)
                if first_only:
                    break
            if at % _A_BREATH == 0:
                await asyncio.sleep(0)  # a long text must not keep everybody else waiting
        return tuple(sorted(found, key=len, reverse=True))

    async def _live(self, workspace: str) -> frozenset[str]:
        now = self._clock.now()
        kept = self._fingerprints.get(workspace)
        if kept is None or now >= kept.until:
            async with self._database.read() as uow:
                keys = await uow.keys.all(workspace)
            kept = _Fingerprints(frozenset(key.fingerprint for key in keys), now + FRESH)
            self._fingerprints[workspace] = kept
        return kept.live
