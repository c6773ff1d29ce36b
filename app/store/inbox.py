"""Conversations and what came in: dedupe, order, and the protocol by which one actor after the other takes events up.

The rows of a conversation are handled one at a time, oldest first. An actor works for one generation of its conversation; whoever ends it,
bumps the generation, and nothing is ever claimed for a generation that is over.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.inbox import Accepted, Arrival, Claim, Conversation, KeptMessage
from app.domain.secrets import SealedSecret
from app.ports.clock import Clock
from app.store import tables

PENDING, RUNNING, DONE = "pending", "running", "done"

RETRY_MARK = "#"
"""Between a message's id and the number of its repetition: platforms' ids have none."""

_INBOX, _CONVERSATIONS = tables.inbox, tables.conversations


def _keep(insert: Any) -> Any:
    return insert(_INBOX).on_conflict_do_nothing().returning(_INBOX.c.workspace, _INBOX.c.event_id)


def _find_or_add(insert: Any) -> Any:
    new = insert(_CONVERSATIONS)
    known = new.on_conflict_do_update(
        index_elements=["workspace", "channel", "thread"],
        set_={"active_at": new.excluded.active_at, "shared": new.excluded.shared},
    )
    places = (_CONVERSATIONS.c.id, _CONVERSATIONS.c.workspace, _CONVERSATIONS.c.channel, _CONVERSATIONS.c.thread)
    return known.returning(*places)


# Made once, see app.store.agents.
_OLDEST = (
    select(_INBOX)
    .where(_INBOX.c.conversation_id == bindparam("conversation"), _INBOX.c.state != DONE)
    .order_by(_INBOX.c.id)
    .limit(1)
    .with_for_update()  # who withdraws it at this moment is waited for; then there is nothing for this generation
)
_UNFINISHED = (
    select(_INBOX.c.id).where(_INBOX.c.conversation_id == bindparam("conversation"), _INBOX.c.state != DONE).limit(1)
)
_CONVERSATION = select(_CONVERSATIONS).where(_CONVERSATIONS.c.id == bindparam("conversation"))
_LOCKED = _CONVERSATION.with_for_update()
# Made once and given their rows apart: compiling them anew for each number of rows was an eighth of an acknowledgement.
_INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_KEEP = {name: _keep(insert) for name, insert in _INSERTS.items()}
_FIND_OR_ADD = {name: _find_or_add(insert) for name, insert in _INSERTS.items()}


class InboxRows:
    """Conversations and what came in. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def accept(self, arrivals: Sequence[tuple[str, Arrival]]) -> tuple[Accepted, ...]:
        """Keep what is new of these (each with an id for its conversation, should it be new), in this order.

        A second event of a message that waits still replaces its payload if it carries more files: platforms send the same message twice.
        """
        conversations = await self._conversations(arrivals)
        now = self._clock.now()
        kept = await self._connection.execute(
            _KEEP[self._connection.dialect.name],
            [_values(item, conversations[_place(item)], now) for _, item in arrivals],
        )
        fresh = {(row.workspace, row.event_id) for row in kept}
        accepted = []
        for _, item in arrivals:
            new = (item.workspace, item.event_id) in fresh
            fresh.discard((item.workspace, item.event_id))  # the same event twice at once: one of them is new
            if not new and item.files and item.payload:
                await self._replace(item, item.payload)
            accepted.append(Accepted(conversations[_place(item)], new))
        return tuple(accepted)

    async def claim(self, conversation: str, generation: int, run: str) -> tuple[Claim, SealedSecret | None] | None:
        """Take up the oldest event that is not done, and what it said; asked again for the same run, the same event.

        None if there is none, or if the generation is over.
        """
        owner = await self._lock(conversation)
        if owner is None or owner.generation != generation:
            return None
        found = await self._connection.execute(_OLDEST, {"conversation": conversation})
        row = found.first()
        if row is None:
            return None
        await self._connection.execute(update(_INBOX).where(_INBOX.c.id == row.id).values(state=RUNNING, run_id=run))
        claim = Claim(
            run=run, inbox_id=row.id, workspace=row.workspace, conversation=conversation, channel=row.channel, thread=owner.thread,
            user=row.user, message_id=row.message_id, forget_before=owner.forget_before, agent_id=owner.agent_id,
            again=row.state == RUNNING and row.run_id != run, first=row.state == PENDING,
        )  # fmt: skip
        return claim, SealedSecret(row.data_key, row.payload) if row.payload is not None else None

    async def close(self, conversation: str, generation: int, *, done: int | None = None) -> bool:
        """End this generation, whatever it left behind, and the event that it is `done` with; tells whether events wait for the next one.

        First the lock, then the event and a look: one that comes in between waits for us, and is not waited for by us (a redelivery
        holds the conversation while it waits for whoever is changing its event).
        """
        owner = await self._lock(conversation)
        if done is not None:
            await self.finish(done)
        if owner is None:
            return False
        more = await self.unfinished_in(conversation)
        if owner.generation == generation:
            await self._connection.execute(
                update(_CONVERSATIONS).where(_CONVERSATIONS.c.id == conversation).values(generation=generation + 1)
            )
        return more

    async def finish(self, inbox_id: int) -> None:
        """Done with: its content is erased, its ids stay to recognise redeliveries."""
        await self._connection.execute(
            update(_INBOX)
            .where(_INBOX.c.id == inbox_id, _INBOX.c.state != DONE)
            .values(state=DONE, payload=None, data_key="", finished_at=self._clock.now())
        )

    async def withdraw(self, inbox_id: int) -> str:
        """Done with, unless it has been taken up: then the run that did is told, and it is for that run to end."""
        waited = await self._connection.execute(
            update(_INBOX)
            .where(_INBOX.c.id == inbox_id, _INBOX.c.state == PENDING)
            .values(state=DONE, payload=None, data_key="", finished_at=self._clock.now())
            .returning(_INBOX.c.id)
        )
        if waited.first() is not None:
            return ""
        running = select(_INBOX.c.run_id).where(_INBOX.c.id == inbox_id, _INBOX.c.state == RUNNING)
        return (await self._connection.execute(running)).scalar() or ""

    async def conversation(self, conversation: str) -> Conversation | None:
        """A conversation by its id."""
        found = await self._connection.execute(_CONVERSATION, {"conversation": conversation})
        return _conversation(found.first())

    async def find(self, workspace: str, channel: str, thread: str) -> Conversation | None:
        """A conversation by its place."""
        found = await self._connection.execute(
            select(_CONVERSATIONS).where(
                _CONVERSATIONS.c.workspace == workspace,
                _CONVERSATIONS.c.channel == channel,
                _CONVERSATIONS.c.thread == thread,
            )
        )
        return _conversation(found.first())

    async def unfinished_in(self, conversation: str) -> bool:
        """Whether something of this conversation still waits for its answer."""
        found = await self._connection.execute(_UNFINISHED, {"conversation": conversation})
        return found.first() is not None

    async def waits(self, workspace: str, event_id: str) -> bool:
        """Whether this event is still to be done with."""
        found = await self._connection.execute(
            select(_INBOX.c.id).where(
                _INBOX.c.workspace == workspace, _INBOX.c.event_id == event_id, _INBOX.c.state != DONE
            )
        )
        return found.first() is not None

    async def move(self, conversation: str, thread: str) -> None:
        """Its thread is this one: it was begun before it stood anywhere."""
        await self._connection.execute(
            update(_CONVERSATIONS).where(_CONVERSATIONS.c.id == conversation).values(thread=thread)
        )

    async def keep_agent(self, conversation: str, agent_id: str) -> None:
        """Note who answers in this conversation."""
        await self._connection.execute(
            update(_CONVERSATIONS).where(_CONVERSATIONS.c.id == conversation).values(agent_id=agent_id)
        )

    async def forget_before(self, conversation: str, message_id: str) -> None:
        """From this message on the context begins anew."""
        await self._connection.execute(
            update(_CONVERSATIONS).where(_CONVERSATIONS.c.id == conversation).values(forget_before=message_id)
        )

    async def message(self, workspace: str, channel: str, message_id: str) -> tuple[KeptMessage, ...]:
        """What is known of a message: the event itself, then its repetitions."""
        found = await self._connection.execute(
            select(_INBOX)
            .where(
                _INBOX.c.workspace == workspace,
                _INBOX.c.channel == channel,
                or_(
                    _INBOX.c.message_id == message_id,
                    _INBOX.c.message_id.startswith(message_id + RETRY_MARK, autoescape=True),
                ),
            )
            .order_by(_INBOX.c.id)
        )
        return tuple(KeptMessage(row.id, row.conversation_id, row.user, row.message_id) for row in found)

    async def pending(self, workspace: str, channels: Collection[str] | None = None) -> tuple[int, ...]:
        """Every event of a workspace, or of these channels of it, that nobody has taken up yet."""
        query = select(_INBOX.c.id).where(_INBOX.c.workspace == workspace, _INBOX.c.state == PENDING)
        if channels is not None:
            query = query.where(_INBOX.c.channel.in_(channels))
        return tuple((await self._connection.execute(query)).scalars())

    async def unattended(self, older_than: timedelta, limit: int = 500) -> tuple[str, ...]:
        """Conversations whose events have waited longer than this."""
        found = await self._connection.execute(
            select(_INBOX.c.conversation_id)
            .where(_INBOX.c.state.in_((PENDING, RUNNING)), _INBOX.c.received_at <= self._clock.now() - older_than)
            .group_by(_INBOX.c.conversation_id)
            .order_by(func.min(_INBOX.c.id))
            .limit(limit)
        )
        return tuple(found.scalars())

    async def forget(self, older_than: timedelta) -> None:
        """Drop the ids of events that ended longer ago than this."""
        await self._connection.execute(
            delete(_INBOX).where(_INBOX.c.state == DONE, _INBOX.c.received_at < self._clock.now() - older_than)
        )

    async def _lock(self, conversation: str) -> Conversation | None:
        found = await self._connection.execute(_LOCKED, {"conversation": conversation})
        return _conversation(found.first())

    async def _conversations(self, arrivals: Sequence[tuple[str, Arrival]]) -> dict[tuple[str, str, str], str]:
        now = self._clock.now()
        new = {_place(item): new_id for new_id, item in reversed(arrivals)}
        shared = {_place(item): item.shared for _, item in arrivals}
        rows = [
            {
                "id": new[place],
                "workspace": place[0],
                "channel": place[1],
                "thread": place[2],
                "shared": shared[place],
                "created_at": now,
                "active_at": now,
            }
            for place in sorted(new)  # in one order, so that two processes do not wait for each other's locks
        ]
        found = await self._connection.execute(_FIND_OR_ADD[self._connection.dialect.name], rows)
        return {(row.workspace, row.channel, row.thread): row.id for row in found}

    async def _replace(self, item: Arrival, payload: SealedSecret) -> None:
        await self._connection.execute(
            update(_INBOX)
            .where(
                _INBOX.c.workspace == item.workspace,
                _INBOX.c.channel == item.channel,
                _INBOX.c.message_id == item.message_id,
                _INBOX.c.state == PENDING,
                _INBOX.c.files < item.files,
            )
            .values(files=item.files, data_key=payload.data_key, payload=payload.blob)
        )


def _place(item: Arrival) -> tuple[str, str, str]:
    return item.workspace, item.channel, item.thread


def _values(item: Arrival, conversation: str, now: datetime) -> dict[str, Any]:
    return {
        "workspace": item.workspace,
        "event_id": item.event_id,
        "channel": item.channel,
        "message_id": item.message_id,
        "conversation_id": conversation,
        "user": item.user,
        "state": PENDING if item.payload else DONE,
        "files": item.files,
        "data_key": item.payload.data_key if item.payload else "",
        "payload": item.payload.blob if item.payload else None,
        "received_at": now,
        "finished_at": None if item.payload else now,
    }


def _conversation(row: Row[Any] | None) -> Conversation | None:
    if row is None:
        return None
    return Conversation(row.id, row.workspace, row.channel, row.thread, row.generation, row.agent_id, row.forget_before)
