"""The vault that yields secrets. Only `app.services.key_ring` and `app.services.mcp.tokens` are handed one."""

from __future__ import annotations

from typing import Protocol

from app.domain.secrets import KeyContext, SealedSecret, Secret


class SecretVault(Protocol):
    """Seals secrets under a workspace's data key. Never call it inside an open unit of work: it may need a transaction of its own."""

    async def seal_secret(self, context: KeyContext, secret: Secret) -> SealedSecret:
        """Seal a secret, bound to its context."""

    async def open_secret(self, context: KeyContext, sealed: SealedSecret) -> Secret:
        """The secret again. Raises WontOpen in any other context."""

    async def fingerprint(self, workspace: str, secret: Secret) -> str:
        """A keyed digest (32 hex digits at most) by which the same secret is recognised within a workspace, and nowhere else."""

    async def shred(self, workspace: str) -> None:
        """Destroy the workspace's data keys: nothing sealed for it opens again."""
