"""When keys end, as their admins noted it: warned of in time, never acted on."""

from __future__ import annotations

from datetime import date, timedelta

import structlog

from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.keys import ProviderKey
from app.errors import BadInput, NoKey
from app.ports.clock import Clock
from app.services.calendar import Calendar
from app.services.key_ring import KeyRing
from app.services.key_usage import agents_on
from app.services.notices import Notices
from app.services.screens import key_news as news
from app.services.workspaces import WorkspaceSettings
from app.store.unit_of_work import Database, UnitOfWork
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)

WARNED = (0, 1, 7, 14)
"""Days before, each told of once: the nearest that is reached."""


class Expiries:
    """Whoever calls `note` has seen to it that `by` is an admin."""

    def __init__(self, database: Database, *, ring: KeyRing, notices: Notices, clock: Clock) -> None:
        self._database = database
        self._ring = ring
        self._notices = notices
        self._clock = clock

    async def note(self, workspace: str, key_id: str, expires_on: date | None, by: UserRef) -> ProviderKey:
        """Keep the day, or that there is none. Raises NoKey, or BadInput for a day that is over."""
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            stored = await uow.keys.get(workspace, key_id)
            if stored is None or stored.sealed is None:
                raise NoKey("That key is not there any more.")
            if expires_on and expires_on < await self._today(uow, workspace):
                raise BadInput("That day is over. Enter one to come, or none.", field="expires_on")
            await uow.keys.note_expiry(workspace, key_id, expires_on)
            about = {"expires_on": expires_on.isoformat() if expires_on else ""}
            await uow.audit.append(AuditEntry(workspace, by.id, "key.expiry_noted", key_id, about))
            stored = await uow.keys.get(workspace, key_id)
        if stored is None:
            raise NoKey("That key is not there any more.")
        return stored.key

    async def tick(self) -> None:
        """To be called every hour or so: warn of the keys that end soon, once for each time."""
        latest = self._clock.now().date() + timedelta(days=WARNED[-1] + 1)  # it is tomorrow somewhere
        async with self._database.read() as uow:
            ending = await uow.keys.expiring(latest)
        for key in ending:
            try:
                await self._warn(key)
            except Exception as error:  # noqa: BLE001 - one workspace's trouble must not keep the others unwarned
                log.error("expiry not told", workspace=key.workspace, key=key.id, **place_of(error))  # noqa: TRY400 - no exception text in logs

    async def _warn(self, key: ProviderKey) -> None:
        if key.expires_on is None:
            return
        async with self._database.begin() as uow:
            left = (key.expires_on - await self._today(uow, key.workspace)).days
            stage = next((days for days in WARNED if left <= days), None)
            if stage is None:
                return
            if not await uow.told.once(key.workspace, f"expiry:{key.id}:{key.version}:{key.expires_on}:{stage}"):
                return
            agents = agents_on(key, await uow.agents.all(key.workspace), await uow.keys.all(key.workspace))
        view = news.expiring(self._ring.title(key.provider), key, agents, key.expires_on, left)
        await self._notices.tell_admins(key.workspace, key.set_by, view)

    async def _today(self, uow: UnitOfWork, workspace: str) -> date:
        row = await uow.workspaces.get(workspace)
        zone = WorkspaceSettings.of(row.settings if row else {}).time_zone
        return date.fromisoformat(Calendar.of(zone).day(self._clock.now()))
