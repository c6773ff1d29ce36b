"""Servers of tools: listed, added, looked at, signed in to; their tools switched on and off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.domain.chat import UserRef
from app.domain.events import Action, Close, Open, Outcome, Private, Replace, Submission
from app.domain.grants import Approval
from app.domain.mcp import McpAuth, McpServer, PinnedTool, pin
from app.domain.views import Block, View
from app.errors import BadInput
from app.ports.mcp import McpTrouble
from app.services.access import Access
from app.services.commands import Run
from app.services.forms import Act, Save
from app.services.mcp.servers import Choice, McpServers, ServerEntry
from app.services.mcp.sign_ins import McpSignIns
from app.services.screens import mcp as screens
from app.services.screens import mcp_tool as tool_screens
from app.services.screens import words
from app.services.screens.mcp import Shelf

_FIELDS = ("name", "url", "auth", "token")


class McpDesk:
    """Every answer is a screen or a form; raises UserError in the admin's words. Own tokens are for everybody to set."""

    def __init__(self, servers: McpServers, sign_ins: McpSignIns, access: Access) -> None:
        self._servers = servers
        self._sign_ins = sign_ins
        self._access = access
        self.for_all: Mapping[str, Run] = {}
        self.for_admins: Mapping[str, Run] = {"tools": self._command}
        self.acts: Mapping[str, Act] = {
            screens.ADD: self._add_form,
            screens.OPEN: self._open,
            screens.LOOK: self._look,
            screens.PAUSE: self._pause,
            screens.RESUME: self._resume,
            screens.REMOVE: self._remove,
            screens.SIGN_IN: self._sign_in,
            screens.NEW_TOKEN: self._token_form,
            screens.TOOL: self._tool_form,
        }
        self.open_acts: Mapping[str, Act] = {screens.OWN_TOKEN: self._own_token_form, screens.SIGN_OUT: self._sign_out}
        self.saves: Mapping[str, Save] = {
            screens.ADD_FORM: self._add,
            tool_screens.FORM: self._choose,
            screens.TOKEN_FORM: self._set_token,
        }
        self.open_saves: Mapping[str, Save] = {screens.OWN_TOKEN_FORM: self._set_own_token}

    async def section(self, user: UserRef, *, admin: bool) -> tuple[Block, ...]:
        """See Section: for admins."""
        return screens.section(await self._shelves(user.workspace)) if admin else ()

    async def _command(self, user: UserRef, rest: str) -> Outcome:
        if not rest:
            shelves = await self._shelves(user.workspace)
            return Private(screens.catalogue(shelves, may_sign_in=self._sign_ins.possible))
        named = [one for one in await self._servers.all(user.workspace) if one.name == rest.casefold()]
        if not named:
            raise BadInput("There is no server of that name. `/byok tools` lists them.")
        return Private(await self._shown(named[0]))

    async def _add_form(self, event: Action) -> Outcome:
        return Open(screens.add_form(may_sign_in=self._sign_ins.possible))

    async def _open(self, event: Action) -> Outcome:
        return _in_place(event, await self._shown(await self._server(event)))

    async def _look(self, event: Action) -> Outcome:
        server = await self._server(event)
        looked = await self._servers.look(server, event.user)
        return _in_place(
            event, screens.server(await self._shelf(server), may_sign_in=self._sign_ins.possible, looked=looked)
        )

    async def _pause(self, event: Action) -> Outcome:
        return _in_place(event, await self._shown(await self._rest(event, paused=True)))

    async def _resume(self, event: Action) -> Outcome:
        return _in_place(event, await self._shown(await self._rest(event, paused=False)))

    async def _rest(self, event: Action, *, paused: bool) -> McpServer:
        return await self._servers.pause(event.user.workspace, event.value, event.user, paused=paused)

    async def _remove(self, event: Action) -> Outcome:
        removed = await self._servers.remove(event.user.workspace, event.value, event.user)
        return _in_place(event, screens.removed(removed))

    async def _sign_in(self, event: Action) -> Outcome:
        server = await self._server(event)
        link = await self._sign_ins.begin(server, event.user)
        return Private(screens.sign_in_link(server, link.address, link.where))

    async def _sign_out(self, event: Action) -> Outcome:
        server = await self._server(event)
        if not server.personal:
            await self._access.require_admin(event.user)
        await self._servers.sign_out(server, event.user)
        return Private(screens.signed_out(server))

    async def _token_form(self, event: Action) -> Outcome:
        server = await self._server(event)
        return Open(screens.token_form(server, own=server.personal))

    async def _own_token_form(self, event: Action) -> Outcome:
        return Open(screens.token_form(await self._personal(event.user, event.value), own=True))

    async def _tool_form(self, event: Action) -> Outcome:
        server_id, _, name = event.value.partition("/")
        server = await self._servers.get(event.user.workspace, server_id)
        tool = next((one for one in await self._servers.tools(server.workspace, server.id) if one.name == name), None)
        if tool is None:
            raise BadInput("That tool is not there any more.")
        return Open(tool_screens.form(server, tool, await self._as_it_is(server, tool, event.user)))

    async def _as_it_is(self, server: McpServer, tool: PinnedTool, by: UserRef) -> PinnedTool | None:
        """How a changed tool is described now; None for one that is what admins saw."""
        if not tool.changed:
            return None
        try:
            told = await self._servers.told(server, tool.name, by)
        except McpTrouble as trouble:
            raise BadInput(f"It has changed, and can't be looked at just now: {trouble}.") from None
        if told is None:
            raise BadInput("Its server does not offer it any more.")
        hashed = pin(server.url, told.name, told.description, told.schema)
        return replace(tool, description=told.description, schema=told.schema, title=told.title, hash=hashed)

    async def _add(self, sent: Submission) -> Outcome:
        auth = sent.values.get("auth", "")
        if auth not in {one.value for one in McpAuth}:
            return words.beside("auth", "Choose one of these.")
        entry = ServerEntry(
            sent.values.get("name", ""),
            sent.values.get("url", ""),
            McpAuth(auth),
            bool(sent.values.get("personal")),
            sent.secrets.get("token"),
        )
        try:
            server, looked = await self._servers.add(sent.user.workspace, entry, sent.user)
        except BadInput as error:
            return words.beside(error.field if error.field in _FIELDS else "url", error.message)
        return Close(screens.added(await self._shelf(server), looked, may_sign_in=self._sign_ins.possible))

    async def _choose(self, sent: Submission) -> Outcome:
        server_id, _, rest = sent.context.partition("/")
        name, _, seen = rest.rpartition("/")
        approval = sent.values.get("approval", "")
        if approval not in {one.value for one in Approval}:
            return words.beside("approval", "Choose one of these.")
        server = await self._servers.get(sent.user.workspace, server_id)
        choice = Choice(bool(sent.values.get("enabled")), bool(sent.values.get("read_only")), Approval(approval), seen)
        try:
            tool, moved = await self._servers.choose(server, name, choice, sent.user)
        except McpTrouble as trouble:
            raise BadInput(f"It can't be looked at just now: {trouble}.") from None
        return Close(tool_screens.saved(server, tool, moved))

    async def _set_token(self, sent: Submission) -> Outcome:
        server = await self._servers.get(sent.user.workspace, sent.context)
        return await self._token(server, sent)

    async def _set_own_token(self, sent: Submission) -> Outcome:
        return await self._token(await self._personal(sent.user, sent.context), sent)

    async def _token(self, server: McpServer, sent: Submission) -> Outcome:
        if server.auth is not McpAuth.BEARER:
            raise BadInput("That server takes no token that is pasted.")
        try:
            looked = await self._servers.set_token(server, sent.secrets.get("token"), sent.user)
        except BadInput as error:
            return words.beside("token", error.message)
        if looked.sign_in:
            return words.beside("token", "The server refused this token.")
        admin = await self._access.is_admin(sent.user)
        return Close(screens.signed_in(server, looked, admin=admin))

    async def _personal(self, user: UserRef, server_id: str) -> McpServer:
        server = await self._servers.get(user.workspace, server_id)
        if not server.personal:
            await self._access.require_admin(user)
        return server

    async def _server(self, event: Action) -> McpServer:
        return await self._servers.get(event.user.workspace, event.value)

    async def _shown(self, server: McpServer) -> View:
        return screens.server(await self._shelf(server), may_sign_in=self._sign_ins.possible)

    async def _shelf(self, server: McpServer) -> Shelf:
        tools = await self._servers.tools(server.workspace, server.id)
        return Shelf(server, tools, await self._servers.signed_in(server))

    async def _shelves(self, workspace: str) -> tuple[Shelf, ...]:
        return tuple([await self._shelf(server) for server in await self._servers.all(workspace)])


def _in_place(event: Action, view: View) -> Outcome:
    """Under a message the answer takes its place; beside a home tab it is shown by itself."""
    return Replace(view) if event.message else Private(view)
