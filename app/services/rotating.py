"""Rotations under way: what a person waits for a moment, what goes on behind them, and what time brings."""

from __future__ import annotations

import asyncio

import structlog

from app.domain.chat import UserRef
from app.domain.keys import SpareKey, Which
from app.errors import NoKey
from app.ports.clock import Clock
from app.services.background import Background
from app.services.key_checks import AT_ONCE
from app.services.key_leaks import KnownKeys
from app.services.key_ring import KeyRing
from app.services.notices import Notices
from app.services.rotation import LEASE, Rotation
from app.services.rotation_outcomes import BeingTried, NextKey, Outcome, note_destroyed
from app.services.screens import rotation as screens
from app.services.workspaces import ITSELF
from app.store.spare_keys import StoredSpare
from app.store.unit_of_work import Database
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)

MOST_AT_A_TIME = 20


class Rotating:
    """A rotation that was begun comes to an end, whoever goes away meanwhile: what is not settled in time is taken up by `tick`."""

    def __init__(
        self,
        database: Database,
        rotation: Rotation,
        *,
        ring: KeyRing,
        known: KnownKeys,
        notices: Notices,
        background: Background,
        clock: Clock,
    ) -> None:
        self._database = database
        self._rotation = rotation
        self._ring = ring
        self._known = known
        self._notices = notices
        self._background = background
        self._clock = clock

    async def rotate(
        self, workspace: str, key_id: str, entry: NextKey, by: UserRef, *, seconds: float = AT_ONCE
    ) -> Outcome:
        """What came of it within so many seconds; what takes longer goes on, and `by` is told. Raises BadInput or NoKey."""
        deadline = asyncio.get_running_loop().time() + seconds
        stored, secret = await self._rotation.begin(workspace, key_id, entry, by)
        trying = asyncio.create_task(self._rotation.settle(stored, secret), name="try a key")
        try:
            await asyncio.wait({trying}, timeout=max(deadline - asyncio.get_running_loop().time(), 0.0))
        finally:
            if not trying.done():
                self._background.spawn(self._tell_later(stored.spare, trying), name="try a key")
        if trying.done():
            return trying.result()
        return BeingTried(await self._rotation.key(workspace, key_id), stored.spare)

    async def tick(self) -> None:
        """To be called every few seconds: next keys whose time has come are tried again, spare keys whose time is over destroyed."""
        now = self._clock.now()
        async with self._database.read() as uow:
            if not await uow.spare_keys.is_due(now):
                return  # as nearly always
        async with self._database.begin() as uow:
            due = await uow.spare_keys.claim_due(now, now + LEASE, MOST_AT_A_TIME)
        async with self._database.read() as uow:
            over = await uow.spare_keys.over(now, MOST_AT_A_TIME)
        await asyncio.gather(*(self._guarded(spare) for spare in due))
        for spare in over:
            await self._end(spare)

    async def _guarded(self, spare: SpareKey) -> None:
        try:
            async with self._database.read() as uow:
                stored = await uow.spare_keys.get(spare.workspace, spare.key_id, spare.which)
            if stored is not None:
                await self._tell(spare, await self._settled(stored))
        except Exception as error:  # noqa: BLE001 - one workspace's trouble is no reason to leave the others' keys untried
            log.error("a next key was not tried", workspace=spare.workspace, key=spare.key_id, **place_of(error))  # noqa: TRY400

    async def _settled(self, stored: StoredSpare) -> Outcome | None:
        try:
            return await self._rotation.settle(stored)
        except NoKey:
            return None  # revoked meanwhile: whoever did that knows

    async def _tell_later(self, spare: SpareKey, trying: asyncio.Task[Outcome]) -> None:
        try:
            outcome = await trying  # who is cancelled here takes the task along; `tick` takes it up again
        except NoKey:
            return
        await self._tell(spare, outcome)

    async def _tell(self, spare: SpareKey, outcome: Outcome | None) -> None:
        if outcome is None or isinstance(outcome, BeingTried):
            return  # it was said that this may take its time
        view = screens.outcome(self._ring.title(outcome.key.provider), outcome)
        await self._notices.tell_admins(spare.workspace, spare.rotated_by, view, most=1)

    async def _end(self, spare: SpareKey) -> None:
        async with self._database.begin() as uow:
            await uow.workspaces.lock(spare.workspace)
            if not await uow.spare_keys.destroy_over(spare, self._clock.now()):
                return
            await note_destroyed(uow, [spare], ITSELF)
            stored = await uow.keys.get(spare.workspace, spare.key_id)
        self._known.forget(spare.workspace)
        if spare.which is Which.NEXT and stored is not None:
            view = screens.ran_out(self._ring.title(stored.key.provider), stored.key, spare)
            await self._notices.tell_admins(spare.workspace, spare.rotated_by, view, most=1)
