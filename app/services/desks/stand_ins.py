"""Stand-ins: shown, and allowed by admins, agent by agent."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.agent import AgentSpec, Fallback
from app.domain.chat import UserRef
from app.domain.events import Action, Close, Open, Outcome, Private, Submission
from app.domain.views import Block
from app.errors import BadInput
from app.services.agents import Agents
from app.services.commands import Run
from app.services.comparison import QUICKLY
from app.services.forms import Act, Save
from app.services.key_ring import OFFLINE
from app.services.model_menu import Chosen, ModelMenu, models_only
from app.services.screens import stand_ins as screens
from app.services.screens.words import beside


class StandInDesk:
    """See MoreScreens, MoreCommands and Section: all of it is an admin's. Raises UserError in the admin's words."""

    def __init__(self, agents: Agents, menu: ModelMenu) -> None:
        self._agents = agents
        self._menu = menu
        self.for_all: Mapping[str, Run] = {}
        self.for_admins: Mapping[str, Run] = {"fallback": self._command}
        self.open_acts: Mapping[str, Act] = {}
        self.acts: Mapping[str, Act] = {screens.PAGE: self._page, screens.EDIT: self._edit}
        self.saves: Mapping[str, Save] = {screens.FORM: self._save}

    async def section(self, user: UserRef, *, admin: bool) -> tuple[Block, ...]:
        """See Section."""
        return screens.section(await self._agents.all(user.workspace)) if admin else ()

    async def _command(self, user: UserRef, rest: str) -> Outcome:
        if rest:
            return await self._form(await self._agents.named(user.workspace, rest))
        return Private(screens.page(await self._agents.all(user.workspace)))

    async def _page(self, event: Action) -> Outcome:
        return Private(screens.page(await self._agents.all(event.user.workspace)))

    async def _edit(self, event: Action) -> Outcome:
        return await self._form(await self._agents.get(event.user.workspace, event.value))

    async def _form(self, agent: AgentSpec) -> Open:
        models = models_only(await self._menu.options(agent.workspace, seconds=QUICKLY))
        now = {_value(one): one.model for one in agent.fallbacks}
        return Open(screens.form(agent, screens.offered(models, now), list(now)))

    async def _save(self, sent: Submission) -> Outcome:
        workspace = sent.user.workspace
        before = await self._agents.get(workspace, sent.context)
        known = {_value(one) for one in before.fallbacks}
        chain: list[Fallback] = []
        for name in screens.SELECTS:
            value = sent.values.get(name, "")
            if value in ("", screens.NOBODY.value):
                continue
            try:
                chosen = Chosen.read(value)
                if not chosen.model or chosen.provider == OFFLINE:
                    raise BadInput("Choose a model from the list.")
                chosen = chosen if value in known else await self._menu.check(workspace, chosen)
            except BadInput as error:
                return beside(name, error.message)
            one = Fallback(chosen.provider, chosen.model, chosen.key_id)
            if one in chain:
                return beside(name, "Choose each stand-in once.")
            if value == Chosen.of(before).value:
                return beside(name, f"That is what {before.name} answers with already.")
            chain.append(one)
        try:
            agent = await self._agents.set_fallbacks(workspace, before.id, sent.user, tuple(chain))
        except BadInput as error:
            return beside(screens.SELECTS[0], error.message)
        return Close(screens.saved(agent))


def _value(one: Fallback) -> str:
    return Chosen(one.provider, one.model, one.key_id).value
