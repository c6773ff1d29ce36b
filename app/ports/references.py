"""What an adapter must remember to write to somebody unasked: ids and addresses, never content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class ConversationReferences(Protocol):
    """Durable, per workspace; gone with it. Keys and values are the adapter's own: small, flat, ids and addresses only."""

    async def save(self, workspace: str, key: str, values: Mapping[str, str]) -> None:
        """Keep these under this key, in the place of what was there."""

    async def find(self, workspace: str, key: str) -> Mapping[str, str] | None:
        """What was kept under this key, if anything."""

    async def forget(self, workspace: str, key: str) -> None:
        """Keep it no longer; nothing happens if it was not there."""

    async def keys(self, workspace: str, prefix: str) -> tuple[str, ...]:
        """Every key of the workspace that begins like this, in order."""
