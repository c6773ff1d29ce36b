"""What adapters remember to write to people unasked, kept in the database."""

from __future__ import annotations

from collections.abc import Mapping

from app.store.unit_of_work import Database


class References:
    """Implements ConversationReferences. What did not change is not written again, so that every message may tell."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, workspace: str, key: str, values: Mapping[str, str]) -> None:
        """See ConversationReferences.save."""
        if await self.find(workspace, key) == values:
            return
        async with self._database.begin() as uow:
            await uow.references.save(workspace, key, values)

    async def find(self, workspace: str, key: str) -> Mapping[str, str] | None:
        """See ConversationReferences.find."""
        async with self._database.read() as uow:
            return await uow.references.find(workspace, key)

    async def forget(self, workspace: str, key: str) -> None:
        """See ConversationReferences.forget."""
        async with self._database.begin() as uow:
            await uow.references.forget(workspace, key)

    async def keys(self, workspace: str, prefix: str) -> tuple[str, ...]:
        """See ConversationReferences.keys."""
        async with self._database.read() as uow:
            return await uow.references.keys(workspace, prefix)
