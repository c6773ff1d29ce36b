"""ConversationReferences in memory."""

from __future__ import annotations

from collections.abc import Mapping


class KeptReferences:
    """`saves` counts what was written."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, str]] = {}
        self.saves = 0

    async def save(self, workspace: str, key: str, values: Mapping[str, str]) -> None:
        self.saves += 1
        self.rows[workspace, key] = dict(values)

    async def find(self, workspace: str, key: str) -> Mapping[str, str] | None:
        return self.rows.get((workspace, key))

    async def forget(self, workspace: str, key: str) -> None:
        self.rows.pop((workspace, key), None)

    async def keys(self, workspace: str, prefix: str) -> tuple[str, ...]:
        return tuple(sorted(key for owner, key in self.rows if owner == workspace and key.startswith(prefix)))
