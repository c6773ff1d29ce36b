"""Connections to a server, judged as they are made. Loaded on first use, as what it stands on is slow to load."""

from __future__ import annotations

import ssl
from collections.abc import Collection

import httpcore2
import httpx2

from adapters.net.network import JudgingBackend, Resolve, resolve


class Pools:
    """Makes a pool for each endpoint, so that no connection is shared between workspaces or people."""

    def __init__(self, private_hosts: Collection[tuple[str, int]], look_up: Resolve | None = None) -> None:
        self._backend = JudgingBackend(private_hosts, look_up or resolve)
        self._tls: ssl.SSLContext | None = None

    def pool(self, *, most: int = 8, keep: int = 2) -> httpcore2.AsyncConnectionPool:
        """A pool of its own."""
        if self._tls is None:
            self._tls = httpx2.create_ssl_context(trust_env=False)
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=most,
            max_keepalive_connections=keep,
            keepalive_expiry=30.0,
            network_backend=self._backend,
        )
