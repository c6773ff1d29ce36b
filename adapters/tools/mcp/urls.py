"""Which addresses may be called (SECURITY §9.3), pure. What passes is rebuilt from its judged parts, so that no parser reads it otherwise."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import NoReturn

from adapters.net.addresses import is_public, literal
from adapters.net.hosts import is_inside_name, plain_host
from app.errors import BadInput

LONGEST = 500
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[^\]/]*\]|[^/:?#\[\]@]+)(?::(?P<port>\d{1,5}))?(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_USUAL = {"https": 443, "http": 80}
_ASK_OPERATOR = "Whoever runs Latchkey can allow a private server by listing it in LATCHKEY_MCP_HOSTS."


@dataclass(frozen=True, slots=True)
class Address:
    """An address that may be called. `host` is lower-case ASCII, IPv6 without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def origin(self) -> str:
        """`scheme://host`, with the port where it isn't the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _USUAL[self.scheme] else f":{self.port}")

    def __str__(self) -> str:
        return self.origin + self.path + (f"?{self.query}" if self.query else "")


def server_address(text: str, private_hosts: Collection[tuple[str, int]] = ()) -> Address:
    """A server's address as an admin typed it. Raises BadInput in their words, for the field `url`."""
    text = text.strip()
    if not text:
        _refuse("The server's address is needed, such as https://mcp.example.com/mcp.")
    if re.match(r"(?:stdio:|npx |uvx |docker |node |python|/|\./)", text):
        _refuse("Only servers on the web can be added: Latchkey starts no programs for a workspace.")
    if "?" in text or "#" in text:
        _refuse("The address must end with its path, without ? or #. A token has its own field.")
    return judged(text, private_hosts)


def judged(text: str, private_hosts: Collection[tuple[str, int]] = ()) -> Address:
    """Any address that is called or opened on somebody's behalf. Only hosts of `private_hosts` (the operator's) may be private, plain http,
    or on an unusual port; names are not looked up, the connection does that. Raises BadInput.
    """
    address = _split(text)
    if (address.host, address.port) in private_hosts:
        return address
    if address.scheme != "https":
        _refuse("The address must begin with https://.", ask=True)
    if address.port != _USUAL["https"]:
        _refuse(f"The address must use the usual https port, not {address.port}.", ask=True)
    number = literal(address.host)
    if number is not None:
        if number != address.host:
            _refuse("The address hides a number in an unusual spelling. Use the server's name.")
        if not is_public(number):
            _refuse("The address is a private one.", ask=True)
    elif is_inside_name(address.host):
        _refuse("The address names a host that is not on the public internet.", ask=True)
    return address


def _split(text: str) -> Address:
    if len(text) > LONGEST:
        _refuse("The address is too long.")
    if not text.isprintable() or "\\" in text or any(sign.isspace() for sign in text):
        _refuse("The address contains characters that don't belong in one.")
    if "@" in text.partition("?")[0]:
        _refuse("The address must not contain a user name or password.")
    match = _URL.fullmatch(text)
    if match is None:
        _refuse("The address must look like https://mcp.example.com/mcp.")
    scheme = match["scheme"].lower()
    port = int(match["port"] or _USUAL[scheme])
    if not 0 < port < 65536:
        _refuse("The address's port does not exist.")
    path, query = match["path"] or "", match["query"] or ""
    if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query) or any(step in (".", "..") for step in path.split("/")):
        _refuse("The address's path contains something unusual.")
    try:
        return Address(scheme, plain_host(match["host"]), port, path, query)
    except ValueError as error:
        _refuse(f"The address's host {error}.")


def _refuse(message: str, *, ask: bool = False) -> NoReturn:
    raise BadInput(f"{message} {_ASK_OPERATOR}" if ask else message, field="url")
