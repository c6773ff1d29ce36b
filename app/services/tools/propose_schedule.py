"""A schedule that an agent proposes: an admin agrees to it, and answers for it from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.approvals import ApprovalState
from app.domain.chat import Place, UserRef
from app.domain.grants import Target, Traits, digest
from app.domain.run import ToolResult, ToolSpec
from app.errors import BadInput
from app.ports.agents import RunFacts, Tool
from app.services.schedules import LONGEST, ScheduleDraft, Schedules
from app.services.timing import CHOICES, CUSTOM, LONGEST_CRON, cron_of, in_words, zone
from app.store.unit_of_work import Database

NAME = "propose_schedule"


class ProposeSchedule:
    """For this agent and this channel only. Without an admin's word for exactly this there is no schedule, whatever a grant says."""

    traits = Traits(changes=True)
    spec = ToolSpec(
        name=NAME,
        description=(
            "Proposes that you do something regularly and post what comes of it in this channel. An admin has to agree. "
            "Say what is to be done as if you were asked it each time."
        ),
        parameters={
            "type": "object",
            "properties": {
                "what": {"type": "string", "maxLength": LONGEST},
                "every": {"type": "string", "enum": [*CHOICES, CUSTOM], "description": "`cron` takes the expression."},
                "time": {"type": "string", "description": "A time of day, such as 09:00."},
                "cron": {"type": "string", "maxLength": LONGEST_CRON},
                "time_zone": {"type": "string", "description": "Such as Europe/Berlin."},
            },
            "required": ["what", "every", "time_zone"],
            "additionalProperties": False,
        },
        writes=True,
    )

    def __init__(self, facts: RunFacts, database: Database, schedules: Schedules) -> None:
        self._facts = facts
        self._database = database
        self._schedules = schedules

    def target(self, arguments: Mapping[str, Any]) -> Target:
        """See Tool."""
        self._draft(arguments)
        return Target()

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """See Tool."""
        try:
            draft = self._draft(arguments)
            by = await self._agreed(digest(NAME, arguments))
            schedule = await self._schedules.create(draft, by)
        except BadInput as error:
            return ToolResult(call_id, error.message, is_error=True)
        when = f"{in_words(schedule.cron)} ({schedule.time_zone})"
        return ToolResult(call_id, f"The schedule is set up: {when}. An admin can pause or delete it in the home tab.")

    async def _agreed(self, exactly: str) -> UserRef:
        """The admin who agreed to these very arguments in this run."""
        async with self._database.read() as uow:
            asked = await uow.approvals.of_run(self._facts.workspace, self._facts.run)
        found = [
            one
            for one in asked
            if (one.tool, one.digest, one.agent) == (NAME, exactly, self._facts.agent.id)
            and one.state is ApprovalState.APPROVED
            and one.admins_only
        ]
        if not found:
            raise BadInput("An admin has to agree to a schedule, each time.")
        return UserRef(self._facts.workspace, found[-1].decided_by)

    def _draft(self, arguments: Mapping[str, Any]) -> ScheduleDraft:
        texts = {name: arguments.get(name, "") for name in ("what", "every", "time", "cron", "time_zone")}
        if set(arguments) - set(texts) or not all(isinstance(text, str) for text in texts.values()):
            raise BadInput("propose_schedule takes what, every, time or cron, and time_zone.")
        if self._facts.conversation.place is not Place.CHANNEL:
            raise BadInput("Schedules post in channels: let somebody ask for it in the channel that it is for.")
        if not 0 < len(texts["what"].strip()) <= LONGEST:
            raise BadInput(f"what has words, and at most {LONGEST} characters.", field="what")
        cron = cron_of(texts["every"], texts["time"], texts["cron"])
        channel = self._facts.conversation.channel
        return ScheduleDraft(self._facts.agent.id, channel, texts["what"], cron, zone(texts["time_zone"]))


class ScheduleTools:
    """See ToolSource. A schedule proposes no others, and an agent that is asked by another proposes none."""

    def __init__(self, database: Database, schedules: Schedules) -> None:
        self._database = database
        self._schedules = schedules

    async def tools(self, facts: RunFacts) -> Sequence[Tool]:
        """See ToolSource."""
        if facts.depth or not facts.invoker.attended:
            return ()
        return (ProposeSchedule(facts, self._database, self._schedules),)
