"""Back to the key before: when an admin undoes a rotation, and by itself when the provider rejects the key that took its place."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.audit import AuditEntry
from app.domain.keys import ProviderKey, SpareKey, Which
from app.errors import KeyRejected, NoKey, NotPermitted, ProviderError
from app.ports.clock import Clock
from app.services.background import Background
from app.services.key_leaks import KnownKeys
from app.services.key_ring import KeyRing
from app.services.key_trials import KeyTrials, uses_of
from app.services.notices import Notices
from app.services.rotation_outcomes import note_destroyed
from app.services.screens import rotation as screens
from app.services.workspaces import ITSELF
from app.store.keys import StoredKey
from app.store.spare_keys import StoredSpare
from app.store.unit_of_work import Database

UNDONE, SWITCHED_BACK = "key.rotation_undone", "key.switched_back"
LOOKED = timedelta(minutes=1)
"""How long it is not asked again whether a key is let at any model at all."""

_MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class Restored:
    """A key that is in use again, and the one that had taken its place, which is destroyed."""

    key: ProviderKey
    instead_of: ProviderKey
    before: SpareKey


class SwitchingBack:
    """Every way back ends here: one transaction, in which a key that is not kept any more can't be found."""

    def __init__(
        self,
        database: Database,
        *,
        ring: KeyRing,
        trials: KeyTrials,
        known: KnownKeys,
        notices: Notices,
        background: Background,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ring = ring
        self._trials = trials
        self._known = known
        self._notices = notices
        self._background = background
        self._clock = clock
        self._turns: dict[str, asyncio.Lock] = {}
        self._looked: dict[tuple[str, int], datetime] = {}

    async def rejected(self, key: ProviderKey, error: ProviderError) -> bool:
        """A call with this key was turned down. True if another key pays in its place now, so that the call is worth making again."""
        if not isinstance(error, KeyRejected | NotPermitted):
            return False
        async with self._turns.setdefault(key.id, asyncio.Lock()):  # the first of many calls that fail at once does it
            for _ in range(_MOST_TRIES):
                now, before = await self._as_it_is(key)
                if now is None or now.version != key.version:
                    return now is not None and now.live
                if before is None or not await self._is_reason(now, before, error):
                    return False
                try:
                    restored = await self.restore(now, ITSELF, SWITCHED_BACK)
                except NoKey:
                    return False  # the one before does not open any more: there is no way back
                if restored:
                    self._background.spawn(self._tell(restored, error), name="tell of a switch back")
                    return True
            return False

    async def restore(self, key: ProviderKey, actor: str, action: str) -> Restored | None:
        """Put the key before in the place of this version; None if it is not kept, or the key changed meanwhile. Raises NoKey if it won't open."""
        async with self._database.read() as uow:
            spare = await uow.spare_keys.get(key.workspace, key.id, Which.PREVIOUS)
        if spare is None:
            return None
        stored = await self._sealed_anew(key, spare)
        async with self._database.begin() as uow:
            await uow.workspaces.lock(key.workspace)
            now = await uow.keys.get(key.workspace, key.id)
            kept = await uow.spare_keys.get(key.workspace, key.id, Which.PREVIOUS)
            if now is None or now.sealed is None or now.key.version != key.version or kept != spare:
                return None
            stored = replace(stored, key=replace(stored.key, is_default=now.key.is_default))
            await uow.keys.replace(stored, self._clock.now())  # looked at soon: it was not in use for a while
            gone = await uow.spare_keys.destroy(key.workspace, key.id)
            await note_destroyed(uow, (one for one in gone if one.which is Which.NEXT), actor)
            about = {
                "provider": key.provider,
                "fingerprint": stored.key.fingerprint,
                "version": str(stored.key.version),
                "instead_of": now.key.fingerprint,
            }
            await uow.audit.append(AuditEntry(key.workspace, actor, action, key.id, about))
        self._known.forget(key.workspace)
        return Restored(stored.key, now.key, spare.spare)

    async def _sealed_anew(self, key: ProviderKey, spare: StoredSpare) -> StoredKey:
        """What was sealed under an older version, under the next one: versions only grow, so nobody takes one key for another."""
        old = spare.spare.of(key)
        credential = await self._ring.open(StoredKey(old, spare.origin, spare.sealed))
        return await self._ring.seal(replace(old, version=key.version + 1), spare.origin, credential.secret)

    async def _as_it_is(self, key: ProviderKey) -> tuple[ProviderKey | None, SpareKey | None]:
        async with self._database.read() as uow:
            stored = await uow.keys.get(key.workspace, key.id)
            spare = await uow.spare_keys.get(key.workspace, key.id, Which.PREVIOUS)
        return (stored.key if stored and stored.sealed else None), (spare.spare if spare else None)

    async def _is_reason(self, key: ProviderKey, before: SpareKey, error: ProviderError) -> bool:
        if not before.of(key).live:
            return False  # it was refused itself
        return isinstance(error, KeyRejected) or (not before.forced and await self._kept_from_all(key))

    async def _kept_from_all(self, key: ProviderKey) -> bool:
        """Whether the provider lets this key at none of the models that it is used for; not asked more than once a minute."""
        now = self._clock.now()
        if now < self._looked.get((key.id, key.version), now):
            return False
        self._looked = {slot: until for slot, until in self._looked.items() if now < until}
        self._looked[key.id, key.version] = now + LOOKED
        async with self._database.read() as uow:
            keys, agents = await uow.keys.all(key.workspace), await uow.agents.all(key.workspace)
        try:
            _, credential = await self._ring.use(key.workspace, key.id, actor=ITSELF, details={"purpose": "check"})
        except NoKey:
            return False
        tried = await self._trials.of(key.provider, credential, uses_of(key, agents, keys))
        return bool(tried.kept_from) and not tried.may_use and not tried.unchecked

    async def _tell(self, restored: Restored, error: ProviderError) -> None:
        view = screens.switched_back(self._ring.title(restored.key.provider), restored.key, restored.instead_of, error)
        await self._notices.tell_admins(restored.key.workspace, restored.before.rotated_by, view)
