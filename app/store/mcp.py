"""Servers of tools, what admins say of each tool, and tokens, sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.grants import Approval
from app.domain.mcp import McpAuth, McpServer, PinnedTool
from app.domain.secrets import SealedSecret
from app.ports.clock import Clock
from app.store import tables

_SERVERS, _TOOLS, _TOKENS, _SIGN_INS = tables.mcp_servers, tables.mcp_tools, tables.mcp_tokens, tables.mcp_sign_ins

_ALL = (
    select(_SERVERS).where(_SERVERS.c.workspace == bindparam("workspace")).order_by(_SERVERS.c.name)
)  # made once, see app.store.agents


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token as its row has it. Its `version` is what it is sealed under; each newer one is higher."""

    server: str
    person: str
    workspace: str
    sealed: SealedSecret
    version: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class BegunSignIn:
    """A sign-in that somebody is at. `state` is a hash of what their browser brings back."""

    state: str
    workspace: str
    server: str
    person: str
    begun_by: str
    sealed: SealedSecret
    expires_at: datetime


class McpRows:
    """Servers of tools. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql

    async def servers(self, workspace: str) -> tuple[McpServer, ...]:
        """A workspace's servers, by name."""
        rows = await self._connection.execute(_ALL, {"workspace": workspace})
        return tuple(_server(row) for row in rows)

    async def server(self, workspace: str, server: str) -> McpServer | None:
        """A server of this workspace, and of no other."""
        found = await self._connection.execute(
            select(_SERVERS).where(_SERVERS.c.workspace == workspace, _SERVERS.c.id == server)
        )
        row = found.first()
        return _server(row) if row else None

    async def add_server(self, server: McpServer) -> None:
        """Keep a new server; its name must be free."""
        await self._connection.execute(
            insert(_SERVERS).values(
                id=server.id, workspace=server.workspace, name=server.name, url=server.url, auth=server.auth,
                personal=server.personal, client={}, paused=server.paused, added_by=server.added_by, added_at=server.added_at,
            )
        )  # fmt: skip

    async def pause(self, workspace: str, server: str, *, paused: bool) -> None:
        """Let its tools rest, or not any more."""
        await self._connection.execute(
            update(_SERVERS).where(_SERVERS.c.workspace == workspace, _SERVERS.c.id == server).values(paused=paused)
        )

    async def remove(self, workspace: str, server: str) -> bool:
        """Drop a server with its tools, tokens and begun sign-ins. False if it was gone."""
        removed = await self._connection.execute(
            delete(_SERVERS).where(_SERVERS.c.workspace == workspace, _SERVERS.c.id == server).returning(_SERVERS.c.id)
        )
        return removed.first() is not None

    async def tools(self, workspace: str, server: str = "") -> tuple[PinnedTool, ...]:
        """The tools of one server, or of all; by name."""
        wanted = select(_TOOLS).where(_TOOLS.c.workspace == workspace)
        if server:
            wanted = wanted.where(_TOOLS.c.server_id == server)
        rows = await self._connection.execute(wanted.order_by(_TOOLS.c.server_id, _TOOLS.c.name))
        return tuple(_tool(row) for row in rows)

    async def keep_tool(self, workspace: str, tool: PinnedTool) -> None:
        """Write a tool, over the one of its name."""
        values = {
            "workspace": workspace, "title": tool.title, "description": tool.description, "schema": dict(tool.schema),
            "hash": tool.hash, "enabled": tool.enabled, "changed": tool.changed, "read_only": tool.read_only,
            "approval": tool.approval,
        }  # fmt: skip
        await self._connection.execute(
            self._dialect.insert(_TOOLS)
            .values(server_id=tool.server, name=tool.name, **values)
            .on_conflict_do_update(index_elements=["server_id", "name"], set_=values)
        )

    async def mark_changed(self, server: str, names: Sequence[str]) -> tuple[str, ...]:
        """These tools are not what admins saw; tells which of them were thought to be until now."""
        marked = await self._connection.execute(
            update(_TOOLS)
            .where(_TOOLS.c.server_id == server, _TOOLS.c.name.in_(names), _TOOLS.c.changed.is_(False))
            .values(changed=True)
            .returning(_TOOLS.c.name)
        )
        return tuple(sorted(marked.scalars()))

    async def drop_tools(self, server: str, names: Sequence[str]) -> None:
        """These tools are not there any more."""
        await self._connection.execute(delete(_TOOLS).where(_TOOLS.c.server_id == server, _TOOLS.c.name.in_(names)))

    async def token(self, workspace: str, server: str, person: str) -> StoredToken | None:
        """The token of the workspace (`person` is empty) or of one person."""
        found = await self._connection.execute(
            select(_TOKENS).where(
                _TOKENS.c.workspace == workspace, _TOKENS.c.server_id == server, _TOKENS.c.person == person
            )
        )
        row = found.first()
        return _token(row) if row else None

    async def keep_token(self, token: StoredToken) -> bool:
        """Write a token over the version before it. False if there is another version meanwhile: then nothing is written."""
        values = {
            "workspace": token.workspace, "data_key": token.sealed.data_key, "sealed": token.sealed.blob,
            "version": token.version, "expires_at": token.expires_at, "kept_at": self._clock.now(),
        }  # fmt: skip
        if token.version == 1:
            made = await self._connection.execute(
                self._dialect.insert(_TOKENS)
                .values(server_id=token.server, person=token.person, **values)
                .on_conflict_do_nothing()
                .returning(_TOKENS.c.version)
            )
            return made.first() is not None
        changed = await self._connection.execute(
            update(_TOKENS)
            .where(
                _TOKENS.c.server_id == token.server,
                _TOKENS.c.person == token.person,
                _TOKENS.c.version == token.version - 1,
            )
            .values(**values)
            .returning(_TOKENS.c.version)
        )
        return changed.first() is not None

    async def signed_in(self, workspace: str, server: str) -> int:
        """How many tokens there are for a server: the workspace's, or people's own."""
        found = await self._connection.execute(
            select(func.count())
            .select_from(_TOKENS)
            .where(_TOKENS.c.workspace == workspace, _TOKENS.c.server_id == server)
        )
        return int(found.scalar_one())

    async def forget_token(self, workspace: str, server: str, person: str) -> bool:
        """Shred a token. False if there was none."""
        gone = await self._connection.execute(
            delete(_TOKENS)
            .where(_TOKENS.c.workspace == workspace, _TOKENS.c.server_id == server, _TOKENS.c.person == person)
            .returning(_TOKENS.c.person)
        )
        return gone.first() is not None

    async def begin_sign_in(self, begun: BegunSignIn) -> None:
        """Keep a begun sign-in; those whose time is over go."""
        await self._connection.execute(delete(_SIGN_INS).where(_SIGN_INS.c.expires_at <= self._clock.now()))
        await self._connection.execute(
            insert(_SIGN_INS).values(
                state=begun.state, workspace=begun.workspace, server_id=begun.server, person=begun.person,
                begun_by=begun.begun_by, data_key=begun.sealed.data_key, sealed=begun.sealed.blob, expires_at=begun.expires_at,
            )
        )  # fmt: skip

    async def take_sign_in(self, state: str) -> BegunSignIn | None:
        """A begun sign-in, once: it is gone with this. None if there is none, or its time is over."""
        found = await self._connection.execute(
            delete(_SIGN_INS).where(_SIGN_INS.c.state == state).returning(*_SIGN_INS.c)
        )
        row = found.first()
        if row is None or row.expires_at <= self._clock.now():
            return None
        sealed = SealedSecret(row.data_key, bytes(row.sealed))
        return BegunSignIn(row.state, row.workspace, row.server_id, row.person, row.begun_by, sealed, row.expires_at)

    async def forget_all(self, workspace: str) -> None:
        """Drop everything of a workspace."""
        await self._connection.execute(delete(_SERVERS).where(_SERVERS.c.workspace == workspace))


def _server(row: Row[Any]) -> McpServer:
    return McpServer(
        id=row.id, workspace=row.workspace, name=row.name, url=row.url, auth=McpAuth(row.auth), personal=row.personal,
        paused=row.paused, added_by=row.added_by, added_at=row.added_at,
    )  # fmt: skip


def _tool(row: Row[Any]) -> PinnedTool:
    return PinnedTool(
        server=row.server_id, name=row.name, description=row.description, schema=row.schema, hash=row.hash, title=row.title,
        enabled=row.enabled, changed=row.changed, read_only=row.read_only, approval=Approval(row.approval),
    )  # fmt: skip


def _token(row: Row[Any]) -> StoredToken:
    sealed = SealedSecret(row.data_key, bytes(row.sealed))
    return StoredToken(row.server_id, row.person, row.workspace, sealed, row.version, row.expires_at)
