"""Agents: which one answers, and how admins make, change, pause and drop them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from app.domain.agent import AgentSpec, Fallback
from app.domain.audit import AuditEntry
from app.domain.chat import ConversationRef, UserRef
from app.domain.events import Addressed, Mention
from app.domain.grants import ToolGrant
from app.errors import BadInput, NoAgent
from app.ports.clock import Clock
from app.services.agent_drafts import AgentDraft, check_channels, check_fallbacks, check_model
from app.services.grant_drafts import check_grants, difference, kept
from app.services.grant_files import with_agents
from app.services.ids import new_id
from app.store.unit_of_work import Database, UnitOfWork

MOST_AGENTS = 50

# `writer: …` and `writer, …` name an agent and are cut off; a bare `writer …` names one too but stays, as it may be part of the sentence.
_ADDRESSED = re.compile(
    r"\s*@?(?P<name>[a-z0-9][a-z0-9_-]{0,31})\s*[:,](?:\s+(?P<rest>.*)|\s*$)", re.IGNORECASE | re.DOTALL
)
_FIRST_WORD = re.compile(r"\s*@?(?P<name>[a-z0-9][a-z0-9_-]{0,31})(?=\s|$)", re.IGNORECASE)


class Agents:
    """A workspace's agents. Whoever calls what changes something has seen to it that `by` is an admin."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self, workspace: str) -> tuple[AgentSpec, ...]:
        """Every agent: the default first, then by name."""
        async with self._database.read() as uow:
            return await uow.agents.all(workspace)

    async def get(self, workspace: str, agent_id: str) -> AgentSpec:
        """One agent. Raises NoAgent if the workspace has none of this id."""
        async with self._database.read() as uow:
            return await _existing(uow, workspace, agent_id)

    async def named(self, workspace: str, name: str) -> AgentSpec:
        """One agent by what people call it. Raises NoAgent, saying which there are."""
        agents = await self.all(workspace)
        found = _by_name(agents, name)
        if found is None:
            raise NoAgent(f"There is no such agent. There {'is' if len(agents) == 1 else 'are'}: {_names(agents)}.")
        return found

    async def choose(self, mention: Mention, thread_agent: str) -> tuple[AgentSpec, str]:
        """Who answers, and the text without its name: named after the mention, else the thread's (an id), the channel's, the default.

        Raises NoAgent, in words for the asker, when that agent is paused or does not answer there.
        """
        async with self._database.read() as uow:
            agents = await uow.agents.all(mention.workspace)
            channels = await uow.agents.channels(mention.workspace)
        if mention.agent:
            return _set_for(agents, mention), mention.text.strip()
        named, text = _named(agents, mention)
        by_id = {agent.id: agent for agent in agents}
        chosen = (
            named
            or by_id.get(thread_agent)
            or by_id.get(channels.get(mention.conversation.channel, ""))
            or next((agent for agent in agents if agent.is_default), None)
        )
        if chosen is None:
            raise NoAgent("This workspace has no agent to answer. An admin can make one in Latchkey's home.")
        must_answer_there(chosen, mention.conversation)
        return chosen, text

    async def create(self, workspace: str, draft: AgentDraft, by: UserRef) -> AgentSpec:
        """Make an agent. Raises BadInput naming the field when something about it can't be."""
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            return await self._create(uow, workspace, draft, by)

    async def edit(self, workspace: str, agent_id: str, draft: AgentDraft, by: UserRef) -> AgentSpec:
        """Change an agent to what the draft says. Raises BadInput naming the field, or NoAgent."""
        return await self._change(workspace, agent_id, by, "agent.changed", draft.applied_to)

    async def set_model(
        self, workspace: str, agent_id: str, by: UserRef, *, provider: str, model: str, key_id: str = ""
    ) -> AgentSpec:
        """Give an agent its model; all empty means that the workspace's default key decides. Raises BadInput or NoAgent."""
        check_model(provider, model)
        return await self._change(
            workspace,
            agent_id,
            by,
            "agent.changed",
            lambda agent: replace(agent, provider=provider, model=model, key_id=key_id),
        )

    async def set_fallbacks(
        self, workspace: str, agent_id: str, by: UserRef, fallbacks: tuple[Fallback, ...]
    ) -> AgentSpec:
        """Say who stands in for an agent's model while its provider is away, in this order. Raises BadInput or NoAgent."""
        check_fallbacks(fallbacks)
        return await self._change(
            workspace, agent_id, by, "agent.changed", lambda agent: replace(agent, fallbacks=fallbacks)
        )

    async def set_grants(
        self,
        workspace: str,
        agent_id: str,
        by: UserRef,
        change: Callable[[tuple[ToolGrant, ...]], tuple[ToolGrant, ...]],
    ) -> AgentSpec:
        """Change what an agent may do, from what that is at this moment. Raises BadInput or NoAgent; `change` may, too."""

        def changed(agent: AgentSpec) -> AgentSpec:
            grants = change(agent.grants)
            check_grants(grants)
            return replace(agent, grants=grants)

        return await self._change(workspace, agent_id, by, "agent.changed", changed)

    async def pause(self, workspace: str, agent_id: str, by: UserRef, *, paused: bool) -> AgentSpec:
        """Let an agent rest, or answer again."""
        action = "agent.paused" if paused else "agent.resumed"
        return await self._change(workspace, agent_id, by, action, lambda agent: replace(agent, paused=paused))

    async def make_default(self, workspace: str, agent_id: str, by: UserRef) -> AgentSpec:
        """Let this agent answer where no other is named; the default before it is one no more."""
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            agent = await _existing(uow, workspace, agent_id)
            if agent.paused:
                raise BadInput(f"{agent.name} is paused. Resume it first, then make it the default.")
            await uow.agents.make_default(workspace, agent_id)
            await uow.audit.append(AuditEntry(workspace, by.id, "agent.made_default", agent_id))
        return replace(agent, is_default=True)

    async def delete(self, workspace: str, agent_id: str, by: UserRef) -> AgentSpec:
        """Drop an agent for good; never the default one, so that a mention always finds somebody."""
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            agent = await _existing(uow, workspace, agent_id)
            if agent.is_default:
                raise BadInput(f"{agent.name} is the default agent. Make another one the default first.")
            await uow.agents.delete(workspace, agent_id)
            await uow.notes.forget_agent(workspace, agent_id)
            await uow.schedules.forget_agent(workspace, agent_id)
            await uow.limits.forget_agent(workspace, agent_id)
            await uow.audit.append(AuditEntry(workspace, by.id, "agent.deleted", agent_id))
        return agent

    async def channels(self, workspace: str) -> Mapping[str, str]:
        """Agent ids by the channels that they are the default of."""
        async with self._database.read() as uow:
            return await uow.agents.channels(workspace)

    async def set_channel(self, workspace: str, channel: str, agent_id: str, by: UserRef) -> None:
        """Give a channel its default agent; with an empty id, the workspace's default answers there again."""
        await self.set_channels(workspace, (channel,), agent_id, by)

    async def set_channels(self, workspace: str, channels: Sequence[str], agent_id: str, by: UserRef) -> None:
        """The same for several: all of them or none."""
        check_channels(channels)
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            agent = await _existing(uow, workspace, agent_id) if agent_id else None
            if agent and agent.channels and not set(channels) <= set(agent.channels):
                where = "that channel" if len(channels) == 1 else "all of these channels"
                raise BadInput(f"{agent.name} does not answer in {where}. Change its channels first.", field="agent")
            for channel in channels:
                await uow.agents.keep_channel(workspace, channel, agent_id)
                await uow.audit.append(AuditEntry(workspace, by.id, "channel.agent_set", channel, {"agent": agent_id}))

    async def keep_all(self, workspace: str, drafts: Sequence[AgentDraft], by: UserRef) -> tuple[int, int]:
        """Make or change agents by their names, all or none; others stay as they are. Tells how many were made and how many changed."""
        made = changed = 0
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            ids = {agent.name: agent.id for agent in await uow.agents.all(workspace)}
            ids |= {draft.name: new_id("agent", self._clock.now()) for draft in drafts if draft.name not in ids}
            for named in drafts:
                draft = replace(named, grants=tuple(with_agents(grant, ids) for grant in named.grants))
                known = _by_name(await uow.agents.all(workspace), draft.name)
                if known is None:
                    await self._create(uow, workspace, draft, by, ids[draft.name])
                    made += 1
                    continue
                after = _with_same_key(draft, known)
                after = replace(after, grants=kept(after.grants, known.grants, by=by.id, now=self._clock.now()))
                if after != known:
                    await _keep(uow, after, known, by, "agent.changed")
                    changed += 1
        return made, changed

    async def _create(
        self, uow: UnitOfWork, workspace: str, draft: AgentDraft, by: UserRef, agent_id: str = ""
    ) -> AgentSpec:
        others = await uow.agents.all(workspace)
        if len(others) >= MOST_AGENTS:
            raise BadInput(
                f"A workspace has at most {MOST_AGENTS} agents. Delete one that is no longer needed.", field="name"
            )
        if _by_name(others, draft.name):
            raise BadInput("There is an agent of this name already.", field="name")
        now = self._clock.now()
        agent = draft.as_agent(agent_id or new_id("agent", now), workspace, is_default=not others)
        agent = replace(agent, grants=kept(agent.grants, (), by=by.id, now=now))
        await _keys_must_fit(uow, agent)
        await uow.agents.add(agent)
        details = {"grants": difference((), agent.grants)} if agent.grants else {}
        await uow.audit.append(AuditEntry(workspace, by.id, "agent.created", agent.id, details))
        return agent

    async def _change(
        self, workspace: str, agent_id: str, by: UserRef, action: str, change: Callable[[AgentSpec], AgentSpec]
    ) -> AgentSpec:
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            before = await _existing(uow, workspace, agent_id)
            after = change(before)
            after = replace(after, grants=kept(after.grants, before.grants, by=by.id, now=self._clock.now()))
            if after != before:
                await _keep(uow, after, before, by, action)
        return after


