"""What every Web promises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from app.ports.web import Elsewhere, Refused, Web, WebAddress


@dataclass(frozen=True, slots=True)
class Corner:
    """A corner of the web: a page, one that sends on to it within the site, one that sends on to another site, one that sends on for ever."""

    web: Web
    page: str
    sends_on: str
    leads_away: str
    for_ever: str
    asked: Callable[[], int]
    """How many requests any server got so far."""


def within(url: str) -> Callable[[WebAddress], bool]:
    """A policy that keeps to one site."""
    host = url.split("/")[2]
    return lambda address: address.host == host


class WebSuite:
    """Bind with a fixture `corner`."""

    @pytest.fixture
    def corner(self) -> Corner | Awaitable[Corner]:
        """The web under test."""
        raise NotImplementedError

    @pytest.mark.parametrize(
        "url", ["", "example.com", "ftp://example.com/", "https://", "https://a:b@c.example/", "https://x y.example/"]
    )
    async def test_what_is_no_address_is_refused_in_words(self, corner: Corner, url: str) -> None:
        with pytest.raises(Refused) as refused:
            corner.web.address(url)
        assert str(refused.value).endswith(".")
        with pytest.raises(Refused):
            await corner.web.fetch(url, may_visit=lambda _: True)
        assert corner.asked() == 0

    def test_a_host_is_named_as_grants_name_it(self, corner: Corner) -> None:
        assert corner.web.address("https://EXAMPLE.com:443/a#b") == WebAddress("https://example.com/a", "example.com")
        assert corner.web.address("https://example.com:8443/").host == "example.com:8443"
        assert corner.web.address("http://example.com/").host == "example.com:80"

    async def test_a_page_is_fetched(self, corner: Corner) -> None:
        fetched = await corner.web.fetch(corner.page, may_visit=within(corner.page))
        assert (fetched.status, fetched.url) == (200, corner.page)
        assert fetched.data
        assert fetched.media_type == "text/plain"

    async def test_nothing_is_asked_where_it_may_not_be_visited(self, corner: Corner) -> None:
        with pytest.raises(Refused):
            await corner.web.fetch(corner.page, may_visit=lambda _: False)
        assert corner.asked() == 0

    async def test_a_redirect_within_what_may_be_visited_is_followed(self, corner: Corner) -> None:
        fetched = await corner.web.fetch(corner.sends_on, may_visit=within(corner.page))
        assert fetched.url == corner.page

    async def test_a_redirect_to_elsewhere_is_told_and_not_followed(self, corner: Corner) -> None:
        with pytest.raises(Elsewhere) as elsewhere:
            await corner.web.fetch(corner.leads_away, may_visit=within(corner.page))
        assert corner.web.address(elsewhere.value.url).url == elsewhere.value.url
        assert corner.asked() == 1

    async def test_a_redirect_is_followed_for_reading_only(self, corner: Corner) -> None:
        with pytest.raises(Refused):
            await corner.web.fetch(corner.sends_on, may_visit=within(corner.page), method="POST", body=b"{}")
        assert corner.asked() == 1

    async def test_three_redirects_are_enough(self, corner: Corner) -> None:
        with pytest.raises(Refused):
            await corner.web.fetch(corner.for_ever, may_visit=within(corner.page))
        assert corner.asked() == 4
