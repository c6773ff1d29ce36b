"""Signing in to servers, in two halves, against the `mcp` package's own authorisation server; and what is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from adapters.tools.mcp.hub import Hub
from adapters.tools.mcp.sign_in import SignIn
from app.domain.secrets import Secret
from app.ports.mcp import McpEndpoint, McpSignInNeeded, McpTrouble
from tests.fakes.databases import TestClock
from tests.fakes.mcp_misleading import MisleadingServer
from tests.fakes.mcp_server import FakeMcpServer

BACK = "https://latchkey.example.com/oauth/mcp/callback"


@pytest.fixture
async def server() -> AsyncIterator[FakeMcpServer]:
    async with FakeMcpServer(oauth=True) as server:
        yield server


@pytest.fixture
async def signing_in(server: FakeMcpServer, clock: TestClock) -> AsyncIterator[SignIn]:
    signing_in = SignIn(clock, private_hosts=[server.host])
    yield signing_in
    await signing_in.aclose()


async def agree(address: str) -> dict[str, str]:
    """A person opens the address and agrees: what their browser brings back."""
    async with aiohttp.ClientSession() as browser, browser.get(address, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        place = answer.headers["Location"]
    assert place.startswith(BACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}


async def test_a_person_signs_in_and_the_token_opens_the_server(server: FakeMcpServer, signing_in: SignIn) -> None:
    begun = await signing_in.begin(server.url, back=BACK, state="state-1")
    asked = parse_qs(urlsplit(begun.address).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["resource"] == [server.url]
    assert asked["state"] == ["state-1"]
    assert json.loads(begun.kept.reveal())["verifier"] not in begun.address
    back = await agree(begun.address)
    assert back["state"] == "state-1"
    grant = await signing_in.end(begun.kept, code=back["code"], issuer=back.get("iss", ""))
    assert grant.expires_at is not None
    token = signing_in.token(grant.kept)
    hub = Hub(private_hosts=[server.host])
    with pytest.raises(McpSignInNeeded):
        await hub.tools(McpEndpoint("s", server.url))
    assert (await hub.call(McpEndpoint("s", server.url, token), "add", {"a": 1, "b": 2}, timeout=5)).text == "3"
    await hub.aclose()
    assert server.desk.tokens[token.reveal()].resource == server.url


async def test_the_code_is_worth_nothing_without_what_was_kept(server: FakeMcpServer, signing_in: SignIn) -> None:
    mine = await signing_in.begin(server.url, back=BACK, state="a")
    theirs = await signing_in.begin(server.url, back=BACK, state="b")
    back = await agree(mine.address)
    with pytest.raises(McpTrouble):
        await signing_in.end(theirs.kept, code=back["code"], issuer="")


async def test_an_answer_from_another_place_is_not_taken(server: FakeMcpServer, signing_in: SignIn) -> None:
    begun = await signing_in.begin(server.url, back=BACK, state="a")
    back = await agree(begun.address)
    with pytest.raises(McpTrouble, match="somewhere else"):
        await signing_in.end(begun.kept, code=back["code"], issuer="https://evil.example.com")


async def test_a_grant_is_renewed_without_anybody(server: FakeMcpServer, signing_in: SignIn) -> None:
    begun = await signing_in.begin(server.url, back=BACK, state="a")
    first = await signing_in.end(begun.kept, code=(await agree(begun.address))["code"], issuer="")
    second = await signing_in.renew(first.kept)
    assert signing_in.token(second.kept) != signing_in.token(first.kept)
    assert signing_in.token((await signing_in.renew(second.kept)).kept) != signing_in.token(second.kept)
    server.desk.refuse_refresh = True
    with pytest.raises(McpSignInNeeded):
        await signing_in.renew(second.kept)


async def test_a_token_without_renewal_runs_out_for_good(signing_in: SignIn, server: FakeMcpServer) -> None:
    begun = await signing_in.begin(server.url, back=BACK, state="a")
    grant = await signing_in.end(begun.kept, code=(await agree(begun.address))["code"], issuer="")
    told = json.loads(grant.kept.reveal()) | {"refresh": ""}
    with pytest.raises(McpSignInNeeded):
        await signing_in.renew(Secret(json.dumps(told)))


async def test_a_server_without_sign_in_says_so(clock: TestClock) -> None:
    async with FakeMcpServer(token="canary-0") as server:
        signing_in = SignIn(clock, private_hosts=[server.host])
        with pytest.raises(McpTrouble, match="where to sign in"):
            await signing_in.begin(server.url, back=BACK, state="a")
        await signing_in.aclose()


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"authorization_endpoint": "http://login.example.com/authorize"}, "may not be opened"),
        ({"authorization_endpoint": "https://10.0.0.1/authorize"}, "may not be opened"),
        ({"authorization_endpoint": "file:///bin/sh"}, "where to sign in"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "where to sign in"),
        ({"registration_endpoint": "http://169.254.169.254/register"}, "may not be called"),
        ({"registration_endpoint": None}, "takes no new apps"),
        ({"issuer": "https://other.example.com"}, "another one"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
    ],
)
async def test_a_server_that_misleads_is_not_signed_in_to(
    clock: TestClock, wrong: dict[str, object], match: str
) -> None:
    async with MisleadingServer(metadata=wrong) as server:
        signing_in = SignIn(clock, private_hosts=[server.host])
        with pytest.raises(McpTrouble, match=match):
            await signing_in.begin(server.url, back=BACK, state="a")
        await signing_in.aclose()


async def test_a_server_that_says_it_is_another_is_not_signed_in_to(clock: TestClock) -> None:
    async with MisleadingServer(resource="https://bank.example.com/mcp") as server:
        signing_in = SignIn(clock, private_hosts=[server.host])
        with pytest.raises(McpTrouble, match="another server"):
            await signing_in.begin(server.url, back=BACK, state="a")
        await signing_in.aclose()


async def test_token_endpoints_inside_are_never_called(clock: TestClock) -> None:
    async with FakeMcpServer() as inside, MisleadingServer(metadata={"token_endpoint": inside.url}) as server:
        signing_in = SignIn(clock, private_hosts=[server.host])
        begun = await signing_in.begin(server.url, back=BACK, state="a")
        with pytest.raises(McpTrouble, match="may not be called"):
            await signing_in.end(begun.kept, code="c", issuer="")
        await signing_in.aclose()
        assert inside.requests == []