async def _keep(uow: UnitOfWork, agent: AgentSpec, before: AgentSpec, by: UserRef, action: str) -> None:
    namesake = _by_name(await uow.agents.all(agent.workspace), agent.name)
    if namesake and namesake.id != agent.id:
        raise BadInput("There is an agent of this name already.", field="name")
    await _keys_must_fit(uow, agent, before)
    await uow.agents.change(agent)
    details = {"provider": agent.provider, "model": agent.model, "key": agent.key_id}
    if grants := difference(before.grants, agent.grants):
        details["grants"] = grants
    if agent.fallbacks != before.fallbacks:
        details["fallbacks"] = ", ".join(f"{one.provider}/{one.model}" for one in agent.fallbacks)
    await uow.audit.append(AuditEntry(agent.workspace, by.id, action, agent.id, details))


async def _keys_must_fit(uow: UnitOfWork, agent: AgentSpec, before: AgentSpec | None = None) -> None:
    """The key that pays for it, and those of stand-ins that are new: one that was revoked meanwhile is only left out."""
    known = before.fallbacks if before else ()
    named = [(agent.provider, agent.key_id, "model")]
    named += [(one.provider, one.key_id, "fallbacks") for one in agent.fallbacks if one not in known]
    for provider, key_id, field in named:
        stored = await uow.keys.get(agent.workspace, key_id) if key_id else None
        if key_id and (stored is None or stored.sealed is None or stored.key.provider != provider):
            raise BadInput("This workspace has no such key for that provider any more.", field=field)


