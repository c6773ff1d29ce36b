"""Whether a key is let at the very models that agents think with; asked of the provider, at no cost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.agent import AgentSpec
from app.domain.keys import ProviderCredential, ProviderKey
from app.errors import KeyRejected, ModelGone, NoCredit, NotPermitted, ProviderError
from app.services.key_ring import KeyRing
from app.services.key_usage import agents_on

AT_A_TIME = 4
PER_MODEL = 5.0
"""Seconds for one model."""

BEST = "the provider's best model"
"""Stands among the unchecked for agents that take that one, where the list that tells which it is could not be had."""

Uses = Mapping[str, tuple[str, ...]]
"""Models, and the names of the agents that think with each; under no model those that take the provider's best."""


@dataclass(frozen=True, slots=True)
class KeptFrom:
    """A model that a key is not let at, and the agents that would go without."""

    model: str
    agents: tuple[str, ...]
    error: ModelGone | NotPermitted


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it. `refusal` is of the key as a whole; `unchecked` are models of which nothing could be told."""

    may_use: tuple[str, ...] = ()
    kept_from: tuple[KeptFrom, ...] = ()
    unchecked: tuple[str, ...] = ()
    refusal: KeyRejected | NoCredit | None = None


def uses_of(key: ProviderKey, agents: Sequence[AgentSpec], keys: Sequence[ProviderKey]) -> dict[str, tuple[str, ...]]:
    """What agents use a key for, those included that only fall back on it."""
    found: dict[str, dict[str, None]] = {}
    paid = {agent.id for agent in agents_on(key, agents, keys)}
    for agent in agents:
        if agent.id in paid:
            found.setdefault(agent.model, {})[agent.name] = None
        for other in agent.fallbacks:
            own = other.key_id == key.id if other.key_id else key.is_default
            if own and other.provider == key.provider:
                found.setdefault(other.model, {})[agent.name] = None
    return {model: tuple(names) for model, names in found.items()}


class KeyTrials:
    """Tries keys, a few models at a time."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def of(self, provider: str, credential: ProviderCredential, uses: Uses) -> Tried:
        """Ask about each model; those without a name are left out."""
        turns = asyncio.Semaphore(AT_A_TIME)

        async def one(model: str) -> ProviderError | bool:
            async with turns:
                try:
                    return await self._ring.provider(provider).try_model(credential, model, timeout=PER_MODEL)
                except ProviderError as error:
                    return error

        models = [model for model in uses if model]
        answers = dict(zip(models, await asyncio.gather(*(one(model) for model in models)), strict=True))
        kept_from = tuple(
            KeptFrom(model, uses[model], answer)
            for model, answer in answers.items()
            if isinstance(answer, ModelGone | NotPermitted)
        )
        known = {model for model, answer in answers.items() if answer is True} | {one.model for one in kept_from}
        return Tried(
            may_use=tuple(model for model, answer in answers.items() if answer is True),
            kept_from=kept_from,
            unchecked=tuple(model for model in models if model not in known),
            refusal=next((a for a in answers.values() if isinstance(a, KeyRejected | NoCredit)), None),
        )
