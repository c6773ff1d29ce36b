"""Memory for platforms that cannot be asked what was said before: sealed, for as long as the workspace's admins want it, and no longer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

import structlog

from app.domain.chat import FileRef, HistoryMessage, UserRef
from app.domain.inbox import Claim
from app.domain.secrets import KeyContext
from app.errors import WontOpen
from app.ports.clock import Clock
from app.ports.keys import Sealer
from app.ports.platform import ChatPlatform
from app.services.codec import dump, load
from app.services.workspaces import WorkspaceSettings
from app.store.unit_of_work import Database, UnitOfWork

log = structlog.get_logger(__name__)

MOST = 200
"""Messages of a conversation that are context at most, as with platforms that keep history."""


class Transcripts:
    """What people asked and agents answered, conversation by conversation. Where the platform keeps history, nothing is kept here."""

    def __init__(
        self, database: Database, sealer: Sealer, platforms: Mapping[str, ChatPlatform], *, clock: Clock
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._platforms = platforms
        self._clock = clock

    def remembers(self, workspace: str) -> bool:
        """Whether this is where the memory of the workspace's conversations is, were it for none."""
        platform = self._platforms.get(workspace.partition(":")[0])
        return platform is not None and not platform.keeps_history

    async def keep(
        self,
        claim: Claim,
        message_id: str,
        text: str,
        author: UserRef | None = None,
        *,
        files: tuple[FileRef, ...] = (),
    ) -> None:
        """Remember what somebody asked, or (without an author) an agent answered. Kept twice, it is there once.

        Of files it is remembered where they are, not what is in them.

        Nothing is kept where the platform keeps history, where the workspace does not want it, or of a question that was taken back.
        """
        if not self.remembers(claim.workspace):
            return
        async with self._database.read() as uow:
            if not await _hours(uow, claim.workspace):
                return
        message = HistoryMessage(message_id, text, author, from_agent=author is None, at=self._clock.now(), files=files)
        place = _place(claim.workspace, claim.conversation, message_id)
        sealed = await self._sealer.seal(place, json.dumps(dump(message)).encode())
        async with self._database.begin() as uow:
            taken_back = author is not None and await uow.runs.stop_requested(claim.run)
            if not taken_back and await _hours(uow, claim.workspace):  # the app may have been removed meanwhile
                await uow.transcripts.add(claim.workspace, claim.conversation, message_id, sealed)

    async def recall(self, claim: Claim) -> tuple[HistoryMessage, ...]:
        """What was said in the claim's conversation, oldest first; nothing that is older than the workspace wants."""
        async with self._database.read() as uow:
            since = self._clock.now() - timedelta(hours=await _hours(uow, claim.workspace))
            kept = await uow.transcripts.newest(claim.workspace, claim.conversation, since, MOST)
        found = []
        for message_id, sealed in kept:
            try:
                opened = await self._sealer.open(_place(claim.workspace, claim.conversation, message_id), sealed)
            except WontOpen:  # the workspace's data key was destroyed meanwhile
                log.warning("a remembered message does not open", workspace=claim.workspace)
                continue
            found.append(load(HistoryMessage, json.loads(opened)))
        return tuple(found)

    async def tidy(self) -> None:
        """Erase what has become older than its workspace wants; to be called every few seconds."""
        async with self._database.read() as uow:
            limits = {workspace: await _hours(uow, workspace) for workspace in await uow.transcripts.workspaces()}
        if not limits:
            return
        now = self._clock.now()
        async with self._database.begin() as uow:
            for workspace, hours in limits.items():
                await uow.transcripts.forget_before(workspace, now - timedelta(hours=hours))


async def _hours(uow: UnitOfWork, workspace: str) -> int:
    row = await uow.workspaces.get(workspace)
    return WorkspaceSettings.of(row.settings).memory_hours if row and not row.removed_at else 0


def _place(workspace: str, conversation: str, message_id: str) -> KeyContext:
    return KeyContext(workspace, "transcript", f"{conversation}/{message_id}")
