"""Keys in places where they do not belong: recognised by their vendors' prefixes, and the workspace's own live keys by their fingerprints.

What can't be recognised is named in `app.domain.key_shapes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.key_shapes import KEY_LIKE, TYPED_AS_COMMAND, candidates
from app.domain.secrets import Secret
from app.ports.clock import Clock
from app.services.key_ring import KeyRing
from app.store.unit_of_work import Database

REMOVED = "[key removed]"
FRESH = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class _Live:
    """A workspace's live keys, and those that stand beside them. Only what ends as one of them does is worth a fingerprint; `endings` has "" where a key is too short to tell."""

    fingerprints: frozenset[str]
    endings: frozenset[str]
    until: datetime


class KnownKeys:
    """Finds keys in texts. A key that another process set is known half a minute later."""

    def __init__(self, database: Database, ring: KeyRing, clock: Clock) -> None:
        self._database = database
        self._ring = ring
        self._clock = clock
        self._kept: dict[str, _Live] = {}

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
        self._kept.pop(workspace, None)

    async def _live_in(self, workspace: str, text: str, *, first_only: bool = False) -> tuple[str, ...]:
        live = await self._live(workspace)
        found = []
        for token in candidates(text) if live.fingerprints else ():
            secret = Secret(token)
            if (
                secret.last_four() in live.endings
                and await self._ring.fingerprint(workspace, secret) in live.fingerprints
            ):
                found.append(token)
                if first_only:
                    break
        return tuple(sorted(found, key=len, reverse=True))

    async def _live(self, workspace: str) -> _Live:
        now = self._clock.now()
        kept = self._kept.get(workspace)
        if kept is None or now >= kept.until:
            async with self._database.read() as uow:
                keys, spares = await uow.keys.all(workspace), await uow.spare_keys.all(workspace)
            known = [(key.fingerprint, key.last_four) for key in keys] + [
                (one.fingerprint, one.last_four) for one in spares
            ]
            fingerprints, endings = {print_ for print_, _ in known}, {ending for _, ending in known}
            kept = self._kept[workspace] = _Live(frozenset(fingerprints), frozenset(endings), now + FRESH)
        return kept
