"""All that has to do with servers of tools by others, joined for whoever wires."""

from __future__ import annotations

from collections.abc import Mapping

from app.ports.clock import Clock
from app.ports.mcp import McpHub, McpSignIn
from app.services.access import Access
from app.services.background import Background
from app.services.desks.mcp import McpDesk
from app.services.mcp.invitations import Invitations
from app.services.mcp.servers import McpServers
from app.services.mcp.sign_ins import PATH, McpSignIns, Returned
from app.services.mcp.tokens import McpTokens
from app.services.notices import Notices
from app.services.tools.mcp import McpTools
from app.services.tools.told import Redact
from app.store.unit_of_work import Database


class ToolServers:
    """`source` goes to the toolkit, `desk` to commands, forms and home, `returned` to the route at `path`."""

    path = PATH

    def __init__(
        self,
        database: Database,
        *,
        hub: McpHub,
        sign_in: McpSignIn,
        tokens: McpTokens,
        access: Access,
        notices: Notices,
        redact: Redact,
        background: Background,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._hub = hub
        self._sign_in = sign_in
        self.servers = McpServers(database, hub, tokens, clock)
        self.sign_ins = McpSignIns(
            database, servers=self.servers, tokens=tokens, sign_in=sign_in, access=access,
            notices=notices, background=background, clock=clock, public_url=public_url,
        )  # fmt: skip
        self.source = McpTools(self.servers, hub, tokens, Invitations(self.sign_ins, notices, clock), redact)
        self.desk = McpDesk(self.servers, self.sign_ins, access)

    async def returned(self, query: Mapping[str, str]) -> tuple[bool, str]:
        """A browser came back from where somebody signed in."""
        return await self.sign_ins.end(
            Returned(query.get("state", ""), query.get("code", ""), query.get("iss", ""), query.get("error", ""))
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._hub.aclose()
        await self._sign_in.aclose()
