"""ConversationReferences in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping


class KeptReferences:
    """`saves` counts what was written. Others get their turn in between, as with a database."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, str]] = {}
        self.saves = 0

    async def save(self, workspace: str, key: str, values: Mapping[str, str]) -> None:
        await asyncio.sleep(0)
        self.saves += 1
        self.rows[workspace, key] = dict(values)

    async def find(self, workspace: str, key: str) -> Mapping[str, str] | None:
        await asyncio.sleep(0)
        return self.rows.get((workspace, key))

    async def forget(self, workspace: str, key: str) -> None:
        self.rows.pop((workspace, key), None)

    async def keys(self, workspace: str, prefix: str) -> tuple[str, ...]:
        return tuple(sorted(key for owner, key in self.rows if owner == workspace and key.startswith(prefix)))
