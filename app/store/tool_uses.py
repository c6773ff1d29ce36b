"""Uses of tools, which limits count, and what a conversation has read: ids and flags, never arguments or results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.chat import ConversationRef
from app.domain.grants import CLEAN, Taint
from app.ports.clock import Clock
from app.store import tables

_USES, _CONVERSATIONS = tables.tool_uses, tables.conversations

_TAINT = select(_CONVERSATIONS.c.taint).where(  # made once, see app.store.agents
    _CONVERSATIONS.c.workspace == bindparam("workspace"),
    _CONVERSATIONS.c.channel == bindparam("channel"),
    _CONVERSATIONS.c.thread == bindparam("thread"),
)


class ToolUseRows:
    """Uses of tools, and what conversations have read. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql

    async def counts(
        self, workspace: str, grants: Sequence[str], run: str, *, since: datetime, besides: str
    ) -> Mapping[str, tuple[int, int]]:
        """How often each grant was used in this run, and since then at all; the call that is being decided on is left out."""
        if not grants:
            return {}
        here = func.sum(case((_USES.c.run_id == run, 1), else_=0))
        lately = func.sum(case((_USES.c.at >= since, 1), else_=0))
        found = await self._connection.execute(
            select(_USES.c.grant_id, here, lately)
            .where(
                _USES.c.workspace == workspace,
                _USES.c.grant_id.in_(grants),
                (_USES.c.at >= since) | (_USES.c.run_id == run),
                _USES.c.id != besides,
                ~_USES.c.id.startswith(f"{besides}/", autoescape=True),
            )
            .group_by(_USES.c.grant_id)
        )
        return {grant: (int(of_run), int(of_day)) for grant, of_run, of_day in found}

    async def add(
        self, use: str, grants: Sequence[tuple[str, str]], *, workspace: str, tool: str, run: str, asker: str
    ) -> bool:
        """Count a use under each of these (agent, grant). False if this very use was counted before."""
        rows = [
            {
                "id": use_id,
                "workspace": workspace,
                "agent_id": agent,
                "grant_id": grant,
                "tool": tool,
                "run_id": run,
                "asker": asker,
                "begun": False,
                "at": self._clock.now(),
            }
            for use_id, (agent, grant) in zip(_ids(use, len(grants)), grants, strict=True)
        ]
        if not rows:
            return False
        added = await self._connection.execute(
            self._dialect.insert(_USES).values(rows).on_conflict_do_nothing().returning(_USES.c.id)
        )
        return added.first() is not None

    async def begin(self, use: str) -> bool:
        """Note that the call is made now. False if it was begun before: nobody knows then how far it came."""
        begun = await self._connection.execute(
            update(_USES).where(_USES.c.id == use, _USES.c.begun.is_(False)).values(begun=True).returning(_USES.c.id)
        )
        return begun.first() is not None

    async def taint(self, conversation: ConversationRef) -> Taint:
        """What the runs of this conversation have read so far."""
        where = {"workspace": conversation.workspace, "channel": conversation.channel, "thread": conversation.thread}
        kept = (await self._connection.execute(_TAINT, where)).scalar()
        if not kept:
            return CLEAN
        return Taint(bool(kept["private"]), bool(kept["untrusted"]), tuple(kept["channels"]))

    async def learn(self, conversation: ConversationRef, taint: Taint) -> None:
        """Add to what this conversation has read; of two that add at once neither is lost."""
        locked = select(_CONVERSATIONS.c.id).where(_is(conversation)).with_for_update()
        if (await self._connection.execute(locked)).first() is None:
            return
        kept = await self.taint(conversation)
        if kept | taint != kept:
            await self.keep_taint(conversation, kept | taint)

    async def keep_taint(self, conversation: ConversationRef, taint: Taint) -> None:
        """Keep what this conversation has read; with CLEAN, it begins anew."""
        kept = {"private": taint.private, "untrusted": taint.untrusted, "channels": list(taint.channels)}
        await self._connection.execute(update(_CONVERSATIONS).where(_is(conversation)).values(taint=kept))

    async def forget(self, stay: timedelta) -> None:
        """Drop uses that are older than this: no limit counts them any more."""
        await self._connection.execute(delete(_USES).where(_USES.c.at < self._clock.now() - stay))


def _ids(use: str, number: int) -> list[str]:
    """A use rests on a grant of each agent that asks for it; the first is the acting one's."""
    return [use, *(f"{use}/{at}" for at in range(1, number))]


def _is(conversation: ConversationRef) -> Any:
    rows = _CONVERSATIONS.c
    return (
        (rows.workspace == conversation.workspace)
        & (rows.channel == conversation.channel)
        & (rows.thread == conversation.thread)
    )
