"""Agents, and which channel has which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.agent import AgentSpec, Effort, Fallback
from app.ports.clock import Clock
from app.store import grants, tables

_AGENTS, _CHANNELS = tables.agents, tables.channel_agents

# Read for every mention, and made once: what a statement looks like is told anew for each that is made anew, at half of what it costs.
_HERE = _AGENTS.c.workspace == bindparam("workspace")
_ALL = select(_AGENTS).where(_HERE).order_by(_AGENTS.c.is_default.desc(), _AGENTS.c.name)
_ONE = select(_AGENTS).where(_HERE, _AGENTS.c.id == bindparam("agent"))
_CHANNELS_HERE = (
    select(_CHANNELS.c.channel, _CHANNELS.c.agent_id)
    .where(_CHANNELS.c.workspace == bindparam("workspace"))
    .order_by(_CHANNELS.c.channel)
)


class AgentRows:
    """Agents, and which channel has which. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def all(self, workspace: str) -> tuple[AgentSpec, ...]:
        """A workspace's agents: the default first, then by name."""
        found = await self._connection.execute(_ALL, {"workspace": workspace})
        return tuple(_agent(row) for row in found)

    async def get(self, workspace: str, agent: str) -> AgentSpec | None:
        """An agent of this workspace, and of no other."""
        found = await self._connection.execute(_ONE, {"workspace": workspace, "agent": agent})
        row = found.first()
        return _agent(row) if row else None

    async def add(self, agent: AgentSpec) -> None:
        """Keep a new agent; its id and its name must be free."""
        await self._connection.execute(insert(_AGENTS).values(**_values(agent), created_at=self._clock.now()))

    async def change(self, agent: AgentSpec) -> None:
        """Keep an agent as it is now."""
        await self._connection.execute(
            update(_AGENTS)
            .where(_AGENTS.c.workspace == agent.workspace, _AGENTS.c.id == agent.id)
            .values(**_values(agent))
        )

    async def delete(self, workspace: str, agent: str) -> None:
        """Drop an agent, and what pointed channels to it."""
        await self._connection.execute(
            delete(_CHANNELS).where(_CHANNELS.c.workspace == workspace, _CHANNELS.c.agent_id == agent)
        )
        await self._connection.execute(delete(_AGENTS).where(_AGENTS.c.workspace == workspace, _AGENTS.c.id == agent))

    async def make_default(self, workspace: str, agent: str) -> None:
        """Make this the workspace's one default agent: a single statement, so there are never two."""
        await self._connection.execute(
            update(_AGENTS).where(_AGENTS.c.workspace == workspace).values(is_default=_AGENTS.c.id == agent)
        )

    async def channels(self, workspace: str) -> Mapping[str, str]:
        """Agent ids by the channels that they are the default of."""
        found = await self._connection.execute(_CHANNELS_HERE, {"workspace": workspace})
        return {row.channel: row.agent_id for row in found}

    async def keep_channel(self, workspace: str, channel: str, agent: str) -> None:
        """Give a channel its default agent; with an empty one, the workspace's default answers there again."""
        await self._connection.execute(
            delete(_CHANNELS).where(_CHANNELS.c.workspace == workspace, _CHANNELS.c.channel == channel)
        )
        if agent:
            await self._connection.execute(
                insert(_CHANNELS).values(workspace=workspace, channel=channel, agent_id=agent)
            )


def _values(agent: AgentSpec) -> dict[str, Any]:
    return {
        "id": agent.id,
        "workspace": agent.workspace,
        "name": agent.name,
        "emoji": agent.emoji,
        "description": agent.description,
        "instructions": agent.instructions,
        "provider": agent.provider,
        "model": agent.model,
        "key_id": agent.key_id,
        "effort": agent.effort or "",
        "max_output_tokens": agent.max_output_tokens,
        "max_steps": agent.max_steps,
        "channels": list(agent.channels),
        "grants": [grants.kept(grant) for grant in agent.grants],
        "share_names": agent.share_names,
        "paused": agent.paused,
        "is_default": agent.is_default,
        "fallbacks": [asdict(one) for one in agent.fallbacks],
        "run_tokens": agent.run_tokens,
        "run_cost": agent.run_cost,
        "run_seconds": agent.run_seconds,
    }


def _agent(row: Row[Any]) -> AgentSpec:
    return AgentSpec(
        id=row.id,
        workspace=row.workspace,
        name=row.name,
        description=row.description,
        instructions=row.instructions,
        emoji=row.emoji,
        provider=row.provider,
        model=row.model,
        key_id=row.key_id,
        effort=Effort(row.effort) if row.effort else None,
        max_output_tokens=row.max_output_tokens,
        max_steps=row.max_steps,
        channels=tuple(row.channels),
        grants=tuple(grants.grant(kept, f"{row.id}.{at}") for at, kept in enumerate(row.grants)),
        share_names=row.share_names,
        paused=row.paused,
        is_default=row.is_default,
        fallbacks=tuple(Fallback(**one) for one in row.fallbacks),
        run_tokens=row.run_tokens,
        run_cost=row.run_cost,
        run_seconds=row.run_seconds,
    )
