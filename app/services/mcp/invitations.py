"""What people are told, privately, when a server of tools needs them: to sign in, or to look at what has changed."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.domain.chat import UserRef
from app.domain.mcp import McpAuth, McpServer
from app.domain.views import View
from app.errors import BadInput
from app.ports.clock import Clock
from app.services.mcp.servers import WORKSPACE, Looked
from app.services.mcp.sign_ins import McpSignIns
from app.services.notices import Notices
from app.services.screens import mcp as screens

NOT_AGAIN = timedelta(hours=1)
"""So often at most are admins told that a sign-in has run out."""

ASKED_PERSON = (
    "The server {} wants the person who asks to sign in first. They have just been told privately how. "
    "Say so, and that they can ask again afterwards."
)
ASKED_ADMINS = (
    "The server {} does not take Latchkey's token any more. The admins have been told; nobody else can change that."
)


class Invitations:
    """Tells each thing once: a person once a run, admins once in a while."""

    def __init__(self, sign_ins: McpSignIns, notices: Notices, clock: Clock) -> None:
        self._sign_ins = sign_ins
        self._notices = notices
        self._clock = clock
        self._runs: dict[tuple[str, str], datetime] = {}

    async def invite(self, server: McpServer, asker: UserRef, run: str) -> str:
        """Tell whoever can sign in; what to tell the model."""
        if not server.person(asker.id):
            if self._first(server.id, WORKSPACE):
                await self._notices.tell_admins(server.workspace, server.added_by, screens.sign_in_ran_out(server))
            return ASKED_ADMINS.format(server.name)
        if self._first(server.id, run):
            await self._notices.tell(asker, await self._how(server, asker))
        return ASKED_PERSON.format(server.name)

    async def changed(self, server: McpServer, looked: Looked) -> None:
        """Tell admins of tools that are not what they saw; those are off since."""
        if looked.changed:
            await self._notices.tell_admins(server.workspace, server.added_by, screens.changed(server, looked.changed))

    async def _how(self, server: McpServer, asker: UserRef) -> View:
        if server.auth is McpAuth.BEARER:
            return screens.token_wanted(server)
        try:
            link = await self._sign_ins.begin(server, asker)
        except BadInput as error:
            return screens.no_sign_in(server, error.message)
        return screens.sign_in_link(server, link.address, link.where)

    def _first(self, server: str, for_whom: str) -> bool:
        now = self._clock.now()
        self._runs = {key: at for key, at in self._runs.items() if now - at < NOT_AGAIN}
        if (server, for_whom) in self._runs:
            return False
        self._runs[server, for_whom] = now
        return True
