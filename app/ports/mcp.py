"""Tools of others, by the Model Context Protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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

    def checked(self, url: str) -> str:
        """The address as it may be used. Raises BadInput, in words for whoever typed it."""

    def origin(self, url: str) -> str:
        """`scheme://host[:port]`: where a token for it may be sent. Raises BadInput."""

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


@dataclass(frozen=True, slots=True)
class McpGrant:
    """What a sign-in came to, to be sealed whole: the token, and what renews it."""

    kept: Secret
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class McpSignInBegun:
    """A sign-in that a person has to go on with in a browser. `address` is where; `kept` is to be sealed until they come back."""

    address: str
    kept: Secret
    where: str  # the host that they sign in at


class McpSignIn(Protocol):
    """Signing in to servers (OAuth 2.1 with PKCE), in two halves: between them a person is elsewhere, for as long as it takes."""

    async def begin(self, url: str, *, back: str, state: str) -> McpSignInBegun:
        """Find out who looks after this server's sign-ins, and make Latchkey known there. Raises McpTrouble."""

    async def end(self, kept: Secret, *, code: str, issuer: str) -> McpGrant:
        """Trade the code that came back for a token. Raises McpTrouble."""

    def token(self, kept: Secret) -> Secret:
        """The token in a grant."""

    async def renew(self, kept: Secret) -> McpGrant:
        """A newer grant. Raises McpSignInNeeded where only a person can help, else McpTrouble."""

    async def aclose(self) -> None:
        """Close everything."""
