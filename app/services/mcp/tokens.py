"""Tokens for servers of tools: sealed for one server, one person and one origin, opened for one use, renewed in time.

Beside the key ring this is the one place that is handed the vault that yields secrets. What it seals for sign-ins holds more than a token
(what renews it, who we are there); only the adapter looks inside.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import structlog

from app.domain.mcp import McpAuth, McpServer
from app.domain.secrets import KeyContext, Secret
from app.errors import BadInput, WontOpen
from app.ports.clock import Clock
from app.ports.mcp import McpEndpoint, McpGrant, McpHub, McpSignIn, McpSignInNeeded, McpTrouble
from app.ports.vault import SecretVault
from app.store.mcp import BegunSignIn, StoredToken
from app.store.unit_of_work import Database
from app.telemetry.scrub import scrub

log = structlog.get_logger(__name__)

SOON = timedelta(seconds=60)
"""A token that runs out sooner than this is renewed before it is used."""

_TOKEN, _BEGUN = "mcp-token", "mcp-sign-in"
_PROVIDER = "mcp"


class McpTokens:
    """Keeps and opens tokens. The origin that each is bound to is that of the address it will really be sent to."""

    def __init__(self, database: Database, vault: SecretVault, hub: McpHub, sign_in: McpSignIn, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._hub = hub
        self._sign_in = sign_in
        self._clock = clock
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def keep(self, server: McpServer, person: str, kept: Secret, expires_at: datetime | None = None) -> None:
        """Keep a token, in the place of the one before, which is gone with that. Raises BadInput if the server went meanwhile."""
        while True:
            async with self._database.read() as uow:
                before = await uow.mcp.token(server.workspace, server.id, person)
                there = await uow.mcp.server(server.workspace, server.id)
            if there is None:
                raise BadInput("That server is not there any more.")
            if await self._write(server, person, McpGrant(kept, expires_at), before.version if before else 0):
                return

    async def endpoint(self, server: McpServer, person: str) -> McpEndpoint:
        """Where to call on this person's behalf (see McpServer.person), with a token that is good for now.

        Raises McpSignInNeeded where there is none, else McpTrouble.
        """
        if server.auth is McpAuth.NONE:
            return McpEndpoint(server.id, server.url)
        return McpEndpoint(server.id, server.url, await self._token(server, person), person)

    async def refused(self, server: McpServer, endpoint: McpEndpoint) -> McpEndpoint | None:
        """The server did not take this token, whatever we thought of it: one that was got anew, if one can be."""
        if server.auth is not McpAuth.OAUTH or endpoint.token is None:
            return None
        try:
            token = await self._token(server, endpoint.person, unless=endpoint.token)
        except McpTrouble:
            return None
        return McpEndpoint(server.id, server.url, token, endpoint.person)

    async def begin(self, begun: BegunSignIn, server: McpServer, kept: Secret) -> BegunSignIn:
        """A begun sign-in with what it needs in the end, sealed."""
        sealed = await self._vault.seal_secret(self._context(server, _BEGUN, begun.state, 1), kept)
        return BegunSignIn(
            begun.state, begun.workspace, begun.server, begun.person, begun.begun_by, sealed, begun.expires_at
        )

    async def end(self, begun: BegunSignIn, server: McpServer, *, code: str, issuer: str) -> None:
        """Trade what came back for a token, and keep it. Raises McpTrouble or BadInput."""
        try:
            kept = await self._vault.open_secret(self._context(server, _BEGUN, begun.state, 1), begun.sealed)
        except WontOpen:
            raise McpTrouble("this sign-in can't be gone on with") from None
        grant = await self._sign_in.end(kept, code=code, issuer=issuer)
        await self.keep(server, begun.person, grant.kept, grant.expires_at)

    async def _token(self, server: McpServer, person: str, *, unless: Secret | None = None) -> Secret:
        lock = self._locks.setdefault((server.id, person), asyncio.Lock())
        async with lock:  # of many who find it run out, one renews it
            for _ in range(2):
                async with self._database.read() as uow:
                    stored = await uow.mcp.token(server.workspace, server.id, person)
                if stored is None:
                    raise McpSignInNeeded("nobody has signed in")
                kept = await self._open(server, stored)
                token = self._sign_in.token(kept) if server.auth is McpAuth.OAUTH else kept
                scrub.remember(token)
                run_out = stored.expires_at is not None and stored.expires_at - SOON <= self._clock.now()
                if server.auth is not McpAuth.OAUTH or not (run_out or token == unless):
                    return token
                if renewed := await self._renewed(server, stored, kept):
                    return renewed
        raise McpTrouble("its token is being renewed by somebody else at this moment")

    async def _renewed(self, server: McpServer, stored: StoredToken, kept: Secret) -> Secret | None:
        """The newer token; None if another process was quicker."""
        try:
            grant = await self._sign_in.renew(kept)
        except McpSignInNeeded:
            async with self._database.read() as uow:
                now = await uow.mcp.token(server.workspace, server.id, stored.person)
            if now and now.version != stored.version:
                return None
            raise
        if not await self._write(server, stored.person, grant, stored.version):
            return None
        token = self._sign_in.token(grant.kept)
        scrub.remember(token)
        return token

    async def _write(self, server: McpServer, person: str, grant: McpGrant, before: int) -> bool:
        version = before + 1
        context = self._context(server, _TOKEN, f"{server.id}/{person}", version)
        sealed = await self._vault.seal_secret(context, grant.kept)
        token = StoredToken(server.id, person, server.workspace, sealed, version, grant.expires_at)
        async with self._database.begin() as uow:
            if await uow.mcp.server(server.workspace, server.id) is None:
                return False
            return await uow.mcp.keep_token(token)

    async def _open(self, server: McpServer, stored: StoredToken) -> Secret:
        context = self._context(server, _TOKEN, f"{server.id}/{stored.person}", stored.version)
        try:
            return await self._vault.open_secret(context, stored.sealed)
        except WontOpen:
            log.error("a stored token does not open", workspace=server.workspace, server=server.id)  # noqa: TRY400 - the vault gives no cause
            raise McpSignInNeeded("its token can't be opened any more") from None

    def _context(self, server: McpServer, purpose: str, record: str, version: int) -> KeyContext:
        try:
            origin = self._hub.origin(server.url)
        except BadInput as error:
            raise McpTrouble(f"its address may not be used any more. {error.message}") from None
        return KeyContext(server.workspace, purpose, record, version, _PROVIDER, origin)
