"""Servers of tools: added, looked at, paused and removed by admins; their tools pinned to what admins saw. Whoever calls checked `by`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.audit import AuditEntry
from app.domain.chat import UserRef
from app.domain.grants import Approval
from app.domain.key_shapes import KEY_LIKE
from app.domain.mcp import SERVER_NAME, McpAuth, McpServer, PinnedTool, full_name, pin
from app.domain.secrets import Secret
from app.errors import BadInput
from app.ports.clock import Clock
from app.ports.mcp import McpHub, McpSignInNeeded, McpTool, McpTrouble
from app.services.ids import new_id
from app.services.mcp.tokens import McpTokens
from app.services.workspaces import ITSELF
from app.store.unit_of_work import Database, UnitOfWork

MOST_SERVERS = 20
WORKSPACE = ""
"""The person whose token the workspace's own is."""


@dataclass(frozen=True, slots=True)
class ServerEntry:
    """A server as an admin filled it in."""

    name: str
    url: str
    auth: McpAuth
    personal: bool = False
    token: Secret | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at a server found: tools that are new, that are not what admins saw, and that are gone. Or why it could not be looked at."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    trouble: str = ""
    sign_in: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What an admin says of a tool. `seen` is the pin of what they were shown when they said so."""

    enabled: bool
    read_only: bool
    approval: Approval
    seen: str


class McpServers:
    """The catalogue of a workspace."""

    def __init__(self, database: Database, hub: McpHub, tokens: McpTokens, clock: Clock) -> None:
        self._database = database
        self._hub = hub
        self._tokens = tokens
        self._clock = clock

    async def all(self, workspace: str) -> tuple[McpServer, ...]:
        """The workspace's servers, by name."""
        async with self._database.read() as uow:
            return await uow.mcp.servers(workspace)

    async def get(self, workspace: str, server: str) -> McpServer:
        """One server, by its id. Raises BadInput."""
        async with self._database.read() as uow:
            return await _existing(uow, workspace, server)

    async def tools(self, workspace: str, server: str = "") -> tuple[PinnedTool, ...]:
        """The tools of one server, or of all."""
        async with self._database.read() as uow:
            return await uow.mcp.tools(workspace, server)

    async def usable(self, workspace: str) -> tuple[tuple[McpServer, PinnedTool], ...]:
        """Every tool that agents may be granted now, with its server."""
        async with self._database.read() as uow:
            servers = {one.id: one for one in await uow.mcp.servers(workspace) if not one.paused}
            tools = await uow.mcp.tools(workspace) if servers else ()
        return tuple((servers[tool.server], tool) for tool in tools if tool.usable and tool.server in servers)

    async def signed_in(self, server: McpServer) -> int:
        """How many tokens there are for it."""
        async with self._database.read() as uow:
            return await uow.mcp.signed_in(server.workspace, server.id)

    async def add(self, workspace: str, entry: ServerEntry, by: UserRef) -> tuple[McpServer, Looked]:
        """Add a server and look at it. Raises BadInput with the field at fault; then nothing is kept.

        One that wants a sign-in, or can't be reached just now, is kept all the same, and says so.
        """
        server = self._checked(workspace, entry, by)
        async with self._database.begin() as uow:
            await uow.workspaces.lock(workspace)
            there = await uow.mcp.servers(workspace)
            if any(one.name == server.name for one in there):
                raise BadInput("There is a server of this name already.", field="name")
            if len(there) >= MOST_SERVERS:
                raise BadInput(f"A workspace has at most {MOST_SERVERS} servers. Remove one first.", field="name")
            await uow.mcp.add_server(server)
            about = {"host": self._hub.origin(server.url), "auth": server.auth.value}
            await uow.audit.append(AuditEntry(workspace, by.id, "mcp.server_added", server.id, about))
        if entry.token:
            await self._tokens.keep(server, server.person(by.id), entry.token)
        looked = await self.look(server, by)
        if looked.sign_in and server.auth is not McpAuth.OAUTH:
            await self.remove(workspace, server.id, by)
            if server.auth is McpAuth.BEARER:
                raise BadInput("The server refused this token.", field="token")
            raise BadInput("The server wants to know who asks. Choose a token, or to sign in.", field="auth")
        return server, looked

    async def set_token(self, server: McpServer, token: Secret | None, by: UserRef) -> Looked:
        """Put a newer token in the old one's place. Raises BadInput."""
        await self._tokens.keep(server, server.person(by.id), _token(token))
        async with self._database.begin() as uow:
            await uow.audit.append(AuditEntry(server.workspace, by.id, "mcp.token_set", server.id))
        await self._hub.forget(server.id)
        return await self.look(server, by)

    async def sign_out(self, server: McpServer, by: UserRef) -> None:
        """Shred the token that is used when this person asks: their own or, where people have none, the workspace's."""
        async with self._database.begin() as uow:
            if await uow.mcp.forget_token(server.workspace, server.id, server.person(by.id)):
                await uow.audit.append(AuditEntry(server.workspace, by.id, "mcp.signed_out", server.id))
        await self._hub.forget(server.id)

    async def pause(self, workspace: str, server: str, by: UserRef, *, paused: bool) -> McpServer:
        """Let its tools rest, or not any more. Raises BadInput."""
        async with self._database.begin() as uow:
            found = await _existing(uow, workspace, server)
            await uow.mcp.pause(workspace, server, paused=paused)
            action = "mcp.server_paused" if paused else "mcp.server_resumed"
            await uow.audit.append(AuditEntry(workspace, by.id, action, server))
        if paused:
            await self._hub.forget(server)
        return replace(found, paused=paused)

    async def remove(self, workspace: str, server: str, by: UserRef) -> McpServer:
        """Remove it; its tokens are shredded with it, its tools can't be used from now on. Raises BadInput."""
        async with self._database.begin() as uow:
            found = await _existing(uow, workspace, server)
            await uow.mcp.remove(workspace, server)
            await uow.audit.append(AuditEntry(workspace, by.id, "mcp.server_removed", server))
        await self._hub.forget(server)
        return found

    async def look(self, server: McpServer, by: UserRef) -> Looked:
        """See what it offers now: new tools are off until an admin enables them, changed ones until an admin has looked."""
        try:
            told = await self._told(server, server.person(by.id))
        except McpSignInNeeded as trouble:
            return Looked(trouble=str(trouble), sign_in=True)
        except McpTrouble as trouble:
            return Looked(trouble=str(trouble))
        return await self.note(server, told)

    async def note(self, server: McpServer, told: Sequence[McpTool]) -> Looked:
        """Keep what a server said of its tools just now."""
        pins = {tool.name: pin(server.url, tool.name, tool.description, tool.schema) for tool in told}
        async with self._database.begin() as uow:
            await _existing(uow, server.workspace, server.id)
            known = {tool.name: tool for tool in await uow.mcp.tools(server.workspace, server.id)}
            new = [tool for tool in told if tool.name not in known]
            for tool in new:
                await uow.mcp.keep_tool(server.workspace, _pinned(server, tool, pins[tool.name]))
            other = [name for name, tool in known.items() if name in pins and pins[name] != tool.hash]
            changed = await uow.mcp.mark_changed(server.id, other) if other else ()
            gone = [name for name in known if name not in pins]
            if gone and not server.personal:  # what one person may not see is not gone
                await uow.mcp.drop_tools(server.id, gone)
            for name in changed:
                await uow.audit.append(
                    AuditEntry(server.workspace, ITSELF, "mcp.tool_changed", server.id, {"tool": name})
                )
        return Looked(tuple(tool.name for tool in new), changed, () if server.personal else tuple(gone))

    async def told(self, server: McpServer, tool: str, by: UserRef) -> McpTool | None:
        """How the server describes a tool now; None if it does not. Raises McpTrouble."""
        return next((one for one in await self._told(server, server.person(by.id)) if one.name == tool), None)

    async def choose(self, server: McpServer, tool: str, choice: Choice, by: UserRef) -> tuple[PinnedTool, int]:
        """Keep what an admin says of a tool, of just what they saw; tells of how many grants that now mean its newer description.

        Raises BadInput if what they saw is not how things are, and McpTrouble.
        """
        known = next((one for one in await self.tools(server.workspace, server.id) if one.name == tool), None)
        if known is None:
            raise BadInput("That tool is not there any more.")
        before = known.hash
        if choice.seen != known.hash:
            told = await self.told(server, tool, by)
            if told is None or pin(server.url, tool, told.description, told.schema) != choice.seen:
                raise BadInput("The tool has changed once more, meanwhile. Open it again, and look.")
            known = _pinned(server, told, choice.seen)
        if choice.enabled and not known.can_be_shown:
            raise BadInput("What its server says of this tool is too long to be looked at, so it can't be switched on.")
        still_other = known.changed  # what was shown is what admins saw before, which is not how it is now
        chosen = replace(
            known, enabled=choice.enabled, read_only=choice.read_only, approval=choice.approval, changed=still_other
        )
        async with self._database.begin() as uow:
            await uow.workspaces.lock(server.workspace)
            await _existing(uow, server.workspace, server.id)
            await uow.mcp.keep_tool(server.workspace, chosen)
            moved = (
                await _repin(uow, server, tool, before, chosen.hash) if chosen.enabled and before != chosen.hash else 0
            )
            about = {
                "tool": tool, "enabled": str(chosen.enabled), "read_only": str(chosen.read_only),
                "approval": chosen.approval.value, "pin": chosen.hash[:16], "grants": str(moved),
            }  # fmt: skip
            await uow.audit.append(AuditEntry(server.workspace, by.id, "mcp.tool_set", server.id, about))
        return chosen, moved

    def _checked(self, workspace: str, entry: ServerEntry, by: UserRef) -> McpServer:
        name = entry.name.strip().lower()
        if not SERVER_NAME.fullmatch(name):
            raise BadInput("One word of at most 24 small letters and digits, such as `tracker`.", field="name")
        if KEY_LIKE.search(entry.url) or KEY_LIKE.search(name):
            raise BadInput(
                "This looks like a key. A token has its own field; this one is shown to admins.", field="url"
            )
        url = self._hub.checked(entry.url)
        if entry.auth is McpAuth.BEARER:
            _token(entry.token)
        elif entry.token:
            raise BadInput("Choose “A token” above, or leave this empty.", field="token")
        personal = entry.personal and entry.auth is not McpAuth.NONE
        now = self._clock.now()
        return McpServer(new_id("mcp", now), workspace, name, url, entry.auth, personal, False, by.id, now)

    async def _told(self, server: McpServer, person: str) -> tuple[McpTool, ...]:
        endpoint = await self._tokens.endpoint(server, person)
        try:
            return await self._hub.tools(endpoint)
        except McpSignInNeeded:
            again = await self._tokens.refused(server, endpoint)
            if again is None:
                raise
            return await self._hub.tools(again)


