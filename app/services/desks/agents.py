"""Agents: shown, made, edited, paused, dropped, and given their models and channels."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.agent import AgentSpec, Effort
from app.domain.chat import UserRef
from app.domain.events import Close, Open, Outcome, Submission
from app.domain.keys import ProviderKey
from app.domain.money import ZERO
from app.domain.views import View
from app.errors import BadInput
from app.services import dollars
from app.services.agent_drafts import FIRST_GRANTS, FIRST_MAX_STEPS, AgentDraft
from app.services.agents import Agents
from app.services.comparison import QUICKLY, Comparisons
from app.services.key_usage import paying_key
from app.services.keys import Keys
from app.services.model_menu import AUTOMATIC, Chosen, ModelMenu, with_current
from app.services.screens import agents as screens
from app.services.screens import model_change as model_screens
from app.services.screens.words import beside

LONGEST_NUMBER = 12


class AgentDesk:
    """Every answer is a screen or a form; raises UserError in the admin's words."""

    def __init__(self, agents: Agents, keys: Keys, comparisons: Comparisons) -> None:
        self._agents = agents
        self._keys = keys
        self._comparisons = comparisons
        self.menu = ModelMenu(keys)

    async def listing(self, workspace: str, *, admin: bool) -> View:
        """Every agent; admins also see on what each thinks."""
        agents, keys = await self._agents.all(workspace), await self._keys.all(workspace)
        if not admin:
            return screens.listing([agent for agent in agents if not agent.paused])
        return screens.listing(agents, paid_by={agent.id: self._payer(agent, keys) for agent in agents})

    async def new_form(self, workspace: str) -> Open:
        """The form that makes an agent."""
        options = await self.menu.options(workspace, seconds=QUICKLY)
        efforts = await self.menu.efforts(AgentSpec("", workspace, "", "", ""))
        return Open(screens.form(None, options, AUTOMATIC, efforts=efforts))

    async def edit_form(self, workspace: str, agent_id: str) -> Open:
        """The form that edits an agent."""
        agent = await self._agents.get(workspace, agent_id)
        options = await self.menu.options(workspace, seconds=QUICKLY)
        efforts = await self.menu.efforts(agent)
        return Open(screens.form(agent, with_current(options, agent), Chosen.of(agent).value, efforts=efforts))

    async def save(self, sent: Submission) -> Outcome:
        """An agent was filled in: errors on its fields, or made or changed."""
        workspace = sent.user.workspace
        before = await self._agents.get(workspace, sent.context) if sent.context else None
        try:
            draft = await self._draft(workspace, sent.values, before)
            if before is None:
                agent = await self._agents.create(workspace, draft, sent.user)
            else:
                agent = await self._agents.edit(workspace, before.id, draft, sent.user)
        except BadInput as error:
            return beside(error.field if error.field in sent.values else "name", error.message)
        if before and before.model and Chosen.of(before) != Chosen.of(agent):
            return Close(model_screens.changed(await self._comparisons.of(before, Chosen.of(agent))))
        return Close(screens.saved(agent, new=before is None))

    async def pause(self, workspace: str, by: UserRef, agent_id: str, *, paused: bool) -> None:
        """Let an agent rest, or answer again."""
        await self._agents.pause(workspace, agent_id, by, paused=paused)

    async def make_default(self, workspace: str, by: UserRef, agent_id: str) -> None:
        """Let it answer where no other is named."""
        await self._agents.make_default(workspace, agent_id, by)

    async def delete(self, workspace: str, by: UserRef, agent_id: str) -> None:
        """Drop it."""
        await self._agents.delete(workspace, agent_id, by)

    async def channel_form(self, workspace: str) -> Open:
        """The form that gives channels an agent."""
        return Open(screens.channel_form(await self._agents.all(workspace)))

    async def save_channels(self, sent: Submission) -> Outcome:
        """Channels were given an agent."""
        channels = sent.values.get("channels", "").split()
        if not channels:
            return beside("channels", "Choose at least one channel.")
        try:
            await self._agents.set_channels(sent.user.workspace, channels, sent.values.get("agent", ""), sent.user)
        except BadInput as error:
            return beside(error.field or "agent", error.message)
        return Close()

    async def clear_channel(self, workspace: str, by: UserRef, channel: str) -> None:
        """Let the workspace's default answer there again."""
        await self._agents.set_channel(workspace, channel, "", by)

    async def _draft(self, workspace: str, values: Mapping[str, str], before: AgentSpec | None) -> AgentDraft:
        chosen = Chosen.read(values.get("model", AUTOMATIC) or AUTOMATIC)
        if before is None or Chosen.of(before) != chosen:
            chosen = await self.menu.check(workspace, chosen)
        return AgentDraft(
            name=values.get("name", "").strip().casefold(),
            description=values.get("description", "").strip(),
            instructions=values.get("instructions", "").strip(),
            emoji=values.get("emoji", "").strip(),
            provider=chosen.provider,
            model=chosen.model,
            key_id=chosen.key_id,
            effort=_effort(values["effort"]) if "effort" in values else before.effort if before else None,
            max_output_tokens=_number(values.get("max_output_tokens", ""), "max_output_tokens"),
            max_steps=before.max_steps if before else FIRST_MAX_STEPS,
            channels=tuple(values.get("channels", "").split()),
            grants=before.grants if before else FIRST_GRANTS,
            share_names=values.get("share_names", "") == "yes",
            fallbacks=before.fallbacks if before else (),
            run_tokens=_most(values, "run_tokens"),
            run_cost=dollars.parsed(values["run_cost"], field="run_cost")
            if values.get("run_cost", "").strip()
            else ZERO,
            run_seconds=_most(values, "run_seconds"),
        )

    def _payer(self, agent: AgentSpec, keys: tuple[ProviderKey, ...]) -> str:
        if self._keys.is_offline(agent, keys):
            return ""
        key = paying_key(agent, keys)
        return (
            f"paid for by the {self._keys.ring.title(key.provider)} key “{key.label}”"
            if key
            else "but there is no key for it"
        )


def _effort(value: str) -> Effort | None:
    if value in ("", screens.NO_EFFORT):
        return None
    try:
        return Effort(value)
    except ValueError:
        raise BadInput("Choose one of the list.", field="effort") from None


def _most(values: Mapping[str, str], field: str) -> int:
    """What may be left empty: no limit."""
    typed = values.get(field, "").strip()
    return _number(typed, field) if typed else 0


def _number(value: str, field: str) -> int:
    if not value.strip().isdecimal() or len(value) > LONGEST_NUMBER:
        raise BadInput("Type a number.", field=field)
    return int(value)
