"""Starts what is due, once, whoever looks and whatever crashes; and tells who set it up when it went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import structlog

from app.domain.audit import AuditEntry
from app.domain.chat import ConversationRef, UserRef
from app.domain.events import Addressed, Mention
from app.domain.inbox import Arrival
from app.domain.run import RunState
from app.domain.schedules import Schedule, occurrence
from app.domain.views import View
from app.errors import NotAllowed, NotReachable, PlatformError, WontOpen
from app.ports.clock import Clock
from app.ports.engine import Runs
from app.ports.keys import Sealer
from app.ports.platform import ChatPlatform
from app.services.codec import dump
from app.services.explain import INTERRUPTED
from app.services.ids import new_id
from app.services.notices import Notices
from app.services.plans import payload_place
from app.services.schedules import Schedules
from app.services.screens import schedules as screens
from app.services.timing import next_after
from app.services.workspaces import ITSELF
from app.store.unit_of_work import Database
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 20
"""Read in one go."""


class TellsAdmins(Protocol):
    """What is needed of `app.services.access`."""

    async def is_admin(self, user: UserRef) -> bool:
        """Whether this person is an admin now."""


class Scheduler:
    """To be asked every few seconds, by any number of processes."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        runs: Runs,
        platforms: Mapping[str, ChatPlatform],
        *,
        schedules: Schedules,
        access: TellsAdmins,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._runs = runs
        self._platforms = platforms
        self._schedules = schedules
        self._access = access
        self._notices = notices
        self._clock = clock

    async def tick(self) -> None:
        """Start what is due, and see how what was started has ended. What was missed is made up for once, not once for each time."""
        now, away, last = self._clock.now(), set[str](), None
        while True:  # what has to wait stays due, and must not stand in the way of others
            async with self._database.read() as uow:
                due = await uow.schedules.due(now, MOST_AT_ONCE, last)
            for schedule in due:
                if schedule.workspace not in away and not await self._tried(schedule):
                    away.add(schedule.workspace)
            if len(due) < MOST_AT_ONCE:
                break
            last = due[-1]
        await self._settle()

    async def _tried(self, schedule: Schedule) -> bool:
        """False where its workspace's chat is not there at the moment."""
        try:
            await self._begin(schedule)
        except PlatformError as error:  # it is still due when the platform is there again
            log.warning("schedule has to wait for its platform", schedule=schedule.id, error=error.code)
            return False
        except Exception as error:  # noqa: BLE001 - one that can't be begun must not keep all others back
            log.error("schedule not begun", schedule=schedule.id, **place_of(error))  # noqa: TRY400 - no exception text in logs
        return True

    async def _begin(self, schedule: Schedule) -> None:
        creator = UserRef(schedule.workspace, schedule.created_by)
        platform = self._platforms.get(schedule.workspace.partition(":")[0])
        if platform is None or schedule.next_at is None:
            return  # its platform is not served at the moment
        try:
            channel = await platform.find_channel(creator, schedule.channel)
        except NotReachable:
            channel = None
        if not await self._access.is_admin(creator):
            await self._rest(schedule, creator)
        elif channel is None:
            await self._failed_at_once(schedule, creator, NotReachable.__name__)
        else:
            await self._start(schedule, creator, shared=channel.shared)

    async def _start(self, schedule: Schedule, creator: UserRef, *, shared: bool) -> None:
        """In one transaction the schedule moves on and its event is kept: either both have happened or neither has."""
        if schedule.next_at is None:
            return
        event = occurrence(schedule.id, schedule.next_at)
        where = ConversationRef(schedule.workspace, schedule.channel, event, shared=shared)
        text = await self._schedules.text(schedule)
        mention = Mention(
            event, where, event, creator, Addressed.SCHEDULED, self._clock.now(), text, agent=schedule.agent_id
        )
        try:
            place = payload_place(where.workspace, where.channel, event)
            payload = await self._sealer.seal(place, json.dumps(dump(mention)).encode())
        except WontOpen:
            return  # the app is being removed
        arrival = Arrival(where.workspace, where.channel, event, event, event, creator.id, payload, shared=shared)
        async with self._database.begin() as uow:
            if not await uow.schedules.begin(schedule, self._following(schedule)):
                return  # somebody else has, or an admin paused it
            conversation = new_id("conv", self._clock.now())
            (accepted,) = await uow.inbox.accept([(conversation, arrival)])
            await uow.audit.append(AuditEntry(schedule.workspace, ITSELF, "schedule.started", schedule.id))
        log.info("schedule started", schedule=schedule.id, workspace=schedule.workspace)
        await self._runs.start(accepted.conversation)

    async def _rest(self, schedule: Schedule, creator: UserRef) -> None:
        """Nobody who may answers for it any more."""
        async with self._database.begin() as uow:
            if not await uow.schedules.rest(schedule.id, NotAllowed.__name__):
                return
            await uow.audit.append(AuditEntry(schedule.workspace, ITSELF, "schedule.paused", schedule.id))
        told = await self._view(schedule, NotAllowed.__name__)
        await self._notices.tell(creator, told)
        await self._notices.tell_admins(schedule.workspace, "", told)

    async def _failed_at_once(self, schedule: Schedule, creator: UserRef, code: str) -> None:
        async with self._database.begin() as uow:
            mine = await uow.schedules.begin(schedule, self._following(schedule), outcome=code)
        if mine and schedule.last_outcome != code:
            await self._notices.tell(creator, await self._view(schedule, code))

    async def _settle(self) -> None:
        """What went wrong for the same reason the last time has been told already."""
        async with self._database.read() as uow:
            running = await uow.schedules.running()
        for schedule in running:
            outcome = await self._outcome(schedule)
            if outcome is None:
                continue
            async with self._database.begin() as uow:
                mine = await uow.schedules.settle(schedule, outcome)
            if mine and outcome and outcome != schedule.last_outcome:
                creator = UserRef(schedule.workspace, schedule.created_by)
                await self._notices.tell(creator, await self._view(schedule, outcome))

    async def _outcome(self, schedule: Schedule) -> str | None:
        """How its last run ended; None while nobody knows."""
        if schedule.last_at is None:
            return ""
        event = occurrence(schedule.id, schedule.last_at)
        async with self._database.read() as uow:
            waiting = await uow.inbox.waits(schedule.workspace, event)
            run = await uow.runs.of_message(schedule.workspace, schedule.channel, event)
        if waiting or (run and run.state is RunState.RUNNING):
            return None
        if run is None:
            return INTERRUPTED
        if run.state is RunState.STOPPED:
            return ""  # a person did that
        return run.error or (INTERRUPTED if run.state is RunState.FAILED else "")

    async def _view(self, schedule: Schedule, code: str) -> View:
        async with self._database.read() as uow:
            agent = await uow.agents.get(schedule.workspace, schedule.agent_id)
        return screens.failed(schedule, agent.name if agent else "", code)

    def _following(self, schedule: Schedule) -> datetime:
        return next_after(schedule.cron, schedule.time_zone, self._clock.now())
