"""Connections to servers of tools: what they carry, where they go, and what becomes of servers that misbehave."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from adapters.tools.mcp.hub import Hub
from adapters.tools.mcp.told import CUT, HIDDEN, LONGEST_ANSWER
from app.domain.secrets import Secret
from app.ports.mcp import McpEndpoint, McpSignInNeeded, McpTrouble
from tests.fakes.mcp_server import SAYS, FakeMcpServer

TOKEN = "canary-" + "token-0001-abcdef"


@pytest.fixture(params=["new", "legacy"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[FakeMcpServer]:
    async with FakeMcpServer(token=TOKEN, legacy=request.param == "legacy") as server:
        yield server


@pytest.fixture
async def hub(server: FakeMcpServer) -> AsyncIterator[Hub]:
    hub = Hub(private_hosts=[server.host], connect=5, listing=5)
    yield hub
    await hub.aclose()


def at(server: FakeMcpServer, token: str = TOKEN, person: str = "") -> McpEndpoint:
    return McpEndpoint("srv1", server.url, Secret(token) if token else None, person)


async def test_a_server_s_tools_are_told_as_it_describes_them(server: FakeMcpServer, hub: Hub) -> None:
    tools = {tool.name: tool for tool in await hub.tools(at(server))}
    assert set(tools) == {"add", "whoami", "fail", "big", "hang"}
    assert tools["add"].description == SAYS
    assert (tools["add"].title, tools["add"].read_only, tools["big"].read_only) == ("Add", True, False)
    assert set(tools["add"].schema["properties"]) == {"a", "b"}


async def test_a_tool_is_called_once_and_its_text_comes_back(server: FakeMcpServer, hub: Hub) -> None:
    answer = await hub.call(at(server), "add", {"a": 2, "b": 40}, timeout=5)
    assert (answer.text, answer.is_error, server.calls) == ("42", False, ["add"])


async def test_one_connection_serves_many_calls_beside_each_other(server: FakeMcpServer, hub: Hub) -> None:
    await hub.tools(at(server))
    before = len([seen for seen in server.requests if b"initialize" in seen.body or b"discover" in seen.body])
    answers = await asyncio.gather(*(hub.call(at(server), "add", {"a": n, "b": 1}, timeout=5) for n in range(5)))
    assert [answer.text for answer in answers] == ["1", "2", "3", "4", "5"]
    after = len([seen for seen in server.requests if b"initialize" in seen.body or b"discover" in seen.body])
    assert after == before


async def test_a_tool_that_fails_says_so_in_its_answer(server: FakeMcpServer, hub: Hub) -> None:
    answer = await hub.call(at(server), "fail", {}, timeout=5)
    assert answer.is_error
    assert "inner" not in answer.text


async def test_the_token_is_never_told_though_a_server_says_it_back(server: FakeMcpServer, hub: Hub) -> None:
    answer = await hub.call(at(server), "whoami", {}, timeout=5)
    assert TOKEN not in answer.text
    assert HIDDEN in answer.text
    assert set(server.tokens()) == {f"Bearer {TOKEN}"}


async def test_a_long_answer_is_cut_and_says_so(server: FakeMcpServer, hub: Hub) -> None:
    answer = await hub.call(at(server), "big", {"size": 100_000}, timeout=5)
    assert len(answer.text) == LONGEST_ANSWER + len(CUT)
    assert answer.text.endswith(CUT)


async def test_an_endless_answer_is_not_read_to_its_end(server: FakeMcpServer, hub: Hub) -> None:
    with pytest.raises(McpTrouble):
        await hub.call(at(server), "big", {"size": 6_000_000}, timeout=5)
    assert (await hub.call(at(server), "add", {"a": 1, "b": 1}, timeout=5)).text == "2"


async def test_a_server_that_hangs_is_given_up_on_and_others_calls_go_on(server: FakeMcpServer, hub: Hub) -> None:
    begun = asyncio.get_running_loop().time()
    with pytest.raises(McpTrouble, match="did not answer in time"):
        await hub.call(at(server), "hang", {}, timeout=0.5)
    assert asyncio.get_running_loop().time() - begun < 4
    assert (await hub.call(at(server), "add", {"a": 1, "b": 1}, timeout=5)).text == "2"


async def test_a_call_that_is_cancelled_leaves_the_connection_whole(server: FakeMcpServer, hub: Hub) -> None:
    task = asyncio.create_task(hub.call(at(server), "hang", {}, timeout=30))
    while "hang" not in server.calls:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await hub.call(at(server), "add", {"a": 1, "b": 1}, timeout=5)).text == "2"


async def test_who_has_no_token_or_a_wrong_one_is_told_to_sign_in(server: FakeMcpServer, hub: Hub) -> None:
    for token in ("", "canary-wrong"):
        with pytest.raises(McpSignInNeeded):
            await hub.tools(at(server, token))


async def test_people_and_workspaces_do_not_share_a_connection(server: FakeMcpServer, hub: Hub) -> None:
    await hub.tools(at(server))
    with pytest.raises(McpSignInNeeded):
        await hub.tools(at(server, "canary-of-another", person="U2"))
    assert await hub.tools(at(server))


async def test_a_redirect_is_not_followed_and_gets_no_token(server: FakeMcpServer, hub: Hub) -> None:
    async with FakeMcpServer() as other:
        for place in (other.url, f"{server.origin}/elsewhere"):
            server.redirect_to = place
            with pytest.raises(McpTrouble, match="redirects"):
                await hub.tools(at(server))
            await hub.forget("srv1")
        assert other.requests == []
        assert {seen.path for seen in server.requests} == {"/mcp"}


async def test_an_address_within_is_not_connected_to() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    port = listening.getsockname()[1]

    async def inside(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    hub = Hub(connect=2, listing=2, resolve=inside)
    try:
        for url in (
            f"http://127.0.0.1:{port}/mcp",
            f"https://localhost:{port}/mcp",
            "https://2130706433/mcp",
            "https://rebound.example.com/mcp",
        ):
            with pytest.raises(McpTrouble, match=r"address|private"):
                await hub.tools(McpEndpoint("s", url, Secret(TOKEN)))
        with pytest.raises(BlockingIOError):
            listening.accept()
    finally:
        listening.close()
        await hub.aclose()


async def test_a_server_that_is_away_is_left_alone_for_a_while_and_found_again(unused_port: int) -> None:
    hub = Hub(private_hosts=[f"127.0.0.1:{unused_port}"], connect=2, listing=2)
    server = FakeMcpServer(port=unused_port)
    endpoint = McpEndpoint("s", server.url)
    try:
        with pytest.raises(McpTrouble, match="can't be reached"):
            await hub.tools(endpoint)
        with pytest.raises(McpTrouble, match="tried again in"):
            await hub.tools(endpoint)
        async with server:
            deadline = asyncio.get_running_loop().time() + 10
            while True:
                try:
                    assert await hub.tools(endpoint)
                    break
                except McpTrouble:
                    assert asyncio.get_running_loop().time() < deadline
                    await asyncio.sleep(0.1)
    finally:
        await hub.aclose()


async def test_a_server_that_was_restarted_is_connected_to_anew() -> None:
    async with FakeMcpServer(legacy=True) as first:
        hub = Hub(private_hosts=[first.host], connect=5, listing=5)
        endpoint = McpEndpoint("s", first.url)
        assert (await hub.call(endpoint, "add", {"a": 1, "b": 1}, timeout=5)).text == "2"
    try:
        async with FakeMcpServer(legacy=True, port=first.port) as second:
            assert (await hub.call(endpoint, "add", {"a": 2, "b": 2}, timeout=5)).text == "4"
            assert second.calls == ["add"]
    finally:
        await hub.aclose()


@pytest.mark.parametrize(
    "raw", [b"<html>Sign in</html>", b"[" * 100_000, b'{"jsonrpc": "2.0", "id": 1, "result": 7}', b"\xff\xfe"]
)
async def test_nonsense_is_trouble_in_our_words(raw: bytes) -> None:
    async with FakeMcpServer(raw=raw) as server:
        hub = Hub(private_hosts=[server.host], connect=2, listing=2)
        with pytest.raises(McpTrouble) as caught:
            await hub.tools(McpEndpoint("s", server.url))
        assert "html" not in str(caught.value)
        await hub.aclose()


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_a_refusal_is_trouble_in_our_words(status: int) -> None:
    async with FakeMcpServer(answer_with=status) as server:
        hub = Hub(private_hosts=[server.host], connect=2, listing=2)
        with pytest.raises(McpTrouble):
            await hub.tools(McpEndpoint("s", server.url))
        await hub.aclose()


async def test_nothing_of_ours_is_told_but_what_the_protocol_needs(server: FakeMcpServer, hub: Hub) -> None:
    await hub.call(at(server), "add", {"a": 1, "b": 1}, timeout=5)
    assert "GET" not in {seen.method for seen in server.requests}  # no standing stream: nothing is pushed to us
    for seen in server.requests:
        assert seen.headers["user-agent"] == "latchkey"
        assert "cookie" not in seen.headers
        assert b"traceparent" not in seen.body
        for ability in (b"sampling", b"elicitation", b"roots"):
            assert ability not in seen.body


async def test_a_forgotten_server_s_connections_are_closed(server: FakeMcpServer, hub: Hub) -> None:
    await hub.tools(at(server))
    await hub.forget("srv1")
    before = len(server.requests)
    await hub.tools(at(server))
    assert len(server.requests) > before + 1  # said hello again


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
