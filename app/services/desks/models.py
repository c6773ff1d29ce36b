"""Agents' models: chosen, compared, tried and changed. What is different is shown before anything changes."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.agent import AgentSpec
from app.domain.chat import UserRef
from app.domain.events import Action, Close, Nothing, Open, Outcome, Private, Replace, Submission
from app.domain.views import View
from app.errors import BadInput, UserError
from app.services.agents import Agents
from app.services.background import Background
from app.services.commands import Run
from app.services.comparison import QUICKLY, Comparisons, Difference
from app.services.forms import Act, Save
from app.services.key_ring import OFFLINE
from app.services.keys import Keys
from app.services.model_menu import Chosen, ModelMenu, with_current
from app.services.notices import Notices
from app.services.screens import agents as agent_screens
from app.services.screens import model_change as screens
from app.services.screens.words import beside, refused
from app.services.trials import Trials


class ModelDesk:
    """See MoreScreens and MoreCommands: all of it is an admin's. Raises UserError in the admin's words."""

    def __init__(
        self,
        agents: Agents,
        keys: Keys,
        comparisons: Comparisons,
        trials: Trials,
        *,
        notices: Notices,
        background: Background,
    ) -> None:
        self._agents = agents
        self._keys = keys
        self._comparisons = comparisons
        self._trials = trials
        self._notices = notices
        self._background = background
        self._menu = ModelMenu(keys)
        self.for_all: Mapping[str, Run] = {}
        self.for_admins: Mapping[str, Run] = {"model": self._command}
        self.open_acts: Mapping[str, Act] = {}
        self.acts: Mapping[str, Act] = {
            agent_screens.MODEL: self._selected,
            screens.CHANGE: self._change,
            screens.TRY: self._try_form,
            screens.KEEP: self._keep,
            screens.PICK: self._pick,
        }
        self.saves: Mapping[str, Save] = {screens.TRY_FORM: self._try}

    async def _command(self, user: UserRef, rest: str) -> Outcome:
        name, _, model = rest.partition(" ")
        if not name:
            raise BadInput("Say which agent, such as `/byok model assistant`; `/byok agents` lists them.")
        agent = await self._agents.named(user.workspace, name)
        if not model:
            return Private(await self._picker(agent))
        return await self._asked_for(agent, await self._typed(agent, model.strip()), user, in_place=True)

    async def _selected(self, event: Action) -> Outcome:
        agent = await self._agents.get(event.user.workspace, event.action_id.partition(":")[2])
        chosen = await self._checked(agent, event.value)
        return await self._asked_for(agent, chosen, event.user, in_place=event.message is not None)

    async def _asked_for(self, agent: AgentSpec, chosen: Chosen, by: UserRef, *, in_place: bool) -> Outcome:
        """Show what would be different. Where an agent had no model yet there is nothing to compare: it has this one now."""
        if agent.model and Chosen.of(agent) != chosen:
            return Private(screens.difference(await self._comparisons.of(agent, chosen)))
        saved = agent_screens.model_saved(await self._set(agent, chosen, by))
        return Replace(saved) if in_place else Nothing()  # in the home tab the select itself shows it

    async def _change(self, event: Action) -> Outcome:
        agent, chosen = await self._carried(event.user.workspace, event.value)
        return Replace(agent_screens.model_saved(await self._set(agent, chosen, event.user)))

    async def _keep(self, event: Action) -> Outcome:
        return Replace(screens.kept(await self._agents.get(event.user.workspace, event.value)))

    async def _pick(self, event: Action) -> Outcome:
        return Private(await self._picker(await self._agents.get(event.user.workspace, event.value)))

    async def _try_form(self, event: Action) -> Outcome:
        return Open(screens.try_form(await self._difference(event.user.workspace, event.value)))

    async def _try(self, sent: Submission) -> Outcome:
        """Answered at once; what the models say is told when it is there."""
        questions = tuple(sent.values.get(name, "").strip() for name in screens.QUESTIONS)
        for name, question in zip(screens.QUESTIONS, questions, strict=True):
            if not 0 < len(question) <= screens.LONGEST_QUESTION:
                return beside(name, f"Write a question of at most {screens.LONGEST_QUESTION} characters.")
        found = await self._difference(sent.user.workspace, sent.context)
        self._background.spawn(self._tried(found, questions, sent.user), name="try two models")
        return Close(screens.asking(found))

    async def _tried(self, found: Difference, questions: tuple[str, ...], by: UserRef) -> None:
        try:
            view = screens.tried(await self._trials.compare(found.agent, found.chosen, questions, by))
        except UserError as error:
            view = refused(error.message)
        await self._notices.tell(by, view)

    async def _difference(self, workspace: str, carried: str) -> Difference:
        return await self._comparisons.of(*await self._carried(workspace, carried))

    async def _carried(self, workspace: str, carried: str) -> tuple[AgentSpec, Chosen]:
        """What a button says, looked up and checked again."""
        agent_id, _, value = carried.partition("|")
        agent = await self._agents.get(workspace, agent_id)
        return agent, await self._checked(agent, value)

    async def _checked(self, agent: AgentSpec, value: str) -> Chosen:
        chosen = Chosen.read(value)
        if Chosen.of(agent) == chosen:
            return chosen
        return await self._menu.check(agent.workspace, chosen)

    async def _typed(self, agent: AgentSpec, wanted: str) -> Chosen:
        """As `provider/model`, or without the provider where the agent has one."""
        provider, slash, model = wanted.partition("/")
        if not slash or provider not in self._names():
            provider, model = agent.provider, wanted
        if not provider:
            raise BadInput(f"Say whose model that is, such as `/byok model {agent.name} anthropic/…`.")
        await self._menu.warm(agent.workspace, provider, seconds=QUICKLY)
        return await self._menu.check(agent.workspace, Chosen(provider, model))

    async def _picker(self, agent: AgentSpec) -> View:
        options = await self._menu.options(agent.workspace, seconds=QUICKLY)
        return screens.picker(agent, with_current(options, agent), Chosen.of(agent).value)

    async def _set(self, agent: AgentSpec, chosen: Chosen, by: UserRef) -> AgentSpec:
        return await self._agents.set_model(
            agent.workspace, agent.id, by, provider=chosen.provider, model=chosen.model, key_id=chosen.key_id
        )

    def _names(self) -> set[str]:
        offline = {OFFLINE} if self._keys.demo else set()
        return {provider.name for provider in self._keys.ring.providers} | offline
