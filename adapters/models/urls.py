"""Which base URLs a workspace may set (SECURITY §9.3), pure. What passes is rebuilt from its judged parts, so that no parser reads it otherwise."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from adapters.net.addresses import is_public, literal
from adapters.net.hosts import is_inside_name, plain_host
from app.errors import BadInput

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[^\]/]*\]|[^/:?#\[\]@]*)(?::(?P<port>\d{1,5}))?(?P<path>/[^?#]*)?",
    re.IGNORECASE,
)
_PATH = re.compile(r"[A-Za-z0-9._~/-]*")
_LONGEST = 300
_ASK_OPERATOR = "Whoever runs Latchkey can allow a private server by listing it in LATCHKEY_MODEL_HOSTS."
_CALLS = ("/chat/completions", "/completions", "/responses", "/models")


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """A base URL that may be used. `host` is lower-case ASCII, IPv6 without brackets; `path` has no slash at its end."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """`scheme://host`, with the port where it isn't the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return f"{self.scheme}://{host}" + ("" if self.port == usual else f":{self.port}")

    def __str__(self) -> str:
        return self.origin + self.path


def workspace_url(text: str, private_hosts: Collection[tuple[str, int]] = ()) -> BaseUrl:
    """Judge a base URL that was set in chat; names are not looked up, the connection does that. Raises BadInput in the person's words.

    `private_hosts` are the operator's: only these may be private, plain http, or on another port than 443.
    """
    parts = _split(text)
    if (parts.host, parts.port) in private_hosts:
        return parts
    if parts.scheme != "https":
        _refuse("The base URL must begin with https:// so that the key travels encrypted.", ask=True)
    if parts.port != 443:  # the one port of https
        _refuse(f"The base URL must use the usual https port, not {parts.port}.", ask=True)
    address = literal(parts.host)
    if address is not None:
        if address != parts.host:
            _refuse("The base URL hides an address in an unusual spelling. Use the server's name.")
        if not is_public(address):
            _refuse("The base URL points at a private address.", ask=True)
    elif is_inside_name(parts.host):
        _refuse("The base URL names a host that is not on the public internet.", ask=True)
    return parts


def operator_url(text: str) -> BaseUrl:
    """A base URL from the operator's settings: well-formed, wherever it points."""
    return _split(text)


def _split(text: str) -> BaseUrl:
    text = text.strip()
    if not text:
        _refuse("A base URL is needed, such as https://api.example.com/v1.")
    if len(text) > _LONGEST:
        _refuse("The base URL is too long.")
    if not text.isprintable() or "\\" in text or any(character.isspace() for character in text):
        _refuse("The base URL contains characters that don't belong in one.")
    if "@" in text:
        _refuse("The base URL must not contain a user name or password; the key has its own field.")
    if "?" in text or "#" in text:
        _refuse("The base URL must end with its path, without ? or #.")
    match = _URL.fullmatch(text)
    if match is None or match["scheme"].lower() not in {"https", "http"}:
        _refuse("The base URL must look like https://api.example.com/v1.")
        raise AssertionError  # pragma: no cover
    scheme = match["scheme"].lower()
    port = int(match["port"] or {"https": 443, "http": 80}[scheme])
    if not 0 < port < 65536:
        _refuse("The base URL's port does not exist.")
    return BaseUrl(scheme, _host(match["host"]), port, _path(match["path"] or ""))


def _host(text: str) -> str:
    try:
        return plain_host(text)
    except ValueError as error:
        return _refuse(f"The base URL's host {error}.")


def _path(text: str) -> str:
    path = text.rstrip("/")
    for call in _CALLS:  # people paste the address of a call
        path = path.removesuffix(call)
    if not _PATH.fullmatch(path) or any(step in {"", ".", ".."} for step in path.split("/")[1:]):
        _refuse("The base URL's path contains something unusual.")
    return path


def _refuse(message: str, *, ask: bool = False) -> str:
    raise BadInput(f"{message} {_ASK_OPERATOR}" if ask else message, field="base_url")
