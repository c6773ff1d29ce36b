"""Who may enter. Loopback is no fence: any page in the same browser can send requests to it, so every request is asked for its
Host, its Origin and, but for the one with the printed token, its cookie.

Who is let in is one human at one machine, who may be any of the residents: the person is a property of each connection, chosen when it opens.
Nothing sent over a connection can act as somebody else, but that keeps windows apart, not attackers: those are kept out here.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets

from aiohttp import web

from app.errors import SettingsError

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
HALF_A_DAY = 12 * 60 * 60


def check_host(host: str) -> None:
    """Refuse to be reachable from elsewhere: raises SettingsError unless `host` is a loopback address."""
    if host != "localhost" and not _is_loopback(host):
        message = (
            f"The playground lets anybody who reaches it act as an admin, so it listens on this machine only: "
            f"set LATCHKEY_HOST to 127.0.0.1 (it is {host})."
        )
        raise SettingsError(message)


class Guard:
    """Judges requests by a token that is printed once, and by the cookie that it is exchanged for."""

    def __init__(self, token: str = "") -> None:
        self.token = token or secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)

    def __repr__(self) -> str:
        return "Guard(…)"

    def refuses(self, request: web.Request) -> str:
        """Why a request may not even be looked at; empty if it may. Says nothing about the cookie."""
        here = request.transport.get_extra_info("sockname") if request.transport else None
        if not here or not _is_loopback(str(here[0])):
            return "The playground answers on this machine only."
        port = int(here[1])
        if request.host not in {f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"}:
            return "Wrong Host."
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.host}":
            return "Wrong Origin."
        if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"} and not self.has_token(request):
            return "Wrong site."
        return ""

    def has_token(self, request: web.Request) -> bool:
        """Whether the request carries the printed token."""
        return _equal(request.query.get("token", ""), self.token)

    def knows(self, request: web.Request) -> bool:
        """Whether the request carries the cookie."""
        return _equal(request.cookies.get(_cookie(request), ""), self._session)

    def admit(self, request: web.Request, response: web.StreamResponse) -> None:
        """Give the cookie to a browser that came with the token."""
        response.set_cookie(
            _cookie(request), self._session, max_age=HALF_A_DAY, path="/playground", httponly=True, samesite="Strict"
        )


def _cookie(request: web.Request) -> str:
    # Cookies know hosts, not ports: two playgrounds on one machine must not take each other's.
    here = request.transport.get_extra_info("sockname") if request.transport else None
    return f"latchkey_playground_{here[1] if here else 0}"


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode())


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
