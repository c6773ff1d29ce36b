"""What agents do regularly: set up, paused and dropped by admins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.schedules import Schedule
from app.domain.secrets import KeyContext
from app.errors import BadInput, PlatformError, WontOpen
from app.ports.clock import Clock
from app.ports.keys import Sealer
from app.ports.platform import ChatPlatform
from app.services.ids import new_id
from app.services.timing import checked, next_after, zone
from app.services.tools.told import Redact
from app.store.unit_of_work import Database

MOST = 20
"""Of a workspace: so many can be shown together with their buttons, on every platform."""

LONGEST = 1000


@dataclass(frozen=True, slots=True)
class ScheduleDraft:
    """What somebody wants done: by which agent (an id), where (a channel's id), what, and when."""

    agent_id: str
    channel: str
    text: str = field(repr=False)
    cron: str
    time_zone: str


class Schedules:
    """A workspace's schedules. Whoever calls what changes something has seen to it that `by` is an admin."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        platforms: Mapping[str, ChatPlatform],
        *,
        redact: Redact,
        clock: Clock,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._platforms = platforms
        self._redact = redact
        self._clock = clock

    async def all(self, workspace: str) -> tuple[Schedule, ...]:
        """Every schedule, oldest first."""
        async with self._database.read() as uow:
            return await uow.schedules.all(workspace)

    async def text(self, schedule: Schedule) -> str:
        """What it is to do; empty where that cannot be opened any more."""
        async with self._database.read() as uow:
            sealed = await uow.schedules.sealed(schedule.workspace, schedule.id)
        try:
            return (await self._sealer.open(_place(schedule), sealed)).decode() if sealed else ""
        except WontOpen:
            return ""

    async def create(self, draft: ScheduleDraft, by: UserRef) -> Schedule:
        """Set one up, on behalf of an admin. Raises BadInput naming the field."""
        workspace, now = by.workspace, self._clock.now()
        text = await self._fit(workspace, draft.text)
        await self._must_read(by, draft.channel)
        cron, time_zone = checked(draft.cron), zone(draft.time_zone)
        schedule = Schedule(
            new_id("sched", now), workspace, draft.agent_id, draft.channel, cron, time_zone, by.id, now,
            next_at=next_after(cron, time_zone, now),
        )  # fmt: skip
        sealed = await self._sealer.seal(_place(schedule), text.encode())
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            if len(await uow.schedules.all(workspace)) >= MOST:
                raise BadInput(f"There can be {MOST} schedules. Delete one first.", field="agent")
            agent = await uow.agents.get(workspace, draft.agent_id)
            if agent is None:
                raise BadInput("That agent is not there any more.", field="agent")
            if agent.channels and draft.channel not in agent.channels:
                raise BadInput(f"{agent.name} does not answer in that channel.", field="channel")
            await uow.schedules.add(schedule, sealed)
            about = {"agent": agent.id, "channel": schedule.channel, "when": f"{cron} {time_zone}"}
            await uow.audit.append(AuditEntry(workspace, by.id, "schedule.created", schedule.id, about))
        return schedule

    async def pause(self, schedule_id: str, by: UserRef) -> Schedule:
        """Let it rest. Raises BadInput if it is not there."""
        async with self._database.begin() as uow:
            schedule = await uow.schedules.get(by.workspace, schedule_id)
            if schedule is None:
                raise BadInput(GONE)
            if await uow.schedules.rest(schedule.id):
                await uow.audit.append(AuditEntry(by.workspace, by.id, "schedule.paused", schedule.id))
        return schedule

    async def resume(self, schedule_id: str, by: UserRef) -> Schedule:
        """Go on with it, from now on and on behalf of this admin. Raises BadInput."""
        now = self._clock.now()
        async with self._database.read() as uow:
            schedule = await uow.schedules.get(by.workspace, schedule_id)
        if schedule is None:
            raise BadInput(GONE)
        await self._must_read(by, schedule.channel)
        async with self._database.begin() as uow:
            await uow.schedules.resume(schedule.id, next_after(schedule.cron, schedule.time_zone, now), by.id)
            await uow.audit.append(AuditEntry(by.workspace, by.id, "schedule.resumed", schedule.id))
        return schedule

    async def delete(self, schedule_id: str, by: UserRef) -> None:
        """Drop it for good. Raises BadInput."""
        async with self._database.begin() as uow:
            if not await uow.schedules.delete(by.workspace, schedule_id):
                raise BadInput(GONE)
            await uow.audit.append(AuditEntry(by.workspace, by.id, "schedule.deleted", schedule_id))

    async def _fit(self, workspace: str, text: str) -> str:
        text = text.strip()
        if not text or len(text) > LONGEST:
            raise BadInput(f"Say what is to be done, in at most {LONGEST} characters.", field="text")
        if await self._redact(workspace, text) != text:
            raise BadInput("There is a key in that text. Keys are never part of what agents are asked.", field="text")
        return text

    async def _must_read(self, by: UserRef, channel: str) -> None:
        """What is told there is told on their behalf."""
        platform = self._platforms.get(by.workspace.partition(":")[0])
        try:
            found = await platform.find_channel(by, channel) if platform else None
        except PlatformError:
            raise BadInput("The chat could not be asked about that channel. Try again in a while.", field="channel") from None  # fmt: skip
        if found is None:
            raise BadInput("You can't read that channel, or it is not there. Choose another one.", field="channel")


GONE = "That schedule is not there any more."


def _place(schedule: Schedule) -> KeyContext:
    return KeyContext(schedule.workspace, "schedule", schedule.id)
