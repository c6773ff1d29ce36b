"""Nothing that an agent can be talked into fetching leads inside: shown at a listening socket that nobody reaches, and at every connect() (EGR)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.net.urls import web_url
from adapters.tools.web.client import PublicWeb
from app.ports.web import Refused
from app.services.named_urls import canonical
from tests.adapters.tools.web.sites import Inside, Names, Site, anywhere, client, inside, site, watched

LOOPBACK = [
    "127.0.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1", "0x7F.0.0.1", "0177.0.0.1", "017700000001",
    "00000177.1", "127.1", "127.0.1", "0", "0.0.0.0", "127.0.0.1.", "①②⑦.0.0.1", "127。0。0。1", "１２７.0.0.1", "127%2e0%2e0%2e1",
    "%31%32%37.0.0.1", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]",
    "[::127.0.0.1]", "[::7f00:1]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::1]",
    "[2001::7f00:1]", "[fe80::1%25lo]", "[::1%25lo]", "[::ffff:0:127.0.0.1]", "localhost", "LocalHost", "localhost.", "a.localhost",
    "ⓛocalhost", "ip6-localhost",
]  # fmt: skip
ELSEWHERE_INSIDE = [
    "10.0.0.1", "10.1", "0xa000001", "100.64.0.1", "100.100.100.200", "168.63.129.16", "169.254.169.254", "2852039166", "0xa9fea9fe",
    "0251.0376.0251.0376", "169.254.43518", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.192", "192.0.2.1", "192.168.0.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "[::ffff:a9fe:a9fe]",
    "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[2002:a00:1::1]", "[2001:0:a00:1::1]", "[fd00:ec2::254]",
    "[fc00::1]", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[5f00::1]", "[100::1]", "[2001:db8::1]", "[3fff::1]", "[2620:4f:8000::1]",
    "metadata.google.internal", "metadata", "wiki.corp", "printer.local", "router.lan", "nas.home.arpa",
]  # fmt: skip
NAMED = [
    host.strip("[]")
    for host in (*LOOPBACK[:1], "::1", *ELSEWHERE_INSIDE)
    if host.strip("[]").count(":") or host.count(".") == 3
]


@pytest.fixture
async def home() -> AsyncIterator[Inside]:
    async with inside() as place:
        yield place
        assert place.accepted == 0


@pytest.fixture
async def page() -> AsyncIterator[Site]:
    async with site() as made:
        yield made


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", [*LOOPBACK, *ELSEWHERE_INSIDE])
async def test_no_notation_of_an_inside_address_is_connected_to(host: str, scheme: str, home: Inside) -> None:
    """EGR-05."""
    names = Names()
    for name in ("localhost", "ip6-localhost", "a.localhost"):
        names.tell(name, ["127.0.0.1"])
    with watched() as connections, pytest.raises(Refused):
        await PublicWeb(resolve=names).fetch(f"{scheme}://{host}:{home.port}/", may_visit=anywhere)
    assert connections == []


@pytest.mark.parametrize("address", NAMED)
async def test_no_name_that_leads_inside_is_connected_to(address: str, home: Inside) -> None:
    names = Names()
    names.tell("innocent.example", [address])
    names.tell("both.example", ["8.8.8.8", address])
    for host in ("innocent.example", "both.example"):
        with watched() as connections, pytest.raises(Refused):
            await PublicWeb(resolve=names, seconds=2).fetch(f"http://{host}:{home.port}/", may_visit=anywhere)
        assert connections == []


async def test_a_name_that_changes_its_mind_gains_nothing(home: Inside) -> None:
    """EGR-05, rebinding: whatever it led to when it was looked at, the address that would be connected to is judged."""
    names = Names()
    names.tell("rebind.example", ["8.8.8.8"], ["127.0.0.1"])
    web = PublicWeb(resolve=names)
    url = f"http://rebind.example:{home.port}/"
    assert web.address(url).host == f"rebind.example:{home.port}"
    assert await names("rebind.example", home.port) == ["8.8.8.8"]  # as a check in advance would have seen it
    with watched() as connections, pytest.raises(Refused, match="private network"):
        await web.fetch(url, may_visit=anywhere)
    assert connections == []


async def test_a_name_that_changes_its_mind_between_two_hops_gains_nothing(home: Inside, page: Site) -> None:
    names = Names()
    names.tell("rebind.example", ["127.0.0.1"])
    with pytest.raises(Refused, match="private network"):
        await client(page, names).fetch(page.redirect("/", f"http://rebind.example:{home.port}/"), may_visit=anywhere)
    assert len(page.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to",
    [
        *(f"http://{host}:PORT/" for host in LOOPBACK),
        "//127.0.0.1:PORT/", "//localhost:PORT", "http:127.0.0.1:PORT/", "http:/127.0.0.1:PORT/", "http:///127.0.0.1:PORT/",
        "http://site.example@127.0.0.1:PORT/", "http://site.example:80@127.0.0.1:PORT/", "http://127.0.0.1:PORT#@site.example/",
        "http://127.0.0.1:PORT\\@site.example/", "http:\\\\127.0.0.1:PORT\\", "\\\\127.0.0.1:PORT\\", "http://site.example\\@127.0.0.1:PORT/",
        "http://127.0.0.1:PORT%23@site.example/", "file:///etc/passwd", "gopher://127.0.0.1:PORT/_GET", "ftp://127.0.0.1:PORT/",
        "dict://127.0.0.1:PORT/", "data:text/plain,hello", "javascript:alert(1)", "ws://127.0.0.1:PORT/", "unix:///run/docker.sock",
    ],
)  # fmt: skip
async def test_no_redirect_leads_inside(to: str, status: int, home: Inside, page: Site) -> None:
    names = Names()
    for name in ("localhost", "a.localhost", "ip6-localhost"):
        names.tell(name, ["127.0.0.1"])
    url = page.redirect("/", to.replace("PORT", str(home.port)), status)
    try:
        fetched = await client(page, names).fetch(url, may_visit=anywhere)
    except Refused:
        return
    assert fetched.status == 404, "what is no address of a host is a path of the same site, where nothing is"
    assert b"secret" not in fetched.data


@pytest.mark.parametrize(
    "url",
    [
        "http://site.example@127.0.0.1:PORT/", "http://site.example:80@127.0.0.1:PORT/", "http://:@127.0.0.1:PORT/", "http://@127.0.0.1:PORT/",
        "http://127.0.0.1:PORT@site.example/", "http://site.example%40127.0.0.1:PORT/", "http://127.0.0.1:PORT\\@site.example/",
        "http://site.example\\@127.0.0.1:PORT/", "http://site.example\t@127.0.0.1:PORT/", "http://127.0.0.1:PORT\r\nHost: x/",
        "http://127.0.0.1\x00.site.example:PORT/", "http://127.0.0.1%00.site.example:PORT/", "http:\\\\127.0.0.1:PORT/",
        "http:127.0.0.1:PORT/", "http:///127.0.0.1:PORT/", "//127.0.0.1:PORT/", "127.0.0.1:PORT", "HTTP://127.0.0.1:PORT/",
        " http://127.0.0.1:PORT/", "file://127.0.0.1:PORT/etc/passwd", "gopher://127.0.0.1:PORT/", "http://[::1]:PORT:80/",
        "http://[127.0.0.1]:PORT/", "http://[::1/:PORT", "http://127.0.0.1:PORT:80/", "http://127.0.0.1:+PORT/", "http://127.0.0.1:0PORT/",
    ],
)  # fmt: skip
async def test_no_trick_with_users_backslashes_or_control_characters_leads_inside(url: str, home: Inside) -> None:
    names = Names()
    names.tell("site.example", ["127.0.0.1"])
    with watched() as connections, pytest.raises(Refused):
        await PublicWeb(resolve=names).fetch(url.replace("PORT", str(home.port)), may_visit=anywhere)
    assert connections == []


async def test_an_operators_host_is_reached_on_its_port_and_nothing_beside_it(home: Inside, page: Site) -> None:
    names = Names()
    web = client(page, names)
    with watched() as connections:
        assert (await web.fetch(page.text("/", "hello"), may_visit=anywhere)).data == b"hello"
    assert connections == [("127.0.0.1", page.port)]
    names.tell("site.example", ["127.0.0.1"])
    for url in (f"http://site.example:{home.port}/", f"http://127.0.0.1:{page.port}/"):
        with pytest.raises(Refused):
            await web.fetch(url, may_visit=anywhere)


async def test_what_may_not_be_visited_is_not_even_looked_up(home: Inside, page: Site) -> None:
    names = Names()
    web = client(page, names)
    with watched() as connections, pytest.raises(Refused, match="may not be visited"):
        await web.fetch(page.url(), may_visit=lambda _: False)
    assert (connections, names.asked) == ([], [])


async def test_proxies_of_the_environment_are_not_used(
    home: Inside, page: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{home.port}")
    fetched = await client(page, Names()).fetch(page.text("/", "hello"), may_visit=anywhere)
    assert fetched.data == b"hello"


WRITTEN = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["https", "http", "HTTPS"]),
    st.sampled_from(["example.com", "ⓔxample.com", "EXAMPLE.com.", "bücher.example", "8.8.8.8", "[2606:4700::1111]", "a_b.example"]),
    st.sampled_from(["", ":443", ":80", ":8443", ":0443"]),
    st.text(st.sampled_from("/a.%2Fü?&=+#[]~;:@!$'()*,|{}^"), max_size=12).map(lambda path: f"/{path}"),
    st.sampled_from(["", "?q=%20+%2B", "?ü", "#part"]),
)  # fmt: skip


@given(WRITTEN)
def test_an_address_is_understood_in_one_way_by_the_client_and_by_the_policy(text: str) -> None:
    try:
        url = web_url(text)
    except ValueError:
        return
    assert web_url(str(url)) == url
    assert canonical(str(url)) == canonical(text)
