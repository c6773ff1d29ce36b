"""The home tab of a person: made anew from what is stored, whenever it may have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from app.domain.chat import UserRef
from app.domain.views import Block, View
from app.errors import PlatformError
from app.ports.platform import ChatPlatform
from app.services.access import Access
from app.services.agents import Agents
from app.services.background import Background
from app.services.key_usage import agents_on
from app.services.keys import Keys
from app.services.model_menu import Chosen, ModelMenu, with_current
from app.services.screens import home as screens
from app.services.screens.home import HomeState
from app.services.transcripts import Transcripts
from app.services.workspaces import Workspaces

log = structlog.get_logger(__name__)

PATIENCE = 5.0
"""Seconds to wait for model lists; whoever has not answered by then is left out until next time."""


class Section(Protocol):
    """A part of the home tab that somebody else looks after."""

    async def section(self, user: UserRef, *, admin: bool) -> tuple[Block, ...]:
        """What it shows this person; nothing where there is nothing to show."""


class Home:
    """Publishes homes. What changes while one is being made leads to one more, so the last one published is never stale."""

    def __init__(
        self,
        platforms: Mapping[str, ChatPlatform],
        *,
        access: Access,
        workspaces: Workspaces,
        agents: Agents,
        keys: Keys,
        memory: Transcripts,
        background: Background,
        sections: Sequence[Section] = (),
    ) -> None:
        self._sections = sections
        self._platforms = platforms
        self._access = access
        self._workspaces = workspaces
        self._agents = agents
        self._keys = keys
        self._memory = memory
        self._menu = ModelMenu(keys)
        self._background = background
        self._once_more: dict[UserRef, bool] = {}

    def refresh(self, user: UserRef, *, about: UserRef | None = None) -> None:
        """Somebody has changed something (perhaps what another person may do): publish their home anew, besides, and others' that stand."""
        self._background.spawn(self._changed(user, about), name="publish home")

    async def publish(self, user: UserRef) -> None:
        """Publish somebody's home as an admin's or a member's, whichever they are now. While one is being made, see that another follows."""
        if user in self._once_more:
            self._once_more[user] = True
            return
        try:
            self._once_more[user] = True
            while self._once_more[user]:
                self._once_more[user] = False
                await self._publish(user)
        finally:
            del self._once_more[user]

    async def _changed(self, by: UserRef, about: UserRef | None) -> None:
        await self.publish(by)
        platform = self._platforms[by.workspace.split(":", 1)[0]]
        for user in {*await self._access.known_admins(by.workspace), *([about] if about else [])} - {by}:
            if await platform.home_stands(user):
                await self.publish(user)

    async def view(self, user: UserRef) -> View:
        """What the person's home shows now."""
        await self._workspaces.ensure(user.workspace)
        is_admin = await self._access.is_admin(user)
        state = await self._state(user.workspace, with_models=is_admin)
        more = [await part.section(user, admin=is_admin) for part in self._sections]
        state = replace(state, more=tuple(part for part in more if part))
        return screens.admin(state) if is_admin else screens.member(state)

    async def _publish(self, user: UserRef) -> None:
        view = await self.view(user)
        try:
            await self._platforms[user.workspace.split(":", 1)[0]].publish_home(user, view)
        except PlatformError as error:
            log.warning("a home was not published", workspace=user.workspace, user=user.id, error=error.code)

    async def _state(self, workspace: str, *, with_models: bool) -> HomeState:
        agents, keys = await self._agents.all(workspace), await self._keys.all(workspace)
        options = await self._menu.options(workspace, seconds=PATIENCE) if with_models else ()
        return HomeState(
            workspace=workspace,
            agents=agents,
            keys=keys,
            titles={key.provider: self._keys.ring.title(key.provider) for key in keys},
            users={key.id: agents_on(key, agents, keys) for key in keys},
            spares=await self._keys.rotation.spares(workspace) if with_models else {},
            options={agent.id: with_current(options, agent) for agent in agents},
            selected={agent.id: Chosen.of(agent).value for agent in agents},
            channels=await self._agents.channels(workspace),
            settings=await self._workspaces.settings(workspace),
            operators=self._access.operators(workspace),
            added=await self._access.added(workspace),
            remembers=self._memory.remembers(workspace),
            platforms_own=self._access.names_admins(workspace),
            offline=tuple(agent for agent in agents if self._keys.is_offline(agent, keys)),
        )
