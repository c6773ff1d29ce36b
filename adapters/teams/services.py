"""Which hosts are Teams: the bot's token is sent to them and to nobody else."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from adapters.teams.clouds import PUBLIC, MicrosoftCloud


class Services:
    """Judges a service URL: only the bot's own cloud is right.

    `extra` are whole origins, such as a test's `http://127.0.0.1:3156`, that an operator trusts besides.
    """

    def __init__(self, extra: Iterable[str] = (), *, cloud: MicrosoftCloud = PUBLIC) -> None:
        self._cloud = cloud
        self._extra = frozenset(one.rstrip("/").lower() for one in extra)

    def allows(self, url: str) -> bool:
        """Whether this is an address of the connector. Anything odd about it is a no."""
        parts = split_url(url)
        if parts is None:
            return False
        if f"{parts.scheme}://{parts.netloc}".lower() in self._extra:
            return True
        known = is_below(parts.hostname or "", self._cloud.hosts, self._cloud.below)
        return known and parts.scheme == "https" and parts.port in {None, 443}


def split_url(url: str) -> SplitResult | None:
    """A URL's parts; None when it has user info, control characters or anything on which parsers disagree."""
    if not url.isascii() or not url.isprintable() or any(odd in url for odd in "\\ @?#"):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in {"http", "https"} and parts.hostname else None


def is_below(host: str, hosts: frozenset[str], suffixes: tuple[str, ...]) -> bool:
    """Whether a host is one of these, or under one of these domains."""
    return host in hosts or host.endswith(suffixes)
