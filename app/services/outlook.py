"""What an agent can do at some place for some person: decided by the same permissions as when it is asked there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, Place, UserRef
from app.domain.grants import Denied, Invoker
from app.domain.tool_kinds import TOOL_KINDS
from app.errors import PlatformError
from app.ports.agents import Question, RunFacts, Tool
from app.ports.clock import Clock
from app.ports.platform import ChatPlatform
from app.services.access import Access
from app.services.permissions import Permissions
from app.services.policy import Needs, Ruling
from app.services.toolbelt import SEARCHING, WEB_SEARCH

RUN = "outlook"
"""No run is called so: nothing was used in it yet."""

UNASKED = Denied("its model's provider searches by itself, so nobody could be asked before.")
NOT_THERE = Denied("it can't work here: the chat platform, this installation or the tool's server does not offer it.")


class MakesTools(Protocol):
    """What is needed of `app.services.toolkit`."""

    async def tools(self, facts: RunFacts) -> Sequence[Tool]:
        """Every tool that can work there, granted or not."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What was found: `silent` says why it would not answer at all. `rulings` are by tool; those that it lacks entirely are `lacking`."""

    agent: AgentSpec
    where: ConversationRef
    invoker: Invoker
    rulings: Mapping[str, tuple[Ruling, ...]]
    lacking: tuple[str, ...]
    silent: str = ""


class Outlooks:
    """Looks ahead; changes nothing and counts nothing."""

    def __init__(
        self,
        platforms: Mapping[str, ChatPlatform],
        toolkit: MakesTools,
        permissions: Permissions,
        access: Access,
        clock: Clock,
    ) -> None:
        self._platforms = platforms
        self._toolkit = toolkit
        self._permissions = permissions
        self._access = access
        self._clock = clock

    async def look(self, agent: AgentSpec, user: UserRef, where: ConversationRef) -> Outlook:
        """For this person, in a conversation there that has read nothing yet."""
        there = await self._shared(where)
        invoker = await self._access.invoker(user, there.workspace, from_bot=False)
        question = Question("", user, (), {}, self._clock.now())
        facts = RunFacts(RUN, agent, question, there, invoker)
        made = {tool.spec.name: tool.traits for tool in await self._toolkit.tools(facts)}
        held = {grant.tool for grant in agent.grants}
        rulings = dict(await self._permissions.outlook(facts, {WEB_SEARCH: SEARCHING, **made}))
        rulings[WEB_SEARCH] = tuple(UNASKED if isinstance(one, Needs) else one for one in rulings[WEB_SEARCH])
        for tool in held - set(rulings):
            rulings[tool] = (NOT_THERE,)
        kinds = [kind.name for kind in TOOL_KINDS]
        return Outlook(
            agent,
            there,
            invoker,
            {tool: rulings[tool] for tool in (*(one for one in kinds if one in held), *sorted(held - set(kinds)))},
            tuple(kind.title for kind in TOOL_KINDS if kind.name not in held),
            await self._silent(agent, user, there),
        )

    async def _silent(self, agent: AgentSpec, user: UserRef, where: ConversationRef) -> str:
        if agent.paused:
            return "It is paused: it answers nobody."
        if agent.channels and where.channel not in agent.channels:
            return "It does not answer here: its admins have set which channels it is for."
        decision = await self._access.may_ask(user, where, from_bot=False)
        return decision.reason if isinstance(decision, Denied) else ""

    async def _shared(self, where: ConversationRef) -> ConversationRef:
        """With what a command does not tell: whether other organisations read along."""
        if where.shared or where.place is not Place.CHANNEL or not where.channel:
            return where
        try:
            readers = await self._platforms[where.workspace.partition(":")[0]].readers(where.workspace, where.channel)
        except (PlatformError, KeyError):
            return where
        return replace(where, shared=readers.shared)
