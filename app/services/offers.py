"""What there is to grant: our own tools, and those of others that an admin has switched on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.domain.grants import ToolGrant
from app.domain.mcp import full_name
from app.domain.tool_kinds import BY_NAME, MCP, TOOL_KINDS, ScopeKind, ToolKind, new_grant
from app.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool that may be granted. `server` and `pin` are of a tool of others: its server's name, and what it is today."""

    tool: str
    title: str
    about: str
    server: str = ""
    pin: str = ""

    @property
    def scope(self) -> ScopeKind:
        """What a grant of it must name."""
        return BY_NAME[self.tool].scope if self.tool in BY_NAME else ScopeKind.NONE

    def first(self) -> ToolGrant:
        """What a grant of it begins with."""
        grant = new_grant(self.tool)
        return replace(grant, scope=replace(grant.scope, schema=self.pin))


def of_kind(kind: ToolKind) -> Offer:
    """A tool of ours."""
    return Offer(kind.name, kind.title, kind.about)


async def offered(uow: UnitOfWork, workspace: str) -> tuple[Offer, ...]:
    """All of a workspace's: ours first, then by server."""
    servers = {one.id: one for one in await uow.mcp.servers(workspace) if not one.paused}
    tools = [tool for tool in await uow.mcp.tools(workspace) if tool.usable and tool.server in servers]
    others = [
        Offer(full_name(servers[tool.server].name, tool.name), tool.name, "", servers[tool.server].name, tool.hash)
        for tool in tools
    ]
    return (*map(of_kind, TOOL_KINDS), *sorted(others, key=lambda one: (one.server, one.tool)))


def unknown(tool: str) -> Offer:
    """A tool that is granted, and is not there (any more)."""
    kind = BY_NAME.get(tool)
    return of_kind(kind) if kind else Offer(tool, tool.removeprefix(f"{MCP}-"), "is not switched on at the moment")
