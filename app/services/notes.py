"""What agents remember: short notes, sealed. A note is told where everybody could have read what it was made of, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping

import structlog

from app.domain.audit import AuditEntry
from app.domain.chat import Place, UserRef
from app.domain.grants import Taint
from app.domain.notes import Note, NoteContent, NoteRecord
from app.domain.secrets import KeyContext, SealedSecret
from app.errors import BadInput, NotAllowed, WontOpen
from app.ports.agents import RunFacts
from app.ports.clock import Clock
from app.ports.keys import Sealer
from app.services.codec import clean, dump, load
from app.services.tools.told import Redact
from app.store.unit_of_work import Database

log = structlog.get_logger(__name__)

MOST = 100
"""Notes of one agent."""

LONGEST = 500
GONE = "That note is not there any more."


class Notes:
    """Notes of one workspace never meet those of another: each is sealed for its own."""

    def __init__(self, database: Database, sealer: Sealer, *, redact: Redact, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._redact = redact
        self._clock = clock

    async def keep(self, facts: RunFacts, number: str, text: str, taint: Taint) -> None:
        """Keep a note of a run, once for each number; `taint` is what the run has read. Raises BadInput in words for the model."""
        text = clean(" ".join(text.split()))
        if not text or len(text) > LONGEST:
            raise BadInput(f"A note has words, and at most {LONGEST} characters.")
        if taint.untrusted:
            raise BadInput("Something from outside was read before, and after that nothing is remembered.")
        if await self._redact(facts.workspace, text) != text:
            raise BadInput("There is a key in that. It was not kept.")
        where = facts.conversation
        content = NoteContent(text, taint | Taint(channels=(where.channel,)))
        asker = facts.question.asker.id
        record = NoteRecord(
            f"note_{facts.run}_{number}"[-64:], facts.workspace, facts.agent.id, asker, self._clock.now(),
            asker if where.place is Place.DIRECT else "", facts.run,
        )  # fmt: skip
        sealed = await self._sealer.seal(_place(record), json.dumps(dump(content)).encode())
        async with self._database.begin() as uow:
            await uow.workspaces.lock(facts.workspace)
            if await uow.notes.count(facts.workspace, agent=facts.agent.id) >= MOST:
                raise BadInput(f"There are {MOST} notes already. People can delete some with `/byok notes`.")
            await uow.notes.add(record, sealed)
            await uow.audit.append(
                AuditEntry(facts.workspace, asker, "note.kept", record.id, {"agent": facts.agent.id, "run": facts.run})
            )

    async def of(self, workspace: str, agent_id: str) -> tuple[Note, ...]:
        """All that an agent remembers, newest first; whether it may be told somewhere is for the caller to ask."""
        async with self._database.read() as uow:
            kept = await uow.notes.all(workspace, agent=agent_id, limit=MOST)
        return await self._opened(kept)

    async def seen_by(
        self, user: UserRef, *, admin: bool, agent_id: str = "", start: int = 0, most: int = MOST
    ) -> tuple[Note, ...]:
        """What this person may list, newest first, without the first `start`: admins all of it, others what was kept for them."""
        mine = "" if admin else user.id
        async with self._database.read() as uow:
            kept = await uow.notes.all(user.workspace, agent=agent_id, kept_by=mine, start=start, limit=most)
        return await self._opened(kept)

    async def count(self, user: UserRef, *, admin: bool, agent_id: str = "") -> int:
        """How many they may list."""
        async with self._database.read() as uow:
            return await uow.notes.count(user.workspace, agent=agent_id, kept_by="" if admin else user.id)

    async def delete(self, note_id: str, by: UserRef, *, admin: bool) -> None:
        """Drop a note that this person may list. Raises BadInput or NotAllowed."""
        async with self._database.begin() as uow:
            record = await uow.notes.get(by.workspace, note_id)
            if record is None:
                raise BadInput(GONE)
            if not admin and record.kept_by != by.id:
                raise NotAllowed
            await uow.notes.delete(by.workspace, note_id)
            await uow.audit.append(AuditEntry(by.workspace, by.id, "note.deleted", note_id, {"agent": record.agent_id}))

    async def names(self, workspace: str) -> Mapping[str, str]:
        """What agents are called, by their ids."""
        async with self._database.read() as uow:
            return {agent.id: agent.name for agent in await uow.agents.all(workspace)}

    async def _opened(self, kept: tuple[tuple[NoteRecord, SealedSecret], ...]) -> tuple[Note, ...]:
        found = []
        for record, sealed in kept:
            try:
                opened = await self._sealer.open(_place(record), sealed)
            except WontOpen:  # the workspace's data key was destroyed meanwhile
                log.warning("a note does not open", workspace=record.workspace)
                continue
            found.append(Note(record, load(NoteContent, json.loads(opened))))
        return tuple(found)


def _place(record: NoteRecord) -> KeyContext:
    return KeyContext(record.workspace, "note", record.id)
