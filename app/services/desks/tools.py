"""What agents may do: shown, granted, changed, taken back, looked at ahead, and agents to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, Place, UserRef
from app.domain.events import Action, Close, Command, Open, Outcome, Private, Replace, Submission
from app.domain.grants import ToolGrant
from app.domain.views import Block, View
from app.errors import BadInput
from app.ports.clock import Clock
from app.services import grant_forms, offers
from app.services.agent_drafts import AgentDraft
from app.services.agents import Agents
from app.services.commands import Run, RunThere
from app.services.forms import Act, Save
from app.services.offers import Offer
from app.services.outlook import Outlooks
from app.services.screens import agent_tools as screens
from app.services.screens import agents as agent_screens
from app.services.screens import grant_form, outlook
from app.services.screens import templates as template_screens
from app.services.screens.words import beside
from app.services.templates import TEMPLATES, template
from app.store.unit_of_work import Database

GONE = "That grant is not there any more."
NO_TOOL = "There is no such tool, or it is not switched on. `/byok grants {}` lists them."


@dataclass(frozen=True, slots=True)
class _Known:
    """An agent, every tool there is, and what agents are called."""

    agent: AgentSpec
    agents: tuple[AgentSpec, ...]
    offers: tuple[Offer, ...]

    @property
    def names(self) -> Mapping[str, str]:
        return {agent.id: agent.name for agent in self.agents}

    def offer(self, tool: str) -> Offer:
        """A tool that can be granted now. Raises BadInput."""
        found = next((offer for offer in self.offers if offer.tool == tool), None)
        if found is None:
            raise BadInput(NO_TOOL.format(self.agent.name))
        return found

    def called(self, tool: str) -> Offer:
        """The same for one that may be gone."""
        return next((offer for offer in self.offers if offer.tool == tool), None) or offers.unknown(tool)

    def grant(self, grant_id: str) -> ToolGrant:
        """A grant of the agent. Raises BadInput."""
        found = next((grant for grant in self.agent.grants if grant.id == grant_id), None)
        if found is None:
            raise BadInput(GONE)
        return found


class ToolDesk:
    """See MoreScreens and MoreCommands. All of it is an admin's, but to look at what an agent can do for oneself."""

    def __init__(self, database: Database, agents: Agents, outlooks: Outlooks, clock: Clock) -> None:
        self._database = database
        self._agents = agents
        self._outlooks = outlooks
        self._clock = clock
        self.for_all: Mapping[str, Run] = {}
        self.for_admins: Mapping[str, Run] = {"grants": self._command, "templates": self._list_templates}
        self.there: Mapping[str, RunThere] = {"can": self._can_command}
        self.open_acts: Mapping[str, Act] = {agent_screens.CAN: self._can}
        self.acts: Mapping[str, Act] = {
            agent_screens.TOOLS: self._open,
            screens.GRANT: self._grant_form,
            screens.CHANGE: self._change_form,
            screens.REMOVE: self._take_back,
            agent_screens.TEMPLATES: self._templates,
            template_screens.USE: self._template_form,
        }
        self.saves: Mapping[str, Save] = {grant_form.FORM: self._save, template_screens.FORM: self._make}

    async def _command(self, user: UserRef, rest: str) -> Outcome:
        name, _, tool = rest.partition(" ")
        if not name:
            raise BadInput("Say which agent, such as `/byok grants assistant`; `/byok agents` lists them.")
        agent = await self._agents.named(user.workspace, name)
        known = await self._known(user.workspace, agent.id)
        if not tool:
            return Private(self._page(known))
        return Private(screens.one(agent, known.offer(tool.strip().casefold()), known.names, self._clock.now()))

    async def _open(self, event: Action) -> Outcome:
        return _in_place(event, self._page(await self._known(event.user.workspace, event.value)))

    async def _grant_form(self, event: Action) -> Outcome:
        agent_id, _, tool = event.value.partition("/")
        known = await self._known(event.user.workspace, agent_id)
        offer = known.offer(tool)
        return Open(grant_form.form(known.agent, offer, offer.first(), known.agents, self._clock.now()))

    async def _change_form(self, event: Action) -> Outcome:
        agent_id, _, grant_id = event.value.partition("/")
        known = await self._known(event.user.workspace, agent_id)
        grant = known.grant(grant_id)
        return Open(grant_form.form(known.agent, known.offer(grant.tool), grant, known.agents, self._clock.now()))

    async def _save(self, sent: Submission) -> Outcome:
        agent_id, _, which = sent.context.partition("/")
        known = await self._known(sent.user.workspace, agent_id)
        before = next((grant for grant in known.agent.grants if grant.id == which), None)
        if before is None and which.startswith("grant_"):
            raise BadInput(GONE)
        offer = known.offer(before.tool if before else which)
        try:
            grant = grant_forms.read(sent.values, before or offer.first(), pin=offer.pin, now=self._clock.now())
            await self._agents.set_grants(sent.user.workspace, agent_id, sent.user, lambda held: _with(held, grant))
        except BadInput as error:
            if error.message == GONE:
                raise
            return beside(error.field if error.field in sent.values else _FIRST, error.message)
        after = await self._known(sent.user.workspace, agent_id)
        return Close(
            screens.kept(after.agent, after.called(offer.tool), after.names, self._clock.now(), new=before is None)
        )

    async def _take_back(self, event: Action) -> Outcome:
        agent_id, _, grant_id = event.value.partition("/")
        known = await self._known(event.user.workspace, agent_id)
        tool = known.grant(grant_id).tool
        await self._agents.set_grants(
            event.user.workspace,
            agent_id,
            event.user,
            lambda held: tuple(grant for grant in held if grant.id != grant_id),
        )
        after = await self._known(event.user.workspace, agent_id)
        return _in_place(event, self._page(after, screens.taken_back(after.agent, known.called(tool))))

    async def _list_templates(self, user: UserRef, rest: str) -> Outcome:
        return Private(template_screens.listing(TEMPLATES, self._clock.now()))

    async def _templates(self, event: Action) -> Outcome:
        return Private(template_screens.listing(TEMPLATES, self._clock.now()))

    async def _template_form(self, event: Action) -> Outcome:
        chosen = template(event.value)
        if chosen is None:
            raise BadInput("That template is not there any more.")
        taken = {agent.name for agent in await self._agents.all(event.user.workspace)}
        name = next(one for one in (chosen.id, *(f"{chosen.id}{at}" for at in range(2, 100))) if one not in taken)
        return Open(template_screens.form(chosen, name, self._clock.now()))

    async def _make(self, sent: Submission) -> Outcome:
        chosen = template(sent.context)
        if chosen is None:
            raise BadInput("That template is not there any more.")
        values = sent.values
        try:
            draft = AgentDraft(
                name=values.get("name", "").strip().casefold(),
                description=chosen.description,
                instructions=values.get("instructions", "").strip(),
                emoji=chosen.emoji,
                grants=chosen.grants(reads=values.get("reads", "").split(), posts=values.get("posts", "").split()),
            )
            agent = await self._agents.create(sent.user.workspace, draft, sent.user)
        except BadInput as error:
            return beside(error.field if error.field in values else "name", error.message)
        return Close(self._page(await self._known(sent.user.workspace, agent.id), template_screens.made(agent)))

    async def _can_command(self, event: Command, rest: str) -> Outcome:
        agents = await self._agents.all(event.workspace)
        name = rest.strip().removesuffix("?").strip()
        if not name and len(agents) > 1:
            return Private(outlook.choose(agents))
        agent = await self._agents.named(event.workspace, name) if name else agents[0]
        place = Place.DIRECT if event.place_is_private else Place.CHANNEL
        where = ConversationRef(event.workspace, event.channel, event.channel, place)
        return Private(await self._outlook(agent, event.user, where))

    async def _can(self, event: Action) -> Outcome:
        agent = await self._agents.get(event.user.workspace, event.value)
        alone = ConversationRef(event.user.workspace, "", "", Place.DIRECT)
        return Private(await self._outlook(agent, event.user, event.conversation or alone))

    async def _outlook(self, agent: AgentSpec, user: UserRef, where: ConversationRef) -> View:
        found = await self._outlooks.look(agent, user, where)
        names = {one.id: one.name for one in await self._agents.all(user.workspace)}
        return outlook.outlook(found, names, self._clock.now())

    async def _known(self, workspace: str, agent_id: str) -> _Known:
        agent, agents = await self._agents.get(workspace, agent_id), await self._agents.all(workspace)
        async with self._database.read() as uow:
            return _Known(agent, agents, await offers.offered(uow, workspace))

    def _page(self, known: _Known, first: Block | None = None) -> View:
        return screens.page(known.agent, known.offers, known.names, self._clock.now(), first=first)


_FIRST = "approval"
"""The field beside which stands what is wrong with no field alone."""


def _with(held: tuple[ToolGrant, ...], grant: ToolGrant) -> tuple[ToolGrant, ...]:
    """In the place of the one it changes; one that is gone meanwhile is not brought back."""
    if not grant.id:
        return (*held, grant)
    if all(one.id != grant.id for one in held):
        raise BadInput(GONE)
    return tuple(grant if one.id == grant.id else one for one in held)


def _in_place(event: Action, view: View) -> Outcome:
    """On a screen of its own the answer takes its place; beside a home tab it is shown by itself."""
    return Replace(view) if event.message or event.context == screens.PAGE else Private(view)
