"""One connection to one server, for one workspace or person: a task opens it, keeps it, and closes it again."""

from __future__ import annotations

import asyncio
import importlib
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from adapters.tools.mcp.urls import Address
from app.domain.secrets import Secret
from app.ports.mcp import McpEndpoint, McpTrouble

if TYPE_CHECKING:  # a second's worth of libraries: after the port listens
    from mcp import Client

    from adapters.tools.mcp.pools import Pools
    from adapters.tools.mcp.transport import Notes

LARGEST_EVENT = 1024 * 1024
_LIBRARY = "mcp.client.streamable_http"
SILENCE = "it did not answer in time"


class Line:
    """The library wants a connection closed by the task that opened it, so that task is the connection's own, for as long as it lives.

    Those who call use it from tasks of theirs. It ends after `idle` seconds without a call, when it is closed, or when it breaks.
    """

    def __init__(self, endpoint: McpEndpoint, address: Address, pools: Pools, *, connect: float, idle: float) -> None:
        from adapters.tools.mcp.transport import Notes

        self.endpoint = endpoint
        self.notes: Notes = Notes()
        self._address = address
        self._pools = pools
        self._connect = connect
        self._idle = idle
        self.served = False
        """Whether a call came to its end on it."""

        self._users = 0
        self._used = asyncio.get_running_loop().time()
        self._closing = asyncio.Event()
        self._opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._live(), name="mcp connection")

    @property
    def alive(self) -> bool:
        """Whether it can be used, or may come to be."""
        return not self._task.done() and not self._closing.is_set()

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._users > 0

    @property
    def used(self) -> float:
        """When it was used last, by the loop's clock."""
        return self._used

    def same(self, address: Address, token: Secret | None) -> bool:
        """Whether it goes there with this token."""
        return self._address == address and self.endpoint.token == token

    async def __aenter__(self) -> Client:
        """The open connection, kept for as long as the block. Raises McpTrouble."""
        self._users += 1
        try:
            return await asyncio.shield(self._opened)
        except BaseException:
            self._users -= 1
            raise

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        self.served = True
        self._used = asyncio.get_running_loop().time()

    async def close(self) -> None:
        """End it; calls under way fail."""
        self._closing.set()
        await asyncio.wait({self._task}, timeout=2)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=2)

    async def _live(self) -> None:
        trouble = McpTrouble(SILENCE)
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._connect):
                    client = await self._open(stack)
                self._opened.set_result(client)
                await self._until_unused()
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            trouble = McpTrouble("it was closed")
        except BaseException as error:  # noqa: BLE001 - groups of whatever the library raised; its text is a stranger's
            trouble = McpTrouble(self.notes.trouble or f"it does not speak as expected ({_kind(error)})")
        finally:
            if not self._opened.done():
                self._opened.set_exception(trouble)
                self._opened.exception()  # seen, should nobody wait any more

    async def _open(self, stack: AsyncExitStack) -> Client:
        await asyncio.to_thread(importlib.import_module, _LIBRARY)
        import httpx2
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client
        from mcp_types import Implementation

        from adapters.tools.mcp.transport import ServerTransport

        transport = ServerTransport(self._pools.pool(), self._address, self.endpoint.token, self.notes)
        timeout = httpx2.Timeout(120.0, connect=self._connect, pool=self._connect)
        http = await stack.enter_async_context(
            httpx2.AsyncClient(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
        )
        wire = streamable_http_client(str(self._address), http_client=http, max_sse_event_size=LARGEST_EVENT)
        return await stack.enter_async_context(  # without callbacks: asking us for a model or a person is refused
            Client(wire, client_info=Implementation(name="Latchkey", version="1"), cache=None)
        )

    async def _until_unused(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._closing.is_set():
            left = self._used + self._idle - loop.time()
            if left <= 0 and not self._users:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(max(left, 1.0)):
                    await self._closing.wait()


def _kind(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return type(error).__name__
