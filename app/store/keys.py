"""Provider keys, sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update
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

    async def add(self, stored: StoredKey, next_check_at: datetime | None) -> None:
        """Keep a new key; its label must be free."""
        await self._connection.execute(insert(_KEYS).values(**_values(stored), next_check_at=next_check_at))

    async def replace(self, stored: StoredKey, next_check_at: datetime | None) -> None:
        """Write a newer version over the old one, whose sealed secret is thereby gone."""
        key = stored.key
        await self._connection.execute(
            update(_KEYS)
            .where(_KEYS.c.workspace == key.workspace, _KEYS.c.id == key.id)
            .values(**_values(stored), next_check_at=next_check_at)
        )

    async def mark(
        self, key: ProviderKey, status: KeyStatus, *, next_check_at: datetime | None = None, checked: bool = True
    ) -> bool:
        """Keep what is known of this version of a key now. False if it was replaced or revoked meanwhile: then nothing is changed."""
        values: dict[str, Any] = {"status": status, "next_check_at": next_check_at}
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
        """Shred the sealed secret; the row remains, so that the audit trail's ids mean something."""
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
        due = select(_KEYS.c.id).where(_KEYS.c.status == KeyStatus.UNVERIFIED, _KEYS.c.next_check_at <= now).limit(1)
        return (await self._connection.execute(due)).first() is not None

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> tuple[ProviderKey, ...]:
        """Unverified keys whose time for another check has come; nobody else is given them before `until`."""
        due = (
            select(_KEYS.c.id)
            .where(_KEYS.c.status == KeyStatus.UNVERIFIED, _KEYS.c.next_check_at <= now)
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
    )


def _stored(row: Row[Any] | None) -> StoredKey | None:
    if row is None:
        return None
    sealed = SealedSecret(row.data_key, bytes(row.sealed)) if row.sealed is not None else None
    return StoredKey(_key(row), row.origin, sealed)
