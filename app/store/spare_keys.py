"""Keys beside the ones in use, sealed: the next one while it is tried, the one before while a rotation may be undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.keys import KeyStatus, SpareKey, Which
from app.domain.secrets import SealedSecret
from app.ports.clock import Clock
from app.store import tables

_SPARES = tables.spare_keys


@dataclass(frozen=True, slots=True)
class StoredSpare:
    """A spare key as its row has it: what may be told of it, where it may be sent, and the sealed secret."""

    spare: SpareKey
    origin: str
    sealed: SealedSecret


class SpareKeyRows:
    """Spare keys. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def all(self, workspace: str) -> tuple[SpareKey, ...]:
        """Every spare key of a workspace whose time is not over."""
        mine = (_SPARES.c.workspace == workspace, _SPARES.c.keep_until > self._clock.now())
        found = await self._connection.execute(select(_SPARES).where(*mine).order_by(_SPARES.c.key_id, _SPARES.c.which))
        return tuple(_spare(row) for row in found)

    async def get(self, workspace: str, key: str, which: Which) -> StoredSpare | None:
        """The one of this kind beside a key of this workspace, unless its time is over."""
        found = await self._connection.execute(
            select(_SPARES).where(*_one(workspace, key, which), _SPARES.c.keep_until > self._clock.now())
        )
        return _stored(found.first())

    async def put(self, stored: StoredSpare) -> tuple[SpareKey, ...]:
        """Keep it; the one of its kind that stood there is destroyed, and told."""
        spare = stored.spare
        gone = await self.destroy(spare.workspace, spare.key_id, spare.which)
        await self._connection.execute(insert(_SPARES).values(_values(stored)))
        return gone

    async def destroy(self, workspace: str, key: str, *which: Which) -> tuple[SpareKey, ...]:
        """Destroy what stands beside a key, all of it or of these kinds; tells what that was."""
        kinds = which or tuple(Which)
        found = await self._connection.execute(
            delete(_SPARES)
            .where(_SPARES.c.workspace == workspace, _SPARES.c.key_id == key, _SPARES.c.which.in_(kinds))
            .returning(_SPARES)
        )
        return tuple(_spare(row) for row in found)

    async def destroy_over(self, spare: SpareKey, now: datetime) -> bool:
        """Destroy this one if its time is over. False if somebody else did, or another one stands there."""
        done = await self._connection.execute(
            delete(_SPARES)
            .where(
                *_one(spare.workspace, spare.key_id, spare.which),
                _SPARES.c.version == spare.version,
                _SPARES.c.keep_until <= now,
            )
            .returning(_SPARES.c.key_id)
        )
        return done.first() is not None

    async def mark(self, spare: SpareKey, status: KeyStatus, next_try_at: datetime | None) -> bool:
        """Keep what is known of this very spare now. False if it is not there any more."""
        done = await self._connection.execute(
            update(_SPARES)
            .where(
                *_one(spare.workspace, spare.key_id, spare.which),
                _SPARES.c.version == spare.version,
                _SPARES.c.fingerprint == spare.fingerprint,
            )
            .values(status=status, next_try_at=next_try_at)
            .returning(_SPARES.c.key_id)
        )
        return done.first() is not None

    async def is_due(self, now: datetime) -> bool:
        """Whether there is anything to destroy or to claim."""
        due = or_(_SPARES.c.keep_until <= now, _SPARES.c.next_try_at <= now)
        return (await self._connection.execute(select(_SPARES.c.key_id).where(due).limit(1))).first() is not None

    async def over(self, now: datetime, limit: int) -> tuple[SpareKey, ...]:
        """Those whose time is over."""
        found = await self._connection.execute(
            select(_SPARES).where(_SPARES.c.keep_until <= now).order_by(_SPARES.c.keep_until).limit(limit)
        )
        return tuple(_spare(row) for row in found)

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> tuple[SpareKey, ...]:
        """Next keys whose time for another try has come; nobody else is given them before `until`."""
        due = (
            select(_SPARES.c.key_id)
            .where(_SPARES.c.which == Which.NEXT, _SPARES.c.next_try_at <= now, _SPARES.c.keep_until > now)
            .order_by(_SPARES.c.next_try_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = await self._connection.execute(
            update(_SPARES)
            .where(_SPARES.c.which == Which.NEXT, _SPARES.c.key_id.in_(due.scalar_subquery()))
            .values(next_try_at=until)
            .returning(_SPARES)
        )
        return tuple(_spare(row) for row in claimed)


def _one(workspace: str, key: str, which: Which) -> tuple[Any, ...]:
    return (_SPARES.c.workspace == workspace, _SPARES.c.key_id == key, _SPARES.c.which == which)


def _values(stored: StoredSpare) -> dict[str, Any]:
    spare = stored.spare
    values = {name: getattr(spare, name) for name in SpareKey.__slots__}
    return {**values, "origin": stored.origin, "data_key": stored.sealed.data_key, "sealed": stored.sealed.blob}


def _spare(row: Row[Any]) -> SpareKey:
    values = {name: getattr(row, name) for name in SpareKey.__slots__}
    return SpareKey(**{**values, "which": Which(row.which), "status": KeyStatus(row.status)})


def _stored(row: Row[Any] | None) -> StoredSpare | None:
    if row is None:
        return None
    return StoredSpare(_spare(row), row.origin, SealedSecret(row.data_key, bytes(row.sealed)))
