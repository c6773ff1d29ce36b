"""A desk whose agents have schedules, notes and each other, with the screens of all that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from agents import prompt
from agents.runner import Runner
from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, MessageRef, UserRef
from app.domain.events import Action, Command, Outcome, Submission
from app.domain.grants import ToolGrant
from app.domain.run import ToolResult
from app.domain.schedules import Schedule
from app.services.agent_drafts import AgentDraft
from app.services.commands import Commands
from app.services.desks.agents import AgentDesk
from app.services.desks.keys import KeyDesk
from app.services.desks.people import PeopleDesk
from app.services.forms import Forms
from app.services.home import Home
from app.services.notices import Notices
from app.services.scheduler import Scheduler
from app.services.schedules import ScheduleDraft
from app.services.standing import Standing
from tests.app.bench import ADMIN, WORKSPACE
from tests.app.desk import Desk
from tests.fakes.platform import ChatMessage

NINE = "0 9 * * *"


@dataclass
class Office:
    """#general (C1) and #support (C2) are open; the clock stands at noon of a Monday, in UTC."""

    desk: Desk
    standing: Standing = field(init=False)
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        desk, bench = self.desk, self.desk.bench
        platforms = {desk.platform.name: desk.platform}
        desk.platform.channels.add("C1", "general")
        desk.platform.channels.add("C2", "support")
        self.standing = Standing(
            bench.database, bench.vault, platforms, desk.toolkit, keys=bench.keys, runner=Runner(), prompt=prompt.build,
            permissions=desk.permissions, agents=bench.agents, access=bench.access,
            notices=Notices(platforms, bench.access), clock=bench.clock,
        )  # fmt: skip
        self.scheduler = self.standing.scheduler(desk.runs)
        keys, agents = KeyDesk(bench.keys, bench.agents), AgentDesk(bench.agents, bench.keys, bench.models.comparisons)
        people = PeopleDesk(bench.database, bench.access, bench.workspaces, bench.memory)
        self.home = Home(
            platforms, access=bench.access, workspaces=bench.workspaces, agents=bench.agents, keys=bench.keys,
            memory=bench.memory, background=bench.background,
            sections=[self.standing.schedule_desk, self.standing.note_desk],
        )  # fmt: skip
        self.forms = Forms(
            access=bench.access, workspaces=bench.workspaces, keys=keys, agents=agents, people=people, home=self.home, more=[self.standing.schedule_desk, self.standing.note_desk]
        )  # fmt: skip
        self.commands = Commands(
            bench.database, access=bench.access, workspaces=bench.workspaces, keys=bench.keys, key_desk=keys,
            agents=agents, people=people, home=self.home, more=[self.standing.schedule_desk, self.standing.note_desk],
        )  # fmt: skip

    async def tick(self) -> None:
        """The clock's hand moves, and whatever it starts ends; then it is looked at once more."""
        await self.scheduler.tick()
        await self.desk.settled()
        await self.scheduler.tick()

    async def schedule(
        self, text: str = "Say good morning", *, cron: str = NINE, channel: str = "C2", by: UserRef = ADMIN
    ) -> Schedule:
        agent = await self.desk.bench.agent()
        return await self.standing.schedules.create(ScheduleDraft(agent.id, channel, text, cron, "UTC"), by)

    async def the(self, schedule: Schedule) -> Schedule:
        """As it is now."""
        (found,) = [one for one in await self.standing.schedules.all(WORKSPACE) if one.id == schedule.id]
        return found

    def until(self, moment: datetime) -> None:
        self.desk.bench.clock.moment = moment

    def posted(self, channel: str = "C2") -> list[ChatMessage]:
        """What we wrote in a channel, oldest first."""
        return [m for m in self.desk.platform.messages if m.ref.channel == channel and (m.run or m.aside)]

    async def agent(self, name: str, *grants: ToolGrant) -> AgentSpec:
        """A new agent that holds these."""
        draft = AgentDraft(name=name, description=f"Is a {name}.", instructions=f"You are the {name}.", grants=grants)
        return await self.desk.bench.agents.create(WORKSPACE, draft, ADMIN)

    async def grant(self, *grants: ToolGrant, agent: str = "assistant") -> AgentSpec:
        """The agent holds these and no others."""
        kept = tuple(replace(grant, id=grant.id or f"{agent}-{at}") for at, grant in enumerate(grants))
        async with self.desk.database.begin() as uow:
            changed = replace(await self.desk.bench.agent(agent), grants=kept)
            await uow.agents.change(changed)
        return changed

    def results(self) -> list[ToolResult]:
        """What the model was told of its calls, in order, as of its last request."""
        last = self.desk.model.requests[-1]
        return [part for message in last.messages for part in message.parts if isinstance(part, ToolResult)]

    async def typed(self, text: str, *, by: UserRef = ADMIN) -> Outcome:
        outcome = await self.commands.command(Command(by, text, "C1"))
        await self.desk.bench.settled()
        return outcome

    async def pressed(
        self, action: str, value: str = "", *, by: UserRef = ADMIN, message: MessageRef | None = None
    ) -> Outcome:
        outcome = await self.forms.action(Action(by, action, value, message=message))
        await self.desk.bench.settled()
        return outcome

    async def sent(self, form: str, values: Mapping[str, str], *, by: UserRef = ADMIN) -> Outcome:
        outcome = await self.forms.submission(Submission(by, form, values))
        await self.desk.bench.settled()
        return outcome


def thread_of(message: ChatMessage) -> ConversationRef:
    return ConversationRef(message.ref.workspace, message.ref.channel, message.thread)
