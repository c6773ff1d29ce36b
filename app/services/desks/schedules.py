"""Schedules: listed, set up, paused and dropped."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.chat import UserRef
from app.domain.events import Action, Close, Nothing, Open, Outcome, Private, Replace, Submission
from app.domain.schedules import Schedule
from app.domain.views import Block, View
from app.errors import BadInput
from app.services.agents import Agents
from app.services.commands import Run
from app.services.forms import Act, Save
from app.services.schedules import ScheduleDraft, Schedules
from app.services.screens import schedules as screens
from app.services.screens.words import beside
from app.services.timing import cron_of


class ScheduleDesk:
    """See MoreScreens, MoreCommands and Section: all of it is an admin's. Raises UserError in the admin's words."""

    def __init__(self, schedules: Schedules, agents: Agents) -> None:
        self._schedules = schedules
        self._agents = agents
        self.for_all: Mapping[str, Run] = {}
        self.for_admins: Mapping[str, Run] = {"schedules": self._command}
        self.open_acts: Mapping[str, Act] = {}
        self.acts: Mapping[str, Act] = {
            screens.NEW: self._new,
            screens.PAUSE: self._pause,
            screens.RESUME: self._resume,
            screens.DELETE: self._delete,
        }
        self.saves: Mapping[str, Save] = {screens.FORM: self._save}

    async def section(self, user: UserRef, *, admin: bool) -> tuple[Block, ...]:
        """See Section."""
        if not admin:
            return ()
        schedules = await self._schedules.all(user.workspace)
        texts = await self._texts(schedules[: screens.MOST_SHOWN])
        return screens.section(schedules, texts, await self._agents.all(user.workspace))

    async def _command(self, user: UserRef, rest: str) -> Outcome:
        return Private(await self._page(user.workspace))

    async def _new(self, event: Action) -> Outcome:
        workspace = event.user.workspace
        before = await self._schedules.all(workspace)
        zone = before[-1].time_zone if before else "UTC"
        return Open(screens.form(await self._agents.all(workspace), zone))

    async def _save(self, sent: Submission) -> Outcome:
        values = sent.values
        try:
            channels = values.get("channel", "").split()
            if len(channels) != 1:
                raise BadInput("Choose one channel.", field="channel")
            cron = cron_of(values.get("every", ""), values.get("time", ""), values.get("cron", ""))
            draft = ScheduleDraft(
                values.get("agent", ""), channels[0], values.get("text", ""), cron, values.get("time_zone", "")
            )
            schedule = await self._schedules.create(draft, sent.user)
        except BadInput as error:
            return beside(error.field or "text", error.message)
        agents = await self._agents.all(sent.user.workspace)
        return Close(screens.saved(schedule, next((one for one in agents if one.id == schedule.agent_id), None)))

    async def _pause(self, event: Action) -> Outcome:
        await self._schedules.pause(event.value, event.user)
        return await self._after(event)

    async def _resume(self, event: Action) -> Outcome:
        await self._schedules.resume(event.value, event.user)
        return await self._after(event)

    async def _delete(self, event: Action) -> Outcome:
        await self._schedules.delete(event.value, event.user)
        return await self._after(event)

    async def _after(self, event: Action) -> Outcome:
        """Under a message the list as it is now; the home tab is published anew by itself."""
        return Replace(await self._page(event.user.workspace)) if event.message else Nothing()

    async def _page(self, workspace: str) -> View:
        schedules = await self._schedules.all(workspace)
        return screens.page(schedules, await self._texts(schedules), await self._agents.all(workspace))

    async def _texts(self, schedules: tuple[Schedule, ...]) -> dict[str, str]:
        return {schedule.id: await self._schedules.text(schedule) for schedule in schedules}
