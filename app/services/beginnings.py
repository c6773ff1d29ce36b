"""What a run has read before it does anything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from app.domain.agent import AgentSpec
from app.domain.chat import HistoryMessage, Place, UserRef
from app.domain.events import Mention
from app.domain.grants import COLLEAGUES, Invoker, Taint
from app.domain.quotes import quotes_elsewhere, without_quotes
from app.domain.tool_kinds import BY_NAME
from app.store.unit_of_work import Database


class KnowsPeople(Protocol):
    """What is needed of `app.services.access`."""

    async def invoker(self, user: UserRef, workspace: str, *, from_bot: bool) -> Invoker:
        """What this person is when an agent of the workspace acts for them."""


async def first_taint(
    database: Database,
    people: KnowsPeople,
    mention: Mention,
    *,
    agent: AgentSpec,
    invoker: Invoker,
    history: Sequence[HistoryMessage],
) -> Taint:
    """All that its conversation has read so far, and what in the thread and the question may have been written by anybody."""
    files = bool(mention.files) or any(item.files for item in history)
    private = files or _overheard(mention, history)
    strange = (
        files
        or invoker not in (*COLLEAGUES, Invoker.SCHEDULED)
        or _under_a_post(mention, history)
        or await _strangers(people, mention, agent, history)
    )
    taint = Taint(private=private, untrusted=strange)
    async with database.read() as uow:
        kept = await uow.tool_uses.taint(mention.conversation)
    if files and kept | taint != kept:  # a platform's history may not tell of them again
        async with database.begin() as uow:
            await uow.tool_uses.learn(mention.conversation, taint)
    return kept | taint


def _overheard(mention: Mention, history: Sequence[HistoryMessage]) -> bool:
    """Whether the history holds what was said in private by others: in a direct chat, what somebody tells an agent and what it answers is theirs to
    use there. What its answers were made of is kept with the conversation.
    """
    place = mention.conversation.place
    if place is Place.DIRECT:
        return any(item.author != mention.user and not item.from_agent for item in history)
    return place is Place.GROUP and bool(history)


def _under_a_post(mention: Mention, history: Sequence[HistoryMessage]) -> bool:
    """Whether the thread begins with what an agent posted from elsewhere: what that was made of, this conversation does not know."""
    first = history[0] if history and mention.conversation.place is Place.CHANNEL else None
    return first is not None and first.from_agent and first.id == mention.conversation.thread


async def _strangers(
    people: KnowsPeople, mention: Mention, agent: AgentSpec, history: Sequence[HistoryMessage]
) -> bool:
    """Whether somebody who is no colleague speaks in the thread, or is quoted; nobody is looked up for an agent that can do nothing about it."""
    if any(item.author is None and not item.from_agent for item in history):
        return True
    known = "\n".join(without_quotes(item.text) for item in history)
    said = [mention.text, *(item.text for item in history if not item.from_agent)]
    if not mention.scheduled and any(quotes_elsewhere(text, known) for text in said):
        return True
    authors = {item.author for item in history if item.author and not item.from_agent} - {mention.user}
    if not authors or all(_harmless(grant.tool) for grant in agent.grants):
        return False
    kinds = await asyncio.gather(*(people.invoker(author, mention.workspace, from_bot=False) for author in authors))
    return any(kind not in COLLEAGUES for kind in kinds)


def _harmless(tool: str) -> bool:
    return tool in BY_NAME and BY_NAME[tool].harmless
