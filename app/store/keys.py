"""Provider keys, sealed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.keys import KeyStatus, ProviderKey
from app.domain.secrets import SealedSecret
from app.ports.clock import Clock
from app.store import tables

_KEYS = tables.provider_keys

# Made once, see app.store.agents.
_HERE = _KEYS.c.workspace == bindparam("workspace")
_ALL = (
    select(_KEYS)
    .where(_HERE, _KEYS.c.status != KeyStatus.REVOKED)
    .order_by(_KEYS.c.provider, _KEYS.c.is_default.desc(), _KEYS.c.label)
)
_ONE = select(_KEYS).where(_HERE, _KEYS.c.id == bindparam("key"))


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as its row has it: what may be told of it, where it may be sent, and the sealed secret (None once shredded)."""

    key: ProviderKey
    origin: str
    sealed: SealedSecret | None


class KeyRows:
    """Provider keys, sealed. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def all(self, workspace: str) -> tuple[ProviderKey, ...]:
        """A workspace's keys that are not revoked: by provider, its default first, then by label."""
        found = await self._connection.execute(_ALL, {"workspace": workspace})
        return tuple(_key(row) for row in found)

    async def standing(self, keys: Collection[str]) -> dict[str, tuple[KeyStatus, int]]:
        """The status and version of each of these, whosesoever they are."""
        found = await self._connection.execute(
            select(_KEYS.c.id, _KEYS.c.status, _KEYS.c.version).where(_KEYS.c.id.in_(sorted(keys)))
        )
        return {row.id: (KeyStatus(row.status), row.version) for row in found}

    async def expiring(self, until: date) -> tuple[ProviderKey, ...]:
        """Keys that are noted to end by this day, and are here still."""
        found = await self._connection.execute(
            select(_KEYS).where(_KEYS.c.status != KeyStatus.REVOKED, _KEYS.c.expires_on <= until).order_by(_KEYS.c.id)
        )
        return tuple(_key(row) for row in found)

    async def pause(self, key: ProviderKey, until: datetime) -> None:
        """Let nobody call with this version of a key until then; an earlier word that reaches further stands."""
        await self._connection.execute(
            update(_KEYS)
            .where(
                _KEYS.c.workspace == key.workspace,
                _KEYS.c.id == key.id,
                _KEYS.c.version == key.version,
                or_(_KEYS.c.paused_until.is_(None), _KEYS.c.paused_until < until),
            )
            .values(paused_until=until)
        )

    async def cap(self, workspace: str, key: str, *, at_once: int, per_minute: int) -> None:
        """Let a key be called so many times at once, and in a minute; 0: as often as there is something to ask."""
        await self._connection.execute(
            update(_KEYS)
            .where(_KEYS.c.workspace == workspace, _KEYS.c.id == key)
            .values(max_at_once=at_once, max_per_minute=per_minute)
        )

    async def note_expiry(self, workspace: str, key: str, expires_on: date | None) -> None:
        """Keep the day on which it ends, or that it does not."""
        await self._connection.execute(
            update(_KEYS).where(_KEYS.c.workspace == workspace, _KEYS.c.id == key).values(expires_on=expires_on)
        )

    async def get(self, workspace: str, key: str) -> StoredKey | None:
        """A key of this workspace and of no other, revoked or not."""
        found = await self._connection.execute(_ONE, {"workspace": workspace, "key": key})
        return _stored(found.first())

    async def find(self, workspace: str, provider: str, label: str) -> StoredKey | None:
        """The key of this label, revoked or not."""
        found = await self._connection.execute(
            select(_KEYS).where(_KEYS.c.workspace == workspace, _KEYS.c.provider == provider, _KEYS.c.label == label)
        )
        return _stored(found.first())

    async def add(self, stored: StoredKey, next_check_at: datetime) -> None:
        """Keep a new key; its label must be free."""
        await self._connection.execute(insert(_KEYS).values(**_values(stored), next_check_at=next_check_at))

    async def replace(self, stored: StoredKey, next_check_at: datetime) -> None:
        """Write a newer version over the old one, whose sealed secret is thereby gone."""
        key = stored.key
        await self._connection.execute(
            update(_KEYS)
            .where(_KEYS.c.workspace == key.workspace, _KEYS.c.id == key.id)
            .values(**_values(stored), next_check_at=next_check_at)
        )

    async def mark(
        self, key: ProviderKey, status: KeyStatus, *, next_check_at: datetime, checked: bool = True, problem: str = ""
    ) -> bool:
        """Keep what is known of this version of a key now. False if it was replaced or revoked meanwhile: then nothing is changed."""
        values: dict[str, Any] = {"status": status, "next_check_at": next_check_at, "problem": problem}
        if checked:
            values["checked_at"] = self._clock.now()
        done = await self._connection.execute(
            update(_KEYS)
            .where(
                _KEYS.c.workspace == key.workspace,
                _KEYS.c.id == key.id,
                _KEYS.c.version == key.version,
                _KEYS.c.status != KeyStatus.REVOKED,
            )
            .values(**values)
            .returning(_KEYS.c.id)
        )
        return done.first() is not None

    async def revoke(self, workspace: str, key: str) -> None:
        """Shred the sealed secret, and what stands beside it; the row remains, so that the audit trail's ids mean something."""
        spares = tables.spare_keys
        await self._connection.execute(delete(spares).where(spares.c.workspace == workspace, spares.c.key_id == key))
        await self._connection.execute(
            update(_KEYS)
            .where(_KEYS.c.workspace == workspace, _KEYS.c.id == key)
            .values(sealed=None, data_key="", status=KeyStatus.REVOKED, is_default=False, next_check_at=None)
        )

    async def make_default(self, workspace: str, provider: str, key: str) -> None:
        """Make this its provider's one default key: a single statement, so there are never two."""
        await self._connection.execute(
            update(_KEYS)
            .where(_KEYS.c.workspace == workspace, _KEYS.c.provider == provider)
            .values(is_default=_KEYS.c.id == key)
        )

    async def is_due(self, now: datetime) -> bool:
        """Whether there is anything to claim."""
        due = select(_KEYS.c.id).where(_KEYS.c.status != KeyStatus.REVOKED, _KEYS.c.next_check_at <= now).limit(1)
        return (await self._connection.execute(due)).first() is not None

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> tuple[ProviderKey, ...]:
        """Keys whose time for a check has come; nobody else is given them before `until`."""
        due = (
            select(_KEYS.c.id)
            .where(_KEYS.c.status != KeyStatus.REVOKED, _KEYS.c.next_check_at <= now)
            .order_by(_KEYS.c.next_check_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = await self._connection.execute(
            update(_KEYS).where(_KEYS.c.id.in_(due.scalar_subquery())).values(next_check_at=until).returning(_KEYS)
        )
        return tuple(_key(row) for row in claimed)


def _values(stored: StoredKey) -> dict[str, Any]:
    key, sealed = stored.key, stored.sealed
    return {
        "id": key.id,
        "workspace": key.workspace,
        "provider": key.provider,
        "label": key.label,
        "base_url": key.base_url,
        "origin": stored.origin,
        "last_four": key.last_four,
        "fingerprint": key.fingerprint,
        "status": key.status,
        "version": key.version,
        "is_default": key.is_default,
        "data_key": sealed.data_key if sealed else "",
        "sealed": sealed.blob if sealed else None,
        "set_by": key.set_by,
        "set_at": key.set_at,
        "checked_at": key.checked_at,
        "expires_on": key.expires_on,
        "problem": key.problem,
        "paused_until": None,  # that was told to the key before
    }


def _key(row: Row[Any]) -> ProviderKey:
    return ProviderKey(
        id=row.id,
        workspace=row.workspace,
        provider=row.provider,
        label=row.label,
        base_url=row.base_url,
        last_four=row.last_four,
        fingerprint=row.fingerprint,
        status=KeyStatus(row.status),
        version=row.version,
        is_default=row.is_default,
        set_by=row.set_by,
        set_at=row.set_at,
        checked_at=row.checked_at,
        expires_on=row.expires_on,
        problem=row.problem,
        paused_until=row.paused_until,
        max_at_once=row.max_at_once,
        max_per_minute=row.max_per_minute,
    )


def _stored(row: Row[Any] | None) -> StoredKey | None:
    if row is None:
        return None
    sealed = SealedSecret(row.data_key, bytes(row.sealed)) if row.sealed is not None else None
    return StoredKey(_key(row), row.origin, sealed)
