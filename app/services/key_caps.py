"""How often a key may be used, as an admin wants it: so many calls at once, so many a minute, whichever process makes them."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.keys import ProviderKey
from app.errors import BadInput, Capped, NoKey
from app.services.waiting_room import Full, Place, WaitingRoom
from app.store.unit_of_work import Database, UnitOfWork

MOST_AT_ONCE, MOST_PER_MINUTE = 500, 100_000

MINUTE = timedelta(minutes=1)
SOON = 5.0
"""Seconds after which it is looked again whether a call that waited in vain can be made."""


async def within_caps(uow: UnitOfWork, key: ProviderKey, rooms: WaitingRoom, place: Place, now: datetime) -> None:
    """Return if one more call may be made; raises Full. Whoever asks holds the workspace's lock (`uow.spend.ground`)."""
    if not (key.max_at_once or key.max_per_minute):
        return
    subject = (key.id, "calls")
    under_way, within_a_minute = await uow.spend.calls_under(key.workspace, key.id, now - MINUTE)
    too_many = key.max_at_once and under_way >= key.max_at_once
    too_often = key.max_per_minute and within_a_minute >= key.max_per_minute
    if too_many or too_often or rooms.others_first(subject, place):
        raise Full(subject, Capped(retry_after=SOON))


def check(at_once: int, per_minute: int) -> None:
    """Raises BadInput for what can't be caps."""
    if not 0 <= at_once <= MOST_AT_ONCE:
        raise BadInput(f"Choose a number up to {MOST_AT_ONCE}, or leave it empty.", field="at_once")
    if not 0 <= per_minute <= MOST_PER_MINUTE:
        raise BadInput(f"Choose a number up to {MOST_PER_MINUTE}, or leave it empty.", field="per_minute")


class KeyCaps:
    """What admins set. Whoever calls has seen to it that `by` is one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, workspace: str, key_id: str, by: UserRef, *, at_once: int, per_minute: int) -> None:
        """Keep how often a key may be used from its next call on; 0: as often as there is something to ask. Raises NoKey or BadInput."""
        check(at_once, per_minute)
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            stored = await uow.keys.get(workspace, key_id)
            if stored is None or stored.sealed is None:
                raise NoKey("That key is not there any more.")
            if (stored.key.max_at_once, stored.key.max_per_minute) == (at_once, per_minute):
                return
            await uow.keys.cap(workspace, key_id, at_once=at_once, per_minute=per_minute)
            caps = {"at_once": str(at_once), "per_minute": str(per_minute)}
            await uow.audit.append(AuditEntry(workspace, by.id, "key.capped", key_id, caps))
