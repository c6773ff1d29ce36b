"""Which key pays for which agent; pure. There is one answer or none: never a second key that steps in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.agent import AgentSpec
from app.domain.keys import KeyStatus, ProviderKey


def paying_key(agent: AgentSpec, keys: Sequence[ProviderKey]) -> ProviderKey | None:
    """The key an agent names, else its provider's default, else (no provider set) the workspace's default."""
    if agent.key_id:
        return next((key for key in keys if key.id == agent.key_id), None)
    if agent.provider:
        return next((key for key in keys if key.is_default and key.provider == agent.provider), None)
    return default_key(keys)


def default_key(keys: Sequence[ProviderKey]) -> ProviderKey | None:
    """What pays for agents without a provider: of the providers' default keys, the one that the workspace has had longest."""
    return min((key for key in keys if key.is_default), key=lambda key: key.id, default=None)


@dataclass(frozen=True, slots=True)
class StandIn:
    """A model that an admin allowed in an agent's place, and the key that pays for it."""

    key: ProviderKey
    model: str


def stand_ins_of(agent: AgentSpec, keys: Sequence[ProviderKey]) -> tuple[StandIn, ...]:
    """Who may stand in for an agent's model at the moment, in the order that its admins set."""
    found = []
    for one in agent.fallbacks:
        key = next(
            (k for k in keys if (k.id == one.key_id if one.key_id else k.is_default and k.provider == one.provider)),
            None,
        )
        if key is not None and key.live and key.provider == one.provider:
            found.append(StandIn(key, one.model))
    return tuple(found)


def agents_on(key: ProviderKey, agents: Sequence[AgentSpec], keys: Sequence[ProviderKey]) -> tuple[AgentSpec, ...]:
    """The agents that a key pays for."""
    return tuple(agent for agent in agents if (paying := paying_key(agent, keys)) and paying.id == key.id)


def verified(keys: Sequence[ProviderKey]) -> bool:
    """Whether any of these keys is known to work."""
    return any(key.status is KeyStatus.VERIFIED for key in keys)


def ready(agents: Sequence[AgentSpec], keys: Sequence[ProviderKey]) -> frozenset[str]:
    """The ids of the agents that could answer now, as far as is known: at work, and with a key that works."""
    return frozenset(
        agent.id
        for agent in agents
        if not agent.paused and (key := paying_key(agent, keys)) and key.status is KeyStatus.VERIFIED
    )
