"""Rotating a key: the next one is tried with what agents use, takes over in one step, and the one before is kept for undoing.

Until the next one is known to work nothing changes: the one in use goes on, whoever is unreachable meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.keys import KeyStatus, ProviderCredential, ProviderKey, SpareKey, Which
from app.domain.secrets import Secret
from app.errors import BadInput, KeyRejected, NoCredit, NoKey
from app.ports.clock import Clock
from app.services import key_entry
from app.services.key_checks import PATIENT, KeyChecks, Verdict
from app.services.key_entry import KeyEntry
from app.services.key_health import next_check
from app.services.key_leaks import KnownKeys
from app.services.key_ring import KeyRing
from app.services.key_trials import BEST, KeyTrials, Tried, uses_of
from app.services.model_lists import ModelLists
from app.services.rotation_outcomes import (
    NOTHING_KEPT,
    SETTLED,
    BeingTried,
    NeedsWord,
    NextKey,
    Outcome,
    Overtaken,
    Rotated,
    TurnedDown,
    about_spare,
    note_destroyed,
)
from app.services.switching_back import UNDONE, Restored, SwitchingBack
from app.services.workspaces import ITSELF
from app.store.keys import StoredKey
from app.store.spare_keys import StoredSpare
from app.store.unit_of_work import Database, UnitOfWork

FEWEST_HOURS, MOST_HOURS = 1, 168
TRIED_FOR = timedelta(hours=24)
"""How long a provider is asked again about a next key, and an admin's word is waited for; then it is destroyed."""

SOONEST, LATEST = timedelta(seconds=30), timedelta(minutes=10)
LEASE = timedelta(minutes=2)


