"""Which key pays for which agent; pure. There is one answer or none: never a second key that steps in."""

from __future__ import annotations

from collections.abc import Sequence

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
