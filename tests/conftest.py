"""Before any test: nothing of this machine's accounts is readable, and nothing outside this machine is reachable."""

import os
import re

_ACCOUNTS = re.compile(r".*_API_KEY$|(ANTHROPIC|AWS|LATCHKEY|MICROSOFT|OPENAI|SLACK)_.*")
for _name in [name for name in os.environ if _ACCOUNTS.match(name)]:
    del os.environ[_name]  # a test that wants one sets it; before our own imports, since SDKs read theirs when imported

import ipaddress  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402


def _stay_here(event: str, args: tuple[Any, ...]) -> None:
    """Refuse to look up or to call a host beyond loopback; an audit hook, so that no way around it is left in Python."""
    if event in {"socket.connect", "socket.sendto"}:
        address = args[1]
        stays = not isinstance(address, tuple) or _is_loopback(address[0])  # a path is a Unix socket: that is here
    elif event == "socket.getaddrinfo":
        address = args[0]
        stays = not address or _is_local_name(address.decode() if isinstance(address, bytes) else address)
    else:
        return
    if not stays:
        message = f"a test tried to reach {address}: fakes live on loopback"
        raise AssertionError(message)


def _is_loopback(host: str) -> bool:
    return host == "localhost" or ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _is_local_name(host: str) -> bool:
    """Whether looking it up asks nobody else: this machine's own name, or an address already."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


sys.addaudithook(_stay_here)

pytest_plugins = ["tests.fakes.databases"]
