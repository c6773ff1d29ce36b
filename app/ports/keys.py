"""Wrapping data keys, and sealing content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from app.domain.secrets import KeyContext, SealedSecret


class KeyWrapper(Protocol):
    """A key-encryption key (local file, KMS). It never sees a secret, only data keys, bound to a context."""

    id: str
    """Names the key, such as `local:ab12cd34`."""

    async def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """Wrap 32 bytes; never the same twice."""

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The data key again. Raises WontOpen in any other context or under any other key."""


class Sealer(Protocol):
    """Seals bytes under a workspace's data key; opens them in the same context only. Raises WontOpen."""

    async def seal(self, context: KeyContext, content: bytes) -> SealedSecret:
        """Seal content (what is needed for the length of a run)."""

    async def open(self, context: KeyContext, sealed: SealedSecret) -> bytes:
        """The content again."""