class Rotation:
    """Whoever calls has seen to it that `by` is an admin."""

    def __init__(
        self,
        database: Database,
        *,
        ring: KeyRing,
        checks: KeyChecks,
        trials: KeyTrials,
        back: SwitchingBack,
        lists: ModelLists,
        known: KnownKeys,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ring = ring
        self._checks = checks
        self._trials = trials
        self._back = back
        self._lists = lists
        self._known = known
        self._clock = clock

    async def spares(self, workspace: str) -> Mapping[str, tuple[SpareKey, ...]]:
        """What stands beside each key of a workspace, by the key's id."""
        async with self._database.read() as uow:
            found = await uow.spare_keys.all(workspace)
        return {one.key_id: tuple(other for other in found if other.key_id == one.key_id) for one in found}

    async def key(self, workspace: str, key_id: str) -> ProviderKey:
        """The key in use. Raises NoKey."""
        async with self._database.read() as uow:
            return await _in_use(uow, workspace, key_id)

    async def uses(self, key: ProviderKey) -> dict[str, tuple[str, ...]]:
        """The models that agents use this key for, with the agents' names."""
        async with self._database.read() as uow:
            return uses_of(key, await uow.agents.all(key.workspace), await uow.keys.all(key.workspace))

    async def begin(self, workspace: str, key_id: str, entry: NextKey, by: UserRef) -> tuple[StoredSpare, Secret]:
        """Check what was filled in and keep it sealed, to be tried. Raises BadInput with the field at fault, or NoKey."""
        if not FEWEST_HOURS <= entry.hours <= MOST_HOURS:
            raise BadInput(f"Choose a number of hours from {FEWEST_HOURS} to {MOST_HOURS}.", field="hours")
        if entry.expires_on and entry.expires_on < self._clock.now().date() - timedelta(days=1):  # today, anywhere
            raise BadInput("That day is over. Enter one to come, or none.", field="expires_on")
        async with self._database.read() as uow:
            key = await _in_use(uow, workspace, key_id)
        typed, origin = key_entry.checked(
            KeyEntry(key.provider, entry.secret, key.label, entry.base_url), self._ring.provider(key.provider)
        )
        fingerprint = await self._ring.fingerprint(workspace, typed.secret)
        now = self._clock.now()
        spare = SpareKey(
            key_id, Which.NEXT, workspace, key.version + 1, typed.base_url, typed.secret.last_four(), fingerprint,
            KeyStatus.UNVERIFIED, set_by=by.id, set_at=now, rotated_by=by.id, hours=entry.hours,
            keep_until=now + TRIED_FOR, expires_on=entry.expires_on, next_try_at=now + LEASE,
        )  # fmt: skip
        sealed = await self._ring.seal(spare.of(key), origin, typed.secret)
        if sealed.sealed is None:
            raise NoKey
        stored = StoredSpare(spare, origin, sealed.sealed)
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            now_in_use = await _in_use(uow, workspace, key_id)
            await _new_here(uow, key, fingerprint)
            if now_in_use.version != key.version:
                raise BadInput("Somebody else is changing this key at the same moment. Try again.", field="key")
            await note_destroyed(uow, await uow.spare_keys.put(stored), by.id)
            await uow.audit.append(AuditEntry(workspace, by.id, "key.rotation_begun", key_id, about_spare(spare)))
        self._known.forget(workspace)
        return stored, typed.secret

    async def settle(self, stored: StoredSpare, secret: Secret | None = None) -> Outcome:
        """Try the next key, and do what follows. Without the secret in hand it is opened, and that is written down. Raises NoKey."""
        spare = stored.spare
        async with self._database.read() as uow:
            key = await _in_use(uow, spare.workspace, spare.key_id)
        if key.version + 1 != spare.version:
            return Overtaken(key)
        candidate = spare.of(key)
        credential = ProviderCredential(secret, spare.base_url) if secret else await self._opened(candidate, stored)
        verdict = await self._checks.judge(candidate, credential, seconds=PATIENT)
        tried = Tried()
        if verdict.status in (KeyStatus.VERIFIED, KeyStatus.NO_CREDIT):
            tried = await self._tried(candidate, credential, verdict)
            verdict = _with(verdict, tried)
        if verdict.status is KeyStatus.REFUSED:
            return await self._turn_down(key, spare)
        if verdict.status is KeyStatus.UNVERIFIED:
            again = min(max(self._clock.now() - spare.set_at, SOONEST), LATEST)
            stays = await self._mark(spare, verdict.status, self._clock.now() + again)
            return BeingTried(key, spare, verdict.error) if stays else Overtaken(key)
        if tried.kept_from or verdict.status is KeyStatus.NO_CREDIT:
            waiting = replace(spare, status=verdict.status, next_try_at=None)
            stays = await self._mark(spare, verdict.status, None)
            return NeedsWord(key, waiting, tried) if stays else Overtaken(key)
        return await self._switch(key, spare, verdict, tried.unchecked, by=spare.rotated_by)

    async def switch_anyway(self, workspace: str, key_id: str, by: UserRef) -> Rotated:
        """Let the next key take over although models are kept from it. Raises NoKey when it does not wait for that any more."""
        key, spare = await self._waiting(workspace, key_id)
        done = await self._switch(key, spare, Verdict(spare.status), (), by=by.id, forced=True)
        if isinstance(done, Overtaken):
            raise NoKey(SETTLED)
        return done

    async def give_up(self, workspace: str, key_id: str, by: UserRef) -> SpareKey:
        """Destroy the next key; the one in use stays. Raises NoKey when there is none any more."""
        return await self._drop(workspace, key_id, Which.NEXT, by)

    async def drop(self, workspace: str, key_id: str, by: UserRef) -> SpareKey:
        """Destroy the one before at once. Raises NoKey when it is not kept any more."""
        return await self._drop(workspace, key_id, Which.PREVIOUS, by)

    async def undo(self, workspace: str, key_id: str, by: UserRef) -> Restored:
        """Let the one before take over again; the one in use is destroyed. Raises NoKey when it is not kept any more."""
        async with self._database.read() as uow:
            key = await _in_use(uow, workspace, key_id)
        restored = await self._back.restore(key, by.id, UNDONE)
        if restored is None:
            raise NoKey(NOTHING_KEPT)
        self._lists.warm(restored.key)
        return restored

    async def _tried(self, key: ProviderKey, credential: ProviderCredential, verdict: Verdict) -> Tried:
        uses = await self.uses(key)
        best = self._ring.provider(key.provider).best(verdict.models or ())
        automatic = uses.pop("", ())
        if automatic and best:
            uses[best.id] = tuple(dict.fromkeys((*uses.get(best.id, ()), *automatic)))
        tried = await self._trials.of(key.provider, credential, uses)
        if automatic and verdict.models is None:
            return replace(tried, unchecked=(*tried.unchecked, BEST))
        return tried

    async def _opened(self, candidate: ProviderKey, stored: StoredSpare) -> ProviderCredential:
        about = {**about_spare(stored.spare), "provider": candidate.provider, "purpose": "rotate"}
        async with self._database.begin() as uow:
            await uow.audit.append(AuditEntry(candidate.workspace, ITSELF, "key.used", candidate.id, about))
        return await self._ring.open(StoredKey(candidate, stored.origin, stored.sealed))

    async def _switch(
        self,
        key: ProviderKey,
        spare: SpareKey,
        verdict: Verdict,
        unchecked: tuple[str, ...],
        *,
        by: str,
        forced: bool = False,
    ) -> Rotated | Overtaken:
        now = self._clock.now()
        async with self._database.begin() as uow:
            await uow.workspaces.lock(key.workspace)
            stored = await uow.keys.get(key.workspace, key.id)
            ready = await uow.spare_keys.get(key.workspace, key.id, Which.NEXT)
            if stored is None or stored.sealed is None or ready is None:
                return Overtaken(key)
            if ready.spare.fingerprint != spare.fingerprint or ready.spare.version != stored.key.version + 1:
                return Overtaken(key)
            status = verdict.status
            after = replace(ready.spare.of(stored.key), status=status, set_at=now, checked_at=now)
            before = _kept(stored.key, spare, now, by=by, forced=forced)
            gone = await uow.spare_keys.put(StoredSpare(before, stored.origin, stored.sealed))
            await uow.spare_keys.destroy(key.workspace, key.id, Which.NEXT)
            again = next_check(after, self._clock.now())
            await uow.keys.replace(StoredKey(after, ready.origin, ready.sealed), again)
            await note_destroyed(uow, gone, by)
            about = {
                "provider": key.provider,
                "fingerprint": after.fingerprint,
                "version": str(after.version),
                "instead_of": before.fingerprint,
                "kept_hours": str(spare.hours),
                "forced": str(forced),
            }
            await uow.audit.append(AuditEntry(key.workspace, by, "key.rotated", key.id, about))
            moved = await self._checks.settle(uow, after, verdict)
        self._known.forget(key.workspace)
        self._lists.warm(after)
        return Rotated(after, before, gone, unchecked, moved)

    async def _turn_down(self, key: ProviderKey, spare: SpareKey) -> TurnedDown:
        async with self._database.begin() as uow:
            await uow.workspaces.lock(key.workspace)
            now = await uow.spare_keys.get(key.workspace, key.id, Which.NEXT)
            if now and now.spare.fingerprint == spare.fingerprint:
                await uow.spare_keys.destroy(key.workspace, key.id, Which.NEXT)
                about = about_spare(spare)
                await uow.audit.append(AuditEntry(key.workspace, spare.rotated_by, "key.turned_down", key.id, about))
        self._known.forget(key.workspace)
        return TurnedDown(key, spare)

    async def _mark(self, spare: SpareKey, status: KeyStatus, next_try_at: datetime | None) -> bool:
        async with self._database.begin() as uow:
            return await uow.spare_keys.mark(spare, status, next_try_at)

    async def _waiting(self, workspace: str, key_id: str) -> tuple[ProviderKey, SpareKey]:
        async with self._database.read() as uow:
            key = await _in_use(uow, workspace, key_id)
            found = await uow.spare_keys.get(workspace, key_id, Which.NEXT)
        if found is None or found.spare.next_try_at is not None:
            raise NoKey(SETTLED)
        return key, found.spare

    async def _drop(self, workspace: str, key_id: str, which: Which, by: UserRef) -> SpareKey:
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            gone = await uow.spare_keys.destroy(workspace, key_id, which)
            await note_destroyed(uow, gone, by.id)
        self._known.forget(workspace)
        if not gone:
            raise NoKey(SETTLED if which is Which.NEXT else NOTHING_KEPT)
        return gone[0]


async def _in_use(uow: UnitOfWork, workspace: str, key_id: str) -> ProviderKey:
    stored = await uow.keys.get(workspace, key_id)
    if stored is None or stored.sealed is None:
        raise NoKey("That key is not there any more.")
    return stored.key


async def _new_here(uow: UnitOfWork, key: ProviderKey, fingerprint: str) -> None:
    """Raises BadInput where this very secret is in use, or kept, already."""
    for other in await uow.keys.all(key.workspace):
        if other.provider == key.provider and other.fingerprint == fingerprint:
            here = "the key that is in use now" if other.id == key.id else f"here already, as {other.label}"
            raise BadInput(f"This very key is {here}. Make a new one at the provider.", field="key")
    before = await uow.spare_keys.get(key.workspace, key.id, Which.PREVIOUS)
    if before and before.spare.fingerprint == fingerprint:
        raise BadInput("This is the key before the one in use, and still kept: undo its rotation instead.", field="key")


def _kept(key: ProviderKey, spare: SpareKey, now: datetime, *, by: str, forced: bool) -> SpareKey:
    """What is in use, as it is kept once the next one has taken over."""
    return SpareKey(
        key.id, Which.PREVIOUS, key.workspace, key.version, key.base_url, key.last_four, key.fingerprint, key.status,
        set_by=key.set_by, set_at=key.set_at, rotated_by=by, hours=spare.hours,
        keep_until=now + timedelta(hours=spare.hours), expires_on=key.expires_on, forced=forced,
    )  # fmt: skip


def _with(verdict: Verdict, tried: Tried) -> Verdict:
    """What trying its models has told of the key as a whole."""
    if isinstance(tried.refusal, KeyRejected):
        return Verdict(KeyStatus.REFUSED, tried.refusal)
    if isinstance(tried.refusal, NoCredit):
        return Verdict(KeyStatus.NO_CREDIT, tried.refusal, verdict.models)
    return verdict
