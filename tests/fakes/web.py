"""A web in memory: pages by address, and redirects."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.net.urls import granted_as, web_url
from app.ports.web import Elsewhere, Fetched, MayVisit, Refused, WebAddress


@dataclass
class FakeWeb:
    """See Web. `pages` has what is found at an address: an answer, a redirect (as text) or why it is refused."""

    pages: dict[str, Fetched | str | Refused] = field(default_factory=dict)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)

    def page(self, url: str, text: str | bytes, media_type: str = "text/plain", status: int = 200) -> str:
        data = text.encode() if isinstance(text, str) else text
        self.pages[url] = Fetched(status, url, media_type, data)
        return url

    def address(self, url: str) -> WebAddress:
        try:
            found = web_url(url)
        except ValueError as error:
            raise Refused(f"That address {error}") from None
        return WebAddress(str(found), granted_as(found))

    async def fetch(
        self, url: str, *, may_visit: MayVisit, method: str = "GET", body: bytes = b"", media_type: str = ""
    ) -> Fetched:
        address = self.address(url)
        if not may_visit(address):
            raise Refused("That address may not be visited.")
        for _ in range(4):
            self.asked.append((method, address.url, body))
            found = self.pages.get(address.url, Fetched(404, address.url, "text/plain", b"not here"))
            if isinstance(found, Refused):
                raise found
            if isinstance(found, Fetched):
                return found
            if method != "GET":
                raise Refused("It sends on to another address, which is followed for reading only.")
            address = self.address(found)
            if not may_visit(address):
                raise Elsewhere("It sends on to another site.", address.url)
        raise Refused("It sends on more than 3 times.")
