"""Addresses of the web as people, models and servers write them: parsed once, and passed on as they were understood (SECURITY §9.3)."""

from __future__ import annotations

import re
from collections.abc import Collection

from yarl import URL

from adapters.net.addresses import is_public, literal
from adapters.net.hosts import is_inside_name, plain_host

LONGEST = 2000
_SCHEMES = ("https", "http")
_AUTHORITY = re.compile(r"[a-z]+://([^/?#]+)", re.IGNORECASE)


def web_url(text: str, private_hosts: Collection[tuple[str, int]] = ()) -> URL:
    """The address in its plainest form, without fragment. Names are not looked up: the connection does that.

    Raises ValueError, with words that go on from `That address`. `private_hosts` are the operator's: only these may be inside.
    """
    if not text.isprintable() or any(character.isspace() for character in text) or "\\" in text:
        raise ValueError("has characters in it that don't belong in one.")
    if len(text) > LONGEST:
        raise ValueError("is too long.")
    authority = _AUTHORITY.match(text)
    if authority and "@" in authority[1]:
        raise ValueError("has a user name or a password in it.")
    try:
        url = URL(text).with_fragment(None)
        host, port = plain_host(_bracketed((url.raw_host or "").removesuffix("."))), url.port
    except ValueError:
        raise ValueError("can't be understood.") from None
    if not authority or url.scheme not in _SCHEMES or port is None or not 0 < port < 65536:
        raise ValueError("does not begin with https:// and the name of a host.")
    if url.raw_user is not None or url.raw_password is not None:
        raise ValueError("has a user name or a password in it.")
    if (host, port) not in private_hosts:
        _judge(host)
    plain = url.with_host(host) if host != url.raw_host else url
    return plain.with_port(None) if plain.is_default_port() else plain


def granted_as(url: URL) -> str:
    """How a grant names where this leads: `example.com`, and with the port where it is not https on its usual one."""
    host = _bracketed(url.raw_host or "")
    return host if (url.scheme, url.port) == ("https", 443) else f"{host}:{url.port}"


def _judge(host: str) -> None:
    address = literal(host)
    if address is None:
        if is_inside_name(host):
            raise ValueError("is not on the public internet.")
    elif address != host:
        raise ValueError("hides a number in an unusual spelling.")
    elif not is_public(address):
        raise ValueError("is not on the public internet.")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