def _token(token: Secret | None) -> Secret:
    try:
        trimmed = token.trimmed() if token else None
    except ValueError:
        trimmed = None
    if trimmed is None:
        raise BadInput("Paste the token here.", field="token")
    return trimmed


async def _repin(uow: UnitOfWork, server: McpServer, tool: str, before: str, after: str) -> int:
    """An admin has looked at what changed and lets it be used: the grants of it now mean what they saw."""
    name, moved = full_name(server.name, tool), 0
    for agent in await uow.agents.all(server.workspace):
        grants = tuple(
            replace(grant, scope=replace(grant.scope, schema=after))
            if grant.tool == name and grant.scope.schema == before
            else grant
            for grant in agent.grants
        )
        if grants != agent.grants:
            moved += sum(one != other for one, other in zip(grants, agent.grants, strict=True))
            await uow.agents.change(replace(agent, grants=grants))
    return moved


async def _existing(uow: UnitOfWork, workspace: str, server: str) -> McpServer:
    found = await uow.mcp.server(workspace, server)
    if found is None:
        raise BadInput("That server is not there any more.")
    return found


def _pinned(server: McpServer, tool: McpTool, hashed: str) -> PinnedTool:
    return PinnedTool(
        server.id,
        tool.name,
        tool.description,
        tool.schema,
        hashed,
        tool.title,
    )
