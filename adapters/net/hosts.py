"""Names of hosts, as people and operators write them."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

from app.errors import BadInput

_HOST_AND_PORT = re.compile(r"(\[[^\[\]/]*\]|[^:/?#\[\]@]*):(\d{1,5})")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa")


def plain_host(text: str) -> str:
    """A host in lower-case ASCII, IPv6 in its shortest form without brackets. Raises ValueError, with words that go on from `The host`."""
    host = text.lower()
    if host.startswith("["):
        if "%" in host:
            raise ValueError("must not name a zone")
        try:
            return str(IPv6Address(host[1:-1]))
        except AddressValueError:
            raise ValueError("is not an address") from None
    if not host.isascii():
        raise ValueError("must be in its plain form (with xn-- for other scripts)")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise ValueError("is not a valid name")
    return host


def is_inside_name(host: str) -> bool:
    """Whether a name, by its looks, is one of a local network: no dot in it, or an ending that the public internet does not have."""
    return "." not in host or host.endswith(tuple(f".{suffix}" for suffix in _INSIDE))


def host_and_port(text: str) -> tuple[str, int]:
    """An entry of an operator's list: `host:port`, IPv6 in brackets. Raises BadInput."""
    match = _HOST_AND_PORT.fullmatch(text.strip())
    if match is None or not match[1] or not 0 < int(match[2]) < 65536:
        raise BadInput(f"{text!r} is not host:port")
    try:
        return plain_host(match[1]), int(match[2])
    except ValueError as error:
        raise BadInput(f"{text!r}: the host {error}") from None
