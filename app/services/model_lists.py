"""What a workspace's keys can chat with: asked of the providers, remembered for minutes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.keys import ProviderCredential, ProviderKey
from app.domain.run import ModelInfo
from app.errors import TimedOut, UserError
from app.ports.clock import Clock
from app.services.background import Background
from app.services.key_ring import KeyRing
from app.services.workspaces import ITSELF

KEPT = timedelta(minutes=10)
FAILED = timedelta(seconds=20)
DROPPED = timedelta(hours=12)
SLOWEST = 10.0
Slot = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class _Kept:
    models: tuple[ModelInfo, ...]
    until: datetime
    error: UserError | None = None


class ModelLists:
    """Lists per version of a key. Whoever asks while a list is fetched waits for the same answer."""

    def __init__(self, ring: KeyRing, background: Background, clock: Clock) -> None:
        self._ring = ring
        self._background = background
        self._clock = clock
        self._kept: dict[Slot, _Kept] = {}
        self._asking: dict[Slot, asyncio.Task[_Kept]] = {}
        self.listed: Callable[[ProviderKey, tuple[ModelInfo, ...]], None] = _nobody
        """Told of every list that a provider gave."""
        self.gone: Callable[[ProviderKey, str], None] = _nobody
        """To be told of a model that a provider says it does not have."""

    def known(self, key: ProviderKey) -> tuple[ModelInfo, ...] | None:
        """The list, if it was fetched in the last minutes; nobody is asked."""
        kept = self._kept.get(_slot(key))
        return kept.models if kept and not kept.error and self._clock.now() < kept.until else None

    async def look_up(self, key: ProviderKey, model: str, *, seconds: float) -> ModelInfo | None:
        """What was last heard of a model, be it hours ago. Where nothing was yet, as right after a start, the list is waited for, so many seconds at most."""
        self.warm(key)
        if _slot(key) not in self._kept:
            with suppress(TimeoutError, UserError):
                await self.of(key, seconds=seconds)
        kept = self._kept.get(_slot(key))
        return next((info for info in kept.models if info.id == model), None) if kept else None

    async def of(self, key: ProviderKey, *, seconds: float = SLOWEST) -> tuple[ModelInfo, ...]:
        """What this key may chat with, best first; empty where the provider has no listing.

        Raises ProviderError or NoKey when it can't be told, and TimeoutError when it takes longer than `seconds`: the answer is then still waited for
        in the background.
        """
        slot = _slot(key)
        kept = self._kept.get(slot)
        if kept is None or self._clock.now() >= kept.until:
            task = self._asking.get(slot) or self._ask(slot, key)
            async with asyncio.timeout(seconds):
                kept = await asyncio.shield(task)
        if kept.error:
            raise kept.error
        return kept.models

    def warm(self, key: ProviderKey) -> None:
        """See that the list will be there when somebody wants it."""
        if self.known(key) is None and _slot(key) not in self._asking:
            self._ask(_slot(key), key)

    async def fetch(self, key: ProviderKey, credential: ProviderCredential) -> tuple[ModelInfo, ...]:
        """Fetch and remember the list of a key that its caller has in hand. Raises ProviderError."""
        models = await self._ring.provider(key.provider).models(credential)
        self._keep(_slot(key), _Kept(models, self._clock.now() + KEPT))
        self.listed(key, models)
        return models

    def _ask(self, slot: Slot, key: ProviderKey) -> asyncio.Task[_Kept]:
        task = asyncio.create_task(self._answer(slot, key), name="model list")
        self._asking[slot] = task
        self._background.spawn(_wait_for(task), name="model list")
        return task

    async def _answer(self, slot: Slot, key: ProviderKey) -> _Kept:
        try:
            kept = await self._fetched(key)
        finally:
            del self._asking[slot]
        self._keep(slot, kept)
        if not kept.error:
            self.listed(key, kept.models)
        return kept

    async def _fetched(self, key: ProviderKey) -> _Kept:
        try:
            async with asyncio.timeout(SLOWEST):
                _, credential = await self._ring.use(
                    key.workspace, key.id, actor=ITSELF, details={"purpose": "models"}, refused_too=True
                )
                models = await self._ring.provider(key.provider).models(credential)
        except UserError as error:
            return _Kept((), self._clock.now() + FAILED, error)
        except TimeoutError:
            return _Kept((), self._clock.now() + FAILED, TimedOut())
        return _Kept(models, self._clock.now() + KEPT)

    def _keep(self, slot: Slot, kept: _Kept) -> None:
        stale = self._clock.now() - DROPPED
        self._kept = {other: value for other, value in self._kept.items() if stale < value.until}
        self._kept[slot] = kept


def _nobody(key: ProviderKey, what: object) -> None:
    """Nobody wants to know."""


def _slot(key: ProviderKey) -> Slot:
    return (key.workspace, key.id, key.version)


async def _wait_for(task: asyncio.Task[_Kept]) -> None:
    await task  # who is cancelled here takes the task along
