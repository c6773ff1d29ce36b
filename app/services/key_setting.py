"""Setting, choosing and revoking keys. Whoever calls has seen to it that `by` is an admin."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.domain.agent import AgentSpec
from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.keys import KeyStatus, ProviderCredential, ProviderKey
from app.errors import BadInput, NoKey, ProviderError
from app.ports.clock import Clock
from app.services import key_entry
from app.services.ids import new_id
from app.services.key_checks import AT_ONCE, KeyChecks, Verdict
from app.services.key_entry import KeyEntry
from app.services.key_health import next_check
from app.services.key_leaks import KnownKeys
from app.services.key_ring import KeyRing
from app.services.key_usage import agents_on
from app.services.model_lists import ModelLists
from app.services.parked import Cause
from app.services.rotation_outcomes import note_destroyed
from app.store.keys import StoredKey
from app.store.unit_of_work import Database, UnitOfWork

MOST_KEYS = 20
_MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class KeySet:
    """A key that was kept: as it stands, whether it took another's place, why it is not verified, the agents that moved to it.

    `waiting` is how many questions are asked again, now that it works.
    """

    key: ProviderKey
    replaced: bool
    error: ProviderError | None
    moved: tuple[AgentSpec, ...]
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Revoked:
    """A key that is gone, the agents that it paid for, and the keys of its provider that could take its place."""

    key: ProviderKey
    agents: tuple[AgentSpec, ...]
    others: tuple[ProviderKey, ...]


class KeySetting:
    """Keys come in here and go out here; what is written down of them are ids and fingerprints."""

    def __init__(
        self,
        database: Database,
        *,
        ring: KeyRing,
        checks: KeyChecks,
        lists: ModelLists,
        known: KnownKeys,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ring = ring
        self._checks = checks
        self._lists = lists
        self._known = known
        self._clock = clock

    async def set(self, workspace: str, entry: KeyEntry, by: UserRef, *, seconds: float = AT_ONCE) -> KeySet:
        """Check a key's form, ask its provider, keep it sealed; under a label that exists it takes that key's place, which is shredded.

        Raises BadInput with the field at fault (`key` when the provider refuses it): then nothing is kept. A provider that can't be
        reached in time leaves the key unverified, to be checked again by itself; in the place of one that works it is not kept at all.
        """
        entry, origin = key_entry.checked(entry, self._ring.provider(entry.provider))
        fingerprint = await self._ring.fingerprint(workspace, entry.secret)
        verdict: Verdict | None = None
        for _ in range(_MOST_TRIES):
            before = await self._before(workspace, entry, fingerprint)
            key = self._key(workspace, entry, fingerprint, before, by)
            if verdict is None:
                verdict = await self._judged(key, ProviderCredential(entry.secret, entry.base_url), by, seconds)
            kept = await self._keep(await self._ring.seal(key, origin, entry.secret), before, verdict, by)
            if kept:
                self._known.forget(workspace)
                if kept.key.status is KeyStatus.VERIFIED:
                    self._lists.warm(kept.key)
                return kept
        raise BadInput("Somebody else is changing this key at the same moment. Try again.", field="label")

    async def revoke(self, workspace: str, key_id: str, by: UserRef) -> Revoked:
        """Shred a key at once; runs that use it stop at their next call. Nothing takes its place by itself. Raises NoKey."""
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            key = await _existing(uow, workspace, key_id)
            keys = await uow.keys.all(workspace)
            affected = agents_on(key, await uow.agents.all(workspace), keys)
            await note_destroyed(uow, await uow.spare_keys.destroy(workspace, key_id), by.id)
            await uow.keys.revoke(workspace, key_id)
            await uow.audit.append(AuditEntry(workspace, by.id, "key.revoked", key_id, _about(key)))
        self._known.forget(workspace)
        others = tuple(other for other in keys if other.provider == key.provider and other.id != key_id)
        return Revoked(key, affected, others)

    async def make_default(self, workspace: str, key_id: str, by: UserRef) -> ProviderKey:
        """Let this key pay for its provider's agents that name none. Raises NoKey."""
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            key = await _existing(uow, workspace, key_id)
            await uow.keys.make_default(workspace, key.provider, key_id)
            await uow.audit.append(AuditEntry(workspace, by.id, "key.made_default", key_id, _about(key)))
        return key

    async def _before(self, workspace: str, entry: KeyEntry, fingerprint: str) -> StoredKey | None:
        """The row of this label, if there is one."""
        async with self._database.read() as uow:
            keys = await uow.keys.all(workspace)
            before = await uow.keys.find(workspace, entry.provider, entry.label)
        twin = next((key for key in keys if key.fingerprint == fingerprint and key.provider == entry.provider), None)
        if twin and twin.label != entry.label:
            raise BadInput(f"This very key is here already, as {twin.label}.", field="key")
        if len(keys) >= MOST_KEYS and before is None:
            raise BadInput(
                f"A workspace has at most {MOST_KEYS} keys. Revoke one that is no longer needed.", field="label"
            )
        return before

    def _key(
        self, workspace: str, entry: KeyEntry, fingerprint: str, before: StoredKey | None, by: UserRef
    ) -> ProviderKey:
        return ProviderKey(
            id=before.key.id if before else new_id("key", self._clock.now()),
            workspace=workspace,
            provider=entry.provider,
            label=entry.label,
            base_url=entry.base_url,
            last_four=entry.secret.last_four(),
            fingerprint=fingerprint,
            status=KeyStatus.UNVERIFIED,
            version=before.key.version + 1 if before else 1,
            is_default=False,  # settled with the row
            set_by=by.id,
            set_at=self._clock.now(),
            expires_on=entry.expires_on,
        )

    async def _judged(self, key: ProviderKey, credential: ProviderCredential, by: UserRef, seconds: float) -> Verdict:
        verdict = await self._checks.judge(key, credential, seconds=seconds)
        if verdict.status is not KeyStatus.REFUSED:
            return verdict
        async with self._database.begin() as uow:
            await uow.audit.append(AuditEntry(key.workspace, by.id, "key.turned_down", key.provider))
        title = self._ring.title(key.provider)
        raise BadInput(
            f"{title} refused this key. Check that it is complete and still active, then try again.", field="key"
        )

    async def _keep(self, stored: StoredKey, before: StoredKey | None, verdict: Verdict, by: UserRef) -> KeySet | None:
        """Write it, unless the row of this label changed since it was looked at."""
        key = stored.key
        async with self._database.begin() as uow:
            await uow.workspaces.lock(key.workspace)
            if not await _may_stay(uow, stored):
                raise BadInput("Latchkey was removed from here meanwhile, so this key was not kept.", field="key")
            now = await uow.keys.find(key.workspace, key.provider, key.label)
            if (now and now.key.version) != (before and before.key.version):
                return None
            if now and now.key.status is KeyStatus.VERIFIED and verdict.status is KeyStatus.UNVERIFIED:
                title = self._ring.title(key.provider)
                raise BadInput(
                    f"{title} could not be asked about this key, so nothing was changed: the one in use works. Try again in a "
                    "while, or use Rotate, which waits until the next one is known to work.",
                    field="key",
                )
            stored = await self._completed(uow, stored, verdict)
            key = stored.key
            again = next_check(key, self._clock.now())
            replaced = now is not None and now.sealed is not None
            await (uow.keys.replace if now else uow.keys.add)(stored, again)
            await note_destroyed(uow, await uow.spare_keys.destroy(key.workspace, key.id), by.id)
            action = "key.replaced" if replaced else "key.set"
            await uow.audit.append(AuditEntry(key.workspace, by.id, action, key.id, _about(key)))
            moved = await self._checks.settle(uow, key, verdict)
            waiting = await _waiting(uow, key) if key.status is KeyStatus.VERIFIED else 0
        return KeySet(key, replaced, verdict.error, moved, waiting)

    async def _completed(self, uow: UnitOfWork, stored: StoredKey, verdict: Verdict) -> StoredKey:
        """The row with what only the transaction knows: whether it is its provider's default (the first one is)."""
        key = stored.key
        others = [other for other in await uow.keys.all(key.workspace) if other.id != key.id]
        is_default = not any(other.is_default and other.provider == key.provider for other in others)
        checked_at = None if verdict.status is KeyStatus.UNVERIFIED else self._clock.now()
        problem = verdict.error.code if verdict.error else ""
        key = replace(key, status=verdict.status, is_default=is_default, checked_at=checked_at, problem=problem)
        return replace(stored, key=key)


async def _waiting(uow: UnitOfWork, key: ProviderKey) -> int:
    """The questions that waited for this key, or for any."""
    found = [await uow.parked.waiting(key.workspace, Cause.KEY, subject) for subject in (key.id, "")]
    return sum(found)


async def _may_stay(uow: UnitOfWork, stored: StoredKey) -> bool:
    """Not where the app was removed while the key was looked at: it would be there for good, or be sealed under what was destroyed."""
    workspace = await uow.workspaces.get(stored.key.workspace)
    if stored.sealed is None or (workspace and workspace.removed_at):
        return False
    return await uow.data_keys.wrapped(stored.key.workspace, stored.sealed.data_key) is not None


async def _existing(uow: UnitOfWork, workspace: str, key_id: str) -> ProviderKey:
    stored = await uow.keys.get(workspace, key_id)
    if stored is None or stored.sealed is None:
        raise NoKey("That key is not there any more.")
    return stored.key


def _about(key: ProviderKey) -> dict[str, str]:
    return {
        "provider": key.provider,
        "fingerprint": key.fingerprint,
        "version": str(key.version),
        "status": key.status.value,
    }
