"""Which addresses are public (SECURITY §9.2). `ipaddress.is_global` is not used: it takes multicast, NAT64 and others for public."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_V4_DENIED = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own services behind a public number
        "169.254.0.0/16",  # link-local: instance metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_V6_ALLOWED = IPv6Network("2000::/3")
_V6_DENIED = tuple(
    IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
)


def literal(host: str) -> str | None:
    """The address that a host is a spelling of, dotted, decimal, octal or hexadecimal as C libraries read them; None for a name."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None


def is_public(address: str) -> bool:
    """Whether an address (no name) lies in the public internet. IPv4 within IPv6 is judged as IPv4; zones and nonsense are not public."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return _is_public_v6(parsed)
        parsed = parsed.ipv4_mapped
    return _is_public_v4(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in block for block in _V4_DENIED)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    return address in _V6_ALLOWED and not any(address in block for block in _V6_DENIED)
