"""Signing in to servers; what does it is loaded when first somebody does."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from adapters.net.hosts import host_and_port
from app.domain.secrets import Secret
from app.ports.clock import Clock
from app.ports.mcp import McpGrant, McpSignInBegun

if TYPE_CHECKING:
    from adapters.tools.mcp.oauth import SigningIn


class SignIn:
    """See McpSignIn. `private_hosts` (`host:port`) are the operator's, as in Hub."""

    def __init__(self, clock: Clock, *, private_hosts: Iterable[str] = ()) -> None:
        self._private_hosts = frozenset(host_and_port(entry) for entry in private_hosts)
        self._clock = clock
        self._made: SigningIn | None = None

    async def begin(self, url: str, *, back: str, state: str) -> McpSignInBegun:
        """See McpSignIn."""
        return await (await self._loaded()).begin(url, back=back, state=state)

    async def end(self, kept: Secret, *, code: str, issuer: str) -> McpGrant:
        """See McpSignIn."""
        return await (await self._loaded()).end(kept, code=code, issuer=issuer)

    async def renew(self, kept: Secret) -> McpGrant:
        """See McpSignIn."""
        return await (await self._loaded()).renew(kept)

    def token(self, kept: Secret) -> Secret:
        """See McpSignIn."""
        return Secret(json.loads(kept.reveal())["token"])

    async def aclose(self) -> None:
        """See McpSignIn."""
        if self._made is not None:
            await self._made.aclose()

    async def _loaded(self) -> SigningIn:
        if self._made is None:
            await asyncio.to_thread(importlib.import_module, "adapters.tools.mcp.oauth")
            from adapters.tools.mcp.oauth import SigningIn
            from adapters.tools.mcp.pools import Pools

            self._made = self._made or SigningIn(Pools(self._private_hosts), self._private_hosts, self._clock)
        return self._made