async def _existing(uow: UnitOfWork, workspace: str, agent_id: str) -> AgentSpec:
    agent = await uow.agents.get(workspace, agent_id)
    if agent is None:
        raise NoAgent("That agent is not there any more.")
    return agent


def _with_same_key(draft: AgentDraft, known: AgentSpec) -> AgentSpec:
    """A file names no keys: what pays for the agent stays, as long as it is of the same provider; for its stand-ins likewise."""
    after = draft.applied_to(known)
    paid = {(one.provider, one.model): one for one in reversed(known.fallbacks)}
    after = replace(after, fallbacks=tuple(paid.get((one.provider, one.model), one) for one in after.fallbacks))
    return replace(after, key_id=known.key_id) if after.provider == known.provider else after


def _named(agents: Sequence[AgentSpec], mention: Mention) -> tuple[AgentSpec | None, str]:
    found = _ADDRESSED.match(mention.text)
    if found and (agent := _by_name(agents, found["name"])):
        return agent, (found["rest"] or "").strip()
    found = _FIRST_WORD.match(mention.text)
    if found and mention.addressed is not Addressed.FOLLOW_UP:
        agent = _by_name(agents, found["name"])
        if agent and not agent.paused:
            return agent, mention.text.strip()
    return None, mention.text.strip()


def _set_for(agents: Sequence[AgentSpec], mention: Mention) -> AgentSpec:
    """The agent that this is for, whatever its words say."""
    found = next((agent for agent in agents if agent.id == mention.agent), None)
    if found is None:
        raise NoAgent("The agent that this was set up for is not there any more.")
    must_answer_there(found, mention.conversation)
    return found


def must_answer_there(agent: AgentSpec, conversation: ConversationRef) -> None:
    """Return for an agent that answers there at the moment. Raises NoAgent, in words that people may see."""
    if agent.paused:
        raise NoAgent(f"{agent.name} is paused at the moment. An admin can resume it in Latchkey's home.")
    if agent.channels and conversation.channel not in agent.channels:
        raise NoAgent(f"{agent.name} does not answer here: its admins have set which channels it is for.")


def _by_name(agents: Sequence[AgentSpec], name: str) -> AgentSpec | None:
    return next((agent for agent in agents if agent.name == name.casefold()), None)


def _names(agents: Sequence[AgentSpec]) -> str:
    return ", ".join(agent.name for agent in agents)
