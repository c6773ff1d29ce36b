"""Signing in to servers of tools, in two halves: a private link in the chat, and what the browser brings back."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.mcp import McpAuth, McpServer
from app.domain.secrets import SealedSecret
from app.errors import BadInput
from app.ports.clock import Clock
from app.ports.mcp import McpSignIn, McpTrouble
from app.services.access import Access
from app.services.background import Background
from app.services.mcp.servers import McpServers
from app.services.mcp.tokens import McpTokens
from app.services.notices import Notices
from app.services.screens import mcp as screens
from app.store.mcp import BegunSignIn
from app.store.unit_of_work import Database

log = structlog.get_logger(__name__)

PATH = "/oauth/mcp/callback"
TIME = timedelta(minutes=10)
_LONGEST = 4000
NOT_OPEN = "This sign-in is over: it was used before, or more than ten minutes have passed. Begin it anew in the chat."
NOT_NOW = "Nothing was signed in to: {}. Begin it anew in the chat."
DONE = "You are signed in to {}. This page can be closed; go on in the chat."


@dataclass(frozen=True, slots=True)
class Link:
    """Where somebody signs in, and the host that they will find there."""

    address: str
    where: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What a browser brought back."""

    state: str
    code: str = ""
    issuer: str = ""
    error: str = ""


class McpSignIns:
    """A sign-in is for one person, who began it or for whom it was begun; single use, ten minutes."""

    def __init__(
        self,
        database: Database,
        *,
        servers: McpServers,
        tokens: McpTokens,
        sign_in: McpSignIn,
        access: Access,
        notices: Notices,
        background: Background,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._servers = servers
        self._tokens = tokens
        self._sign_in = sign_in
        self._access = access
        self._notices = notices
        self._background = background
        self._clock = clock
        self._back = public_url.rstrip("/") + PATH if public_url else ""

    @property
    def possible(self) -> bool:
        """Whether a browser would find its way back."""
        return bool(self._back)

    async def begin(self, server: McpServer, by: UserRef) -> Link:
        """A link for `by` alone, to sign in for themselves or, as an admin, for the workspace. Raises BadInput in their words."""
        if server.auth is not McpAuth.OAUTH:
            raise BadInput("That server takes no sign-in.")
        if not self._back:
            raise BadInput(
                "Nobody can sign in yet: whoever runs Latchkey has to set LATCHKEY_PUBLIC_URL first, so that the browser finds its way back."
            )
        person = server.person(by.id)
        if not person:
            await self._access.require_admin(by)
        state = secrets.token_urlsafe(32)
        try:
            begun = await self._sign_in.begin(server.url, back=self._back, state=state)
        except McpTrouble as trouble:
            raise BadInput(f"Nobody can sign in to {server.name}: {trouble}.") from None
        row = BegunSignIn(
            _hash(state), server.workspace, server.id, person, by.id, SealedSecret("", b""), self._clock.now() + TIME
        )
        row = await self._tokens.begin(row, server, begun.kept)
        async with self._database.begin() as uow:
            await uow.mcp.begin_sign_in(row)
            about = {"for": "person" if person else "workspace"}
            await uow.audit.append(AuditEntry(server.workspace, by.id, "mcp.sign_in_begun", server.id, about))
        return Link(begun.address, begun.where)

    async def end(self, returned: Returned) -> tuple[bool, str]:
        """Whether it came to something, and what the page is to say; nothing of what came is repeated there."""
        if not returned.state or any(len(one) > _LONGEST for one in (returned.state, returned.code, returned.issuer)):
            return False, NOT_OPEN
        async with self._database.begin() as uow:
            begun = await uow.mcp.take_sign_in(_hash(returned.state))
            server = await uow.mcp.server(begun.workspace, begun.server) if begun else None
        if begun is None or server is None:
            return False, NOT_OPEN
        by = UserRef(begun.workspace, begun.begun_by)
        if not begun.person and not await self._access.is_admin(by):
            return False, NOT_NOW.format("whoever began this is no admin any more")
        if returned.error or not returned.code:
            return False, NOT_NOW.format("it was not agreed to")
        try:
            await self._tokens.end(begun, server, code=returned.code, issuer=returned.issuer)
        except McpTrouble as trouble:
            log.warning("a sign-in failed", workspace=begun.workspace, server=server.id)
            return False, NOT_NOW.format(trouble)
        except BadInput:
            return False, NOT_OPEN
        async with self._database.begin() as uow:
            about = {"for": "person" if begun.person else "workspace"}
            await uow.audit.append(AuditEntry(begun.workspace, by.id, "mcp.signed_in", server.id, about))
        self._background.spawn(self._tell(server, by), name="look at a server of tools")
        return True, DONE.format(server.name)

    async def _tell(self, server: McpServer, by: UserRef) -> None:
        looked = await self._servers.look(server, by)
        admin = await self._access.is_admin(by)
        await self._notices.tell(by, screens.signed_in(server, looked, admin=admin))


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
