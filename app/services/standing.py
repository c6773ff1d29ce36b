"""What agents do and know beyond one answer: schedules, notes, and each other; put together."""

from __future__ import annotations

from collections.abc import Mapping

from app.ports.agents import AgentRunner, PromptBuilder
from app.ports.clock import Clock
from app.ports.engine import Runs
from app.ports.keys import Sealer
from app.ports.platform import ChatPlatform
from app.services.access import Access
from app.services.agents import Agents
from app.services.desks.notes import NoteDesk
from app.services.desks.schedules import ScheduleDesk
from app.services.handover import Handover
from app.services.notes import Notes
from app.services.notices import Notices
from app.services.permissions import Permissions
from app.services.plans import HoldsKeys
from app.services.scheduler import Scheduler
from app.services.schedules import Schedules
from app.services.toolkit import Toolkit
from app.services.tools.ask_agent import AgentTools
from app.services.tools.notes import NoteTools
from app.services.tools.propose_schedule import ScheduleTools
from app.store.unit_of_work import Database


class Standing:
    """Adds its tools to the toolkit; its desks are for the home tab, commands and forms, `scheduler` for whatever comes round."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        platforms: Mapping[str, ChatPlatform],
        toolkit: Toolkit,
        *,
        keys: HoldsKeys,
        runner: AgentRunner,
        prompt: PromptBuilder,
        permissions: Permissions,
        agents: Agents,
        access: Access,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._platforms = platforms
        self._access = access
        self._notices = notices
        self._clock = clock
        self.notes = Notes(database, sealer, redact=keys.redact, clock=clock)
        self.schedules = Schedules(database, sealer, platforms, redact=keys.redact, clock=clock)
        self.schedule_desk = ScheduleDesk(self.schedules, agents)
        self.note_desk = NoteDesk(self.notes, agents, access)
        handover = Handover(database, keys=keys, runner=runner, prompt=prompt, toolkit=toolkit)
        toolkit.add(NoteTools(self.notes, permissions))
        toolkit.add(ScheduleTools(database, self.schedules))
        toolkit.add(AgentTools(database, handover))

    def scheduler(self, runs: Runs) -> Scheduler:
        """Starts what is due, on this engine."""
        return Scheduler(
            self._database, self._sealer, runs, self._platforms,
            schedules=self.schedules, access=self._access, notices=self._notices, clock=self._clock,
        )  # fmt: skip
