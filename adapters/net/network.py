"""The connect step of the shared HTTP client: the address actually connected to is judged (SECURITY §9). Loaded on first use."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

import httpcore2

from adapters.net.addresses import is_public, literal

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Addresses of a name, in the order to try them. Raises OSError."""


class AddressRefused(httpcore2.ConnectError):
    """The name leads to an address that a workspace may not choose."""


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


class JudgingBackend(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses, and to the hosts named to it. A name is looked up once, and the connection goes to what was judged."""

    def __init__(self, private_hosts: Collection[tuple[str, int]], resolve: Resolve = resolve) -> None:
        self._private_hosts = frozenset(private_hosts)
        self._resolve = resolve
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers; none is tried unless all of them are allowed."""
        failure: Exception | None = None
        for address in await self._judged(host, port, timeout):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError("no address")

    async def _judged(self, host: str, port: int, timeout: float | None) -> list[str]:
        address = literal(host)
        try:
            async with asyncio.timeout(timeout):
                addresses = [address] if address else await self._resolve(host, port)
        except TimeoutError:
            raise httpcore2.ConnectTimeout("name lookup") from None
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError("name lookup") from None
        if (host, port) not in self._private_hosts and not all(is_public(address) for address in addresses):
            raise AddressRefused("not public")
        return addresses

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
