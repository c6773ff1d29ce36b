"""The one HTTP client of all providers, shared by all workspaces and all keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from adapters.models import loading
from adapters.models.loading import loaded
from adapters.net.hosts import host_and_port

if TYPE_CHECKING:  # 90 ms and a TLS context: after the port listens
    import ssl

    import httpx2

    from adapters.net.network import Resolve


class ModelHttp:
    """Made once a process; opens nothing until it is used.

    It keeps no cookies, follows no redirect and ignores the environment. Where a workspace chose the destination, the address actually connected to
    must be public or among `private_hosts` (`host:port`, the operator's LATCHKEY_MODEL_HOSTS). `idle` is the longest silence within an answer, in seconds.
    With a `proxy` (the operator's, explicit), the proxy looks names up and is to judge addresses.
    """

    def __init__(
        self,
        *,
        private_hosts: Iterable[str] = (),
        proxy: str = "",
        idle: float = 120.0,
        connect: float = 5.0,
        resolve: Resolve | None = None,
    ) -> None:
        self.private_hosts = frozenset(host_and_port(entry) for entry in private_hosts)
        self._proxy = proxy
        self._idle = idle
        self._connect = connect
        self._resolve = resolve
        self._tls: ssl.SSLContext | None = None
        self._clients: dict[bool, httpx2.AsyncClient] = {}

    def client(self, *, chosen_by_operator: bool = False) -> httpx2.AsyncClient:
        """The client for destinations that workspaces choose and for the vendors' own, or for base URLs of the operator's, which may be anywhere.

        Never close it, nor an SDK client that was given it.
        """
        if chosen_by_operator not in self._clients:
            self._clients[chosen_by_operator] = self._open(judged=not chosen_by_operator)
        return self._clients[chosen_by_operator]

    async def warm_up(self) -> None:
        """Load what the first call of any provider needs, so that no key and no question waits for it. Spawn it once the port listens."""
        await loaded(loading.ANTHROPIC)
        await loaded(loading.OPENAI)
        self.client()

    async def aclose(self) -> None:
        """Close every connection."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    def _open(self, *, judged: bool) -> httpx2.AsyncClient:
        import httpcore2
        import httpx2

        from adapters.models.transport import ModelTransport
        from adapters.net.network import JudgingBackend, resolve

        if self._tls is None:
            self._tls = httpx2.create_ssl_context(trust_env=False)
        pool = httpcore2.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=1000,
            max_keepalive_connections=100,
            keepalive_expiry=30.0,
            proxy=httpcore2.Proxy(self._proxy) if self._proxy else None,
            network_backend=JudgingBackend(self.private_hosts, self._resolve or resolve)
            if judged and not self._proxy
            else None,
        )
        timeout = httpx2.Timeout(self._idle, connect=self._connect, pool=self._connect)
        return httpx2.AsyncClient(
            transport=ModelTransport(pool), timeout=timeout, trust_env=False, follow_redirects=False
        )
