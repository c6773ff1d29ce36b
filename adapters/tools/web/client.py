"""The way out for tools (SECURITY §9): public addresses only, judged where the connection is made, and nothing kept from one call to the next."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, cast

from yarl import URL

from adapters.net.hosts import host_and_port
from adapters.net.urls import granted_as, web_url
from adapters.tools.web.body import unpacker_for, whole
from app.ports.web import Elsewhere, Fetched, MayVisit, Refused, WebAddress

if TYPE_CHECKING:  # 90 ms and a TLS context: on first use
    import ssl

    import httpcore2

    from adapters.net.network import Resolve

MOST_REDIRECTS = 3
LARGEST = 5 * 1024 * 1024
"""Bytes of a body, unpacked."""

SECONDS = 10.0
"""For everything: names, connections, redirects and the body."""

USER_AGENT = "Latchkey/1 (fetches what a person asked an agent about)"

_READABLE = re.compile(
    r"text/.*|application/(.*\+)?(json|xml|yaml)|application/(x-)?(ndjson|yaml|javascript|pdf|octet-stream)"
)
_OFFICE = "application/vnd.openxmlformats-officedocument."
_SENT_ON = (301, 302, 303, 307, 308)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class PublicWeb:
    """See Web. `private_hosts` (`host:port`) are those that the operator lets agents reach although they are inside; grants rule there too."""

    def __init__(
        self,
        *,
        private_hosts: Iterable[str] = (),
        resolve: Resolve | None = None,
        seconds: float = SECONDS,
        largest: int = LARGEST,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._private_hosts = frozenset(host_and_port(entry) for entry in private_hosts)
        self._resolve = resolve
        self._seconds = seconds
        self._largest = largest
        self._tls = tls

    def address(self, url: str) -> WebAddress:
        """See Web."""
        return _address(self._url(url))

    async def fetch(
        self, url: str, *, may_visit: MayVisit, method: str = "GET", body: bytes = b"", media_type: str = ""
    ) -> Fetched:
        """See Web."""
        if method not in _METHODS:
            raise Refused("There is no such method.")
        try:
            async with asyncio.timeout(self._seconds):
                return await self._follow(self._url(url), may_visit, method, body, media_type)
        except TimeoutError:
            raise Refused(f"It took longer than {self._seconds:g} seconds.") from None

    async def _follow(self, url: URL, may_visit: MayVisit, method: str, body: bytes, media_type: str) -> Fetched:
        if not may_visit(_address(url)):
            raise Refused("That address may not be visited.")
        for _ in range(MOST_REDIRECTS + 1):
            found = await self._ask(url, method, body, media_type)
            if isinstance(found, Fetched):
                return found
            if method not in ("GET", "HEAD"):
                raise Refused("It sends on to another address, which is followed for reading only.")
            url = self._next(url, found)
            if not may_visit(_address(url)):
                raise Elsewhere("It sends on to another site.", str(url))
        raise Refused(f"It sends on more than {MOST_REDIRECTS} times.")

    def _next(self, url: URL, location: str) -> URL:
        try:
            joined = str(url.join(URL(location)))
        except ValueError:
            raise Refused("It sends on to what is no address.") from None
        try:
            return self._url(joined)
        except Refused as refused:
            raise Refused(f"It sends on to another address. {refused}") from None

    def _url(self, text: str) -> URL:
        try:
            return web_url(text, self._private_hosts)
        except ValueError as error:
            raise Refused(f"That address {error}") from None

    async def _ask(self, url: URL, method: str, body: bytes, media_type: str) -> Fetched | str:
        """The answer, or where it sends on to. The connection is closed whatever happens."""
        import httpcore2

        from adapters.net.network import AddressRefused

        request = httpcore2.Request(
            method,
            httpcore2.URL(
                scheme=url.scheme.encode(),
                host=(url.raw_host or "").encode(),
                port=url.port,
                target=url.raw_path_qs.encode(),
            ),
            headers=_headers(url, method, body, media_type),
            content=body,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)},
        )
        try:
            async with self._pool() as pool:
                answer = await pool.handle_async_request(request)
                try:
                    return await self._read(url, method, answer)
                finally:
                    await answer.aclose()
        except AddressRefused:
            raise Refused("That address leads to a private network.") from None
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
            raise Refused("There was no way to connect to it.") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError):
            raise Refused("The connection broke.") from None

    async def _read(self, url: URL, method: str, answer: httpcore2.Response) -> Fetched | str:
        headers = answer.headers
        if answer.status in _SENT_ON:
            location = _header(headers, b"location")
            if location:
                return location
        media_type, charset = _content_type(_header(headers, b"content-type"))
        if method == "HEAD" or answer.status in (204, 304):
            return Fetched(answer.status, str(url), media_type, b"")
        if not (_READABLE.fullmatch(media_type) or media_type.startswith(_OFFICE)):
            raise Refused("It is not a text, a page or a document, so it is not read.")
        stream = cast("AsyncIterable[bytes]", answer.stream)
        data = await whole(stream, unpacker_for(headers), self._largest)
        return Fetched(answer.status, str(url), media_type, data, charset)

    def _pool(self) -> httpcore2.AsyncConnectionPool:
        import httpcore2
        import httpx2

        from adapters.net.network import JudgingBackend, resolve

        if self._tls is None:
            self._tls = httpx2.create_ssl_context(trust_env=False)
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._tls,
            max_keepalive_connections=0,
            network_backend=JudgingBackend(self._private_hosts, self._resolve or resolve),
        )


def _address(url: URL) -> WebAddress:
    return WebAddress(str(url), granted_as(url))


def _headers(url: URL, method: str, body: bytes, media_type: str) -> list[tuple[bytes, bytes]]:
    host = url.raw_host or ""
    where = f"[{host}]" if ":" in host else host
    if not url.is_default_port():
        where = f"{where}:{url.port}"
    headers = [
        (b"Host", where.encode()),
        (b"User-Agent", USER_AGENT.encode()),
        (b"Accept", b"text/html, text/plain, application/json, application/pdf;q=0.9, */*;q=0.5"),
        (b"Accept-Encoding", b"gzip, deflate"),
        (b"Connection", b"close"),
    ]
    if method not in ("GET", "HEAD"):
        headers.append((b"Content-Length", str(len(body)).encode()))
        if media_type:
            headers.append((b"Content-Type", media_type.encode()))
    return headers


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    return next((value.decode("latin-1").strip() for name, value in headers if name.lower() == wanted), "")


def _content_type(told: str) -> tuple[str, str]:
    """The media type, plain text where none is told, and the charset."""
    media_type, *parameters = (part.strip() for part in told.lower().split(";"))
    named = (part.partition("=")[2].strip("\"' ") for part in parameters if part.startswith("charset="))
    return media_type or "text/plain", next(named, "")
