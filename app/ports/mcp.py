"""Tools of others, by the Model Context Protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.domain.secrets import Secret


@dataclass(frozen=True, slots=True)
class McpEndpoint:
    """A server to talk to on behalf of one workspace (and of one person, where the server needs that). `token` goes to its origin only."""

    id: str
    url: str
    token: Secret | None = None
    person: str = ""


@dataclass(frozen=True, slots=True)
class McpTool:
    """A tool as its server describes it: untrusted text."""

    name: str
    description: str = field(repr=False)
    schema: Mapping[str, Any] = field(repr=False)
    title: str = field(default="", repr=False)
    read_only: bool = False  # a hint, untrusted too


@dataclass(frozen=True, slots=True)
class McpAnswer:
    """What a tool answered: text, cut to size."""

    text: str = field(repr=False)
    is_error: bool = False


class McpTrouble(Exception):
    """The server could not be used; the message says why, in our words."""


class McpSignInNeeded(McpTrouble):
    """The server wants somebody to sign in (again)."""


class McpHub(Protocol):
    """Connections to servers: one long-lived task for each endpoint, made when first needed, reconnected with back-off."""

    async def tools(self, endpoint: McpEndpoint) -> tuple[McpTool, ...]:
        """What the server offers now. Raises McpTrouble."""

    async def call(
        self, endpoint: McpEndpoint, tool: str, arguments: Mapping[str, Any], *, timeout: float
    ) -> McpAnswer:
        """Call one tool, once. Raises McpTrouble."""

    async def forget(self, endpoint: str) -> None:
        """Close every connection to this server."""

    async def aclose(self) -> None:
        """Close everything."""
