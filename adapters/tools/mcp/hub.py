"""Every connection to servers of tools: made when first needed, kept while used, made again with back-off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.net.hosts import host_and_port
from adapters.tools.mcp import told
from adapters.tools.mcp.line import SILENCE, Line
from adapters.tools.mcp.urls import server_address
from app.errors import BadInput
from app.ports.mcp import McpAnswer, McpEndpoint, McpSignInNeeded, McpTool, McpTrouble

if TYPE_CHECKING:
    from mcp import Client

    from adapters.net.network import Resolve
    from adapters.tools.mcp.pools import Pools

T = TypeVar("T")
MOST_PAGES = 10
MOST_LINES = 500
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0


class _Forgotten(McpTrouble):
    """The server knows nothing of this connection any more."""


@dataclass(slots=True)
class _Rest:
    """How often it failed in a row, and until when it is left alone."""

    failures: int = 0
    until: float = 0.0


class Hub:
    """See McpHub. `private_hosts` (`host:port`) are the operator's; all other servers must be public, by https."""

    def __init__(
        self,
        *,
        private_hosts: Iterable[str] = (),
        connect: float = 10.0,
        listing: float = 20.0,
        idle: float = 600.0,
        resolve: Resolve | None = None,
    ) -> None:
        self.private_hosts = frozenset(host_and_port(entry) for entry in private_hosts)
        self._connect = connect
        self._listing = listing
        self._idle = idle
        self._resolve = resolve
        self._pools: Pools | None = None
        self._lines: dict[tuple[str, str], Line] = {}
        self._rests: dict[tuple[str, str], _Rest] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def checked(self, url: str) -> str:
        """See McpHub."""
        return str(server_address(url, self.private_hosts))

    def origin(self, url: str) -> str:
        """See McpHub."""
        return server_address(url, self.private_hosts).origin

    async def tools(self, endpoint: McpEndpoint) -> tuple[McpTool, ...]:
        """See McpHub."""

        async def listed(client: Client) -> tuple[McpTool, ...]:
            found: list[McpTool] = []
            cursor: str | None = None
            for _ in range(MOST_PAGES):
                page = await client.list_tools(cursor=cursor)
                found += [one for given in page.tools if (one := told.tool(given, endpoint.token))]
                cursor = page.next_cursor
                if not cursor or len(found) >= told.MOST_TOOLS:
                    break
            return told.within_limits(found)

        return await self._do(endpoint, listed, self._listing)

    async def call(
        self, endpoint: McpEndpoint, tool: str, arguments: Mapping[str, Any], *, timeout: float
    ) -> McpAnswer:
        """See McpHub."""

        async def called(client: Client) -> McpAnswer:
            return told.answer(await client.call_tool(tool, dict(arguments)), endpoint.token)

        return await self._do(endpoint, called, timeout)

    async def forget(self, endpoint: str) -> None:
        """See McpHub."""
        self._drop([key for key in self._lines if key[0] == endpoint])
        for key in [key for key in self._rests if key[0] == endpoint]:
            del self._rests[key]
        await self._closed()

    async def aclose(self) -> None:
        """See McpHub."""
        self._drop(list(self._lines))
        await self._closed()

    async def _do(self, endpoint: McpEndpoint, work: Callable[[Client], Awaitable[T]], seconds: float) -> T:
        """On the connection there is; on a new one, once more, where the server has forgotten the old one and so did nothing."""
        key = (endpoint.id, endpoint.person)
        while True:
            line = self._line(endpoint)
            again = line.served
            try:
                result = await _try(line, work, seconds)
            except _Forgotten as trouble:
                self._drop([key])
                if again:
                    continue
                self._failed(key)
                raise McpTrouble(str(trouble)) from None
            except McpSignInNeeded:
                self._drop([key])
                raise
            except McpTrouble:
                if line.notes.down or not line.alive:
                    self._drop([key])
                    self._failed(key)
                raise
            self._rests.pop(key, None)
            return result

    def _line(self, endpoint: McpEndpoint) -> Line:
        key = (endpoint.id, endpoint.person)
        try:
            address = server_address(endpoint.url, self.private_hosts)
        except BadInput as error:
            raise McpTrouble(f"its address may not be used: {error.message}") from None
        line = self._lines.get(key)
        if line is not None and line.alive and line.same(address, endpoint.token):
            return line
        self._drop([key])
        rest = self._rests.get(key)
        wait = rest.until - asyncio.get_running_loop().time() if rest else 0.0
        if wait > 0:
            raise McpTrouble(f"it can't be reached just now, and is tried again in {max(1, round(wait))} s")
        self._make_room()
        if self._pools is None:
            from adapters.tools.mcp.pools import Pools

            self._pools = Pools(self.private_hosts, self._resolve)
        line = self._lines[key] = Line(endpoint, address, self._pools, connect=self._connect, idle=self._idle)
        return line

    def _make_room(self) -> None:
        self._drop([key for key, line in self._lines.items() if not line.alive])
        if len(self._lines) >= MOST_LINES:
            unused = sorted((line.used, key) for key, line in self._lines.items() if not line.busy)
            if not unused:
                raise McpTrouble("too many connections are open at once")
            self._drop([unused[0][1]])

    def _failed(self, key: tuple[str, str]) -> None:
        rest = self._rests.setdefault(key, _Rest())
        rest.failures += 1
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(rest.failures, 10))
        rest.until = asyncio.get_running_loop().time() + wait

    def _drop(self, keys: list[tuple[str, str]]) -> None:
        """Use these no more; they are closed besides."""
        for line in [self._lines.pop(key) for key in keys if key in self._lines]:
            task = asyncio.create_task(line.close(), name="close an mcp connection")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _closed(self) -> None:
        if self._closing:
            await asyncio.wait(set(self._closing))


async def _try(line: Line, work: Callable[[Client], Awaitable[T]], seconds: float) -> T:
    line.notes.clear()
    try:
        async with asyncio.timeout(seconds), line as client:
            return await work(client)
    except TimeoutError:
        raise McpTrouble(line.notes.trouble or SILENCE) from None
    except Exception as error:
        if line.notes.sign_in:
            raise McpSignInNeeded("it wants somebody to sign in") from None
        if isinstance(error, McpTrouble):
            raise
        raise _explained(error, line.notes.trouble, forgotten=line.notes.forgotten) from None


def _explained(error: Exception, noted: str, *, forgotten: bool) -> McpTrouble:
    """In our words: what the server wrote about it is not repeated."""
    from mcp import MCPError
    from mcp_types import CONNECTION_CLOSED, INVALID_PARAMS, METHOD_NOT_FOUND

    if not isinstance(error, MCPError):
        return McpTrouble(noted or "it does not speak as expected")
    if forgotten and error.error.code != INVALID_PARAMS:
        return _Forgotten("it has ended the connection")
    if noted:
        return McpTrouble(noted)
    known = {
        INVALID_PARAMS: "it does not take these arguments",
        METHOD_NOT_FOUND: "it has no such tool",
        CONNECTION_CLOSED: "the connection broke off",
    }
    return McpTrouble(known.get(error.error.code, f"it answered with an error ({error.error.code})"))
