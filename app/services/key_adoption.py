"""The first key that works: agents that had none to think on move to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.agent import AgentSpec
from app.domain.audit import AuditEntry
from app.domain.keys import ProviderKey
from app.domain.run import ModelInfo
from app.ports.providers import ModelProvider
from app.services.key_ring import OFFLINE
from app.services.key_usage import verified
from app.services.workspaces import ITSELF
from app.store.unit_of_work import UnitOfWork


async def adopt(
    uow: UnitOfWork, key: ProviderKey, provider: ModelProvider, models: Sequence[ModelInfo] | None
) -> tuple[AgentSpec, ...]:
    """Move agents that are offline or unset to a key that was just verified, if it is the first; tells which moved, as they are now.

    They get the provider's best model where one is known well enough to choose for somebody; else it is left open.
    """
    others = [other for other in await uow.keys.all(key.workspace) if other.id != key.id]
    if verified(others):
        return ()
    best = provider.best(tuple(models or ()))
    moved = []
    for agent in await uow.agents.all(key.workspace):
        if agent.provider in ("", OFFLINE) and not agent.key_id:
            key_id = "" if key.is_default else key.id
            after = replace(agent, provider=key.provider, model=best.id if best else "", key_id=key_id)
            await uow.agents.change(after)
            about = {"provider": after.provider, "model": after.model, "key": key.id}
            await uow.audit.append(AuditEntry(key.workspace, ITSELF, "agent.changed", agent.id, about))
            moved.append(after)
    return tuple(moved)
