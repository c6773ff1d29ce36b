"""Models that come to their end: noticed in what providers list, and told to the admins ahead, once, with what to take instead."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from app.domain.agent import AgentSpec
from app.domain.keys import ProviderKey
from app.domain.run import ModelInfo
from app.errors import UserError
from app.ports.clock import Clock
from app.services.background import Background
from app.services.comparison import Comparisons, Difference
from app.services.key_usage import paying_key, stand_ins_of
from app.services.keys import Keys
from app.services.model_menu import Chosen
from app.services.notices import Notices
from app.services.screens import model_change as screens
from app.store.unit_of_work import Database
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)

DAILY = timedelta(hours=24)
"""How long a list may go unread that an agent's model stands in."""

GONE = "gone"


@dataclass(slots=True)
class _Uses:
    """Who uses a model under a key: agents by themselves, and those that it stands in for."""

    agents: list[AgentSpec] = field(default_factory=list)
    standing_in_for: list[AgentSpec] = field(default_factory=list)


class Lifecycles:
    """Hears of every list that is read, and sees to it that each is read daily that an agent depends on. Changes nothing itself."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        comparisons: Comparisons,
        *,
        notices: Notices,
        background: Background,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._comparisons = comparisons
        self._notices = notices
        self._background = background
        self._clock = clock
        self._read: dict[tuple[str, str], datetime] = {}
        self._noted: set[str] = set()
        keys.models.listed = self._listed
        keys.models.gone = self._gone

    async def tick(self) -> None:
        """Have those lists read again that nobody looked at for a day. To be called every hour or so."""
        stale = self._clock.now() - DAILY
        self._read = {place: at for place, at in self._read.items() if at > stale}
        async with self._database.read() as uow:
            workspaces = await uow.workspaces.all()
        for workspace in workspaces:
            agents, keys = await self._of(workspace.id)
            for key in keys:
                if key.live and (key.workspace, key.id) not in self._read and _uses(key, agents, keys):
                    self._read[key.workspace, key.id] = self._clock.now()
                    await self._read_list(key)

    async def look(self, key: ProviderKey, models: Sequence[ModelInfo]) -> None:
        """What a list just said of the models that agents use under this key."""
        agents, keys = await self._of(key.workspace)
        listed = {model.id: model for model in models}
        for model, uses in _uses(key, agents, keys).items():
            info = listed.get(model)
            if info is not None:
                await self._note(key, model)
            if info is not None and info.lifecycle != "active":
                await self._warn(
                    key, ModelInfo(model, lifecycle=info.lifecycle, retires_on=info.retires_on), uses, models
                )
            elif info is None and models and await self._was_listed(key, model):
                await self._warn(key, ModelInfo(model, lifecycle=GONE), uses, models)

    async def _missed(self, key: ProviderKey, model: str) -> None:
        """The provider answered that there is no such model."""
        agents, keys = await self._of(key.workspace)
        uses = _uses(key, agents, keys).get(model)
        if uses:
            models = self._keys.models.known(key) or ()
            await self._warn(key, ModelInfo(model, lifecycle=GONE), uses, models)

    async def _warn(self, key: ProviderKey, end: ModelInfo, uses: _Uses, models: Sequence[ModelInfo]) -> None:
        async with self._database.begin() as uow:
            if not await uow.told.once(
                key.workspace, _name("ends", key.provider, end.id, end.lifecycle, end.retires_on)
            ):
                return
        title = self._keys.ring.title(key.provider)
        ending = screens.Ending(title, end.id, end.lifecycle, end.retires_on)
        suggested = await self._suggested(key, end.id, uses.agents, models)
        view = screens.warning(ending, uses.agents, uses.standing_in_for, suggested)
        log.info("a model ends", workspace=key.workspace, provider=key.provider, model=end.id, lifecycle=end.lifecycle)
        await self._notices.tell_admins(key.workspace, key.set_by, view)

    async def _suggested(
        self, key: ProviderKey, model: str, agents: Sequence[AgentSpec], models: Sequence[ModelInfo]
    ) -> Difference | None:
        successor = self._keys.ring.provider(key.provider).successor(model, tuple(models))
        if successor is None or not agents:
            return None
        try:
            return await self._comparisons.of(agents[0], Chosen(key.provider, successor.id, agents[0].key_id))
        except UserError:
            return None

    async def _was_listed(self, key: ProviderKey, model: str) -> bool:
        async with self._database.read() as uow:
            return await uow.told.known(key.workspace, _name("listed", key.id, model))

    async def _note(self, key: ProviderKey, model: str) -> None:
        """That it was listed, so that it is missed once it is not."""
        name = _name("listed", key.id, model)
        if name in self._noted:
            return
        async with self._database.begin() as uow:
            await uow.told.once(key.workspace, name)
        self._noted.add(name)

    async def _of(self, workspace: str) -> tuple[tuple[AgentSpec, ...], tuple[ProviderKey, ...]]:
        async with self._database.read() as uow:
            return await uow.agents.all(workspace), await uow.keys.all(workspace)

    async def _read_list(self, key: ProviderKey) -> None:
        try:
            await self._keys.models.of(key)
        except (UserError, TimeoutError):
            return  # what is wrong with a key is told elsewhere
        except Exception as error:  # noqa: BLE001 - one workspace's trouble is no reason to leave the others' lists unread
            log.error("a list of models was not read", workspace=key.workspace, **place_of(error))  # noqa: TRY400 - no exception text in logs
        await asyncio.sleep(0)

    def _listed(self, key: ProviderKey, models: tuple[ModelInfo, ...]) -> None:
        self._read[key.workspace, key.id] = self._clock.now()
        self._background.spawn(self.look(key, models), name="look at models' lives")

    def _gone(self, key: ProviderKey, model: str) -> None:
        self._background.spawn(self._missed(key, model), name="tell that a model is gone")


def _uses(key: ProviderKey, agents: Sequence[AgentSpec], keys: Sequence[ProviderKey]) -> dict[str, _Uses]:
    """Which models are used under a key, and by whom. An agent that takes the best there is has nothing to change."""
    found: dict[str, _Uses] = {}
    for agent in agents:
        payer = paying_key(agent, keys)
        if agent.model and payer and payer.id == key.id:
            found.setdefault(agent.model, _Uses()).agents.append(agent)
        for one in stand_ins_of(agent, keys):
            if one.key.id == key.id:
                found.setdefault(one.model, _Uses()).standing_in_for.append(agent)
    return found


def _name(*parts: str) -> str:
    """What is noted, however long the names in it are."""
    return f"model:{parts[0]}:{hashlib.sha256(repr(parts).encode()).hexdigest()[:40]}"
