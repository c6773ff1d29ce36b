"""Fetching from the web at an agent's wish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WebAddress:
    """An address as it will be asked for. `host` is how a grant names it: `example.com`, with the port where it is not https on its usual one."""

    url: str
    host: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server answered, after redirects; `data` is decompressed."""

    status: int
    url: str
    media_type: str
    data: bytes = field(repr=False)
    charset: str = ""


class Refused(Exception):
    """It was not fetched; the message says why, in words for the model, without what the server said."""


class Elsewhere(Refused):
    """The server sends on to an address that may not be visited; `url` is which, in its plainest form."""

    def __init__(self, message: str, url: str) -> None:
        super().__init__(message)
        self.url = url


MayVisit = Callable[[WebAddress], bool]
"""Decides on each address, also on those that a server redirects to."""


class Web(Protocol):
    """HTTP to public addresses only, judged at the moment of connecting (SECURITY §9): no cookies, no credentials, no keep-alive between calls."""

    def address(self, url: str) -> WebAddress:
        """How this would be asked for; pure. Raises Refused for what never will be."""

    async def fetch(
        self, url: str, *, may_visit: MayVisit, method: str = "GET", body: bytes = b"", media_type: str = ""
    ) -> Fetched:
        """Ask, following at most three redirects, those of a GET only. Raises Refused."""
