"""Servers of tools, written by others: the protocol's reference server, and an example of its TypeScript SDK with an OAuth server beside it.

What was learned by driving them:
- Both listen on every address; `on_loopback.cjs` keeps them here. The example says `localhost` of itself, so it must be called so.
- `server-everything` 2026.8.31 speaks the handshake of 2025 only, keeps sessions, and answers by event stream.
- The example's tokens can't be renewed, and its authorisation server agrees to everything at once. With `--oauth-strict` it takes
  only tokens that were asked for with its own address as the `resource`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from tests.acceptance.process import Process, free_port

HERE = Path(__file__).parent
_MODULES = HERE / "node_modules/@modelcontextprotocol"
_NODE = ("node", "--require", str(HERE / "on_loopback.cjs"))


class Everything:
    """The reference server; an async context manager."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        program = _MODULES / "server-everything/dist/index.js"
        self._log = folder / "everything.log"
        self._process = Process([*_NODE, program, "streamableHttp"], self._log, {"PORT": str(self.port)})

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._process.stop()

    async def start(self) -> None:
        await self._process.start()
        await self._process.announces(r"(listening on port)")

    async def restart(self) -> None:
        """On the same port; it knows of no session any more."""
        await self._process.stop()
        self._log.unlink()
        await self.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/mcp"


class WithSignIn:
    """The SDK's example with its OAuth server; an async context manager."""

    def __init__(self, folder: Path) -> None:
        self.port, self.sign_in_port = free_port(), free_port()
        program = _MODULES / "sdk/dist/esm/examples/server/simpleStreamableHttp.js"
        ports = {"MCP_PORT": str(self.port), "MCP_AUTH_PORT": str(self.sign_in_port)}
        self._process = Process([*_NODE, program, "--oauth", "--oauth-strict"], folder / "example.log", ports)

    async def __aenter__(self) -> Self:
        await self._process.start()
        await self._process.announces(r"(Authorization Server listening on port)")
        await self._process.announces(r"(MCP Streamable HTTP Server listening on port)")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._process.stop()

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def sign_in_host(self) -> str:
        return f"localhost:{self.sign_in_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/mcp"
