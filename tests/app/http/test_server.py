"""The server takes what is well-formed, refuses the rest politely, and lives on."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from app.errors import SettingsError
from app.http.server import Server

CANARY = "the innermost thought of the handler"


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def broken(request: web.Request) -> web.Response:
    raise RuntimeError(CANARY)


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"half")
    raise RuntimeError(CANARY)


class State:
    ready = True
    url = ""
    port = 0


@pytest.fixture
async def state() -> AsyncIterator[State]:
    state = State()

    async def check() -> bool:
        return state.ready

    async def broken_check() -> bool:
        if not state.ready:
            raise RuntimeError(CANARY)
        return True

    routes = [web.post("/echo", echo), web.get("/broken", broken), web.get("/half", half)]
    server = Server(routes, {"database": check, "engine": broken_check}, head_seconds=0.3, body_seconds=0.3)
    state.port = await server.start("127.0.0.1", 0)
    state.url = f"http://127.0.0.1:{state.port}"
    yield state
    await server.stop()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def raw(state: State, sent: bytes) -> bytes:
    """What comes back for these bytes, until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", state.port)
    writer.write(sent)
    received = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return received


async def test_a_body_up_to_a_mebibyte_passes(state: State, client: aiohttp.ClientSession) -> None:
    body = b"x" * (1024 * 1024)
    async with client.post(f"{state.url}/echo", data=body) as response:
        assert response.status == 200
        assert await response.read() == body


async def test_a_larger_body_is_refused(state: State, client: aiohttp.ClientSession) -> None:
    async with client.post(f"{state.url}/echo", data=io.BytesIO(b"x" * (1024 * 1024 + 1))) as response:
        assert response.status == 413


async def test_a_larger_body_in_chunks_is_refused_too(state: State, client: aiohttp.ClientSession) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 65536

    async with client.post(f"{state.url}/echo", data=chunks()) as response:
        assert response.status == 413


async def test_a_compressed_body_is_refused(state: State, client: aiohttp.ClientSession) -> None:
    async with client.post(f"{state.url}/echo", data=b"x", headers={"Content-Encoding": "gzip"}) as response:
        assert response.status == 415


@pytest.mark.parametrize("name", ["Authorization", "X-Slack-Signature", "X-Slack-Request-Timestamp", "Content-Type"])
async def test_a_header_that_must_be_one_may_not_be_two(state: State, name: str) -> None:
    head = (
        f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n{name}: a\r\n{name}: b\r\n\r\nx"
    )
    assert (await raw(state, head.encode())).split()[1] == b"400"


async def test_a_failing_handler_tells_nothing(state: State, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{state.url}/broken") as response:
        assert (response.status, await response.text()) == (500, "Internal Server Error\n")


async def test_a_handler_that_fails_half_way_ends_the_connection(state: State, client: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.ClientError):
        async with client.get(f"{state.url}/half") as response:
            await response.read()


async def test_unknown_paths_and_methods_are_told_plainly(state: State, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{state.url}/nowhere") as response:
        assert (response.status, await response.text()) == (404, "Not Found\n")
    async with client.get(f"{state.url}/echo") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "sent",
    [
        b"this is not http\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_http_is_refused_without_an_echo(state: State, sent: bytes) -> None:
    received = await raw(state, sent)
    assert received.split()[1] == b"400"
    assert b"aiohttp" not in received
    assert received.endswith(b"\r\n\r\nBad Request\n")


async def test_a_head_that_does_not_come_is_not_waited_for(state: State) -> None:
    assert await raw(state, b"GET /healthz HT") == b""


async def test_a_body_that_does_not_come_is_not_waited_for(state: State) -> None:
    received = await raw(state, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nConnection: close\r\n\r\nx")
    assert received.startswith(b"HTTP/1.1 408 ")


async def test_every_answer_carries_the_headers_of_caution(state: State, client: aiohttp.ClientSession) -> None:
    for path in ("/healthz", "/nowhere", "/broken"):
        async with client.get(f"{state.url}{path}") as response:
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
            assert response.headers["Server"] == "latchkey"


async def test_it_is_ready_while_every_check_holds(state: State, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{state.url}/readyz") as response:
        assert response.status == 200
    state.ready = False
    async with client.get(f"{state.url}/readyz") as response:
        assert response.status == 503
        assert json.loads(await response.text()) == {"database": False, "engine": False}
    async with client.get(f"{state.url}/healthz") as response:
        assert response.status == 200


async def test_metrics_count_by_route_not_by_path(state: State, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{state.url}/somebodys-secret-path") as response:
        assert response.status == 404
    async with client.get(f"{state.url}/metrics") as response:
        page = await response.text()
    assert 'latchkey_http_requests_total{route="none",status="404"}' in page
    assert "somebodys" not in page


async def test_a_port_that_is_taken_is_told_with_its_variable(state: State) -> None:
    with pytest.raises(SettingsError, match="LATCHKEY_PORT"):
        await Server([], {}).start("127.0.0.1", state.port)


async def test_a_request_under_way_is_answered_while_stopping(client: aiohttp.ClientSession) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        arrived.set()
        await go_on.wait()
        return web.Response(text="done")

    server = Server([web.get("/slow", slow)], {})
    url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
    asking = asyncio.create_task(client.get(f"{url}/slow"))
    await arrived.wait()
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    go_on.set()
    assert await (await asking).text() == "done"
    await stopping
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get(f"{url}/healthz")


async def test_the_first_free_port_is_taken(state: State) -> None:
    server = Server([], {})
    assert await server.start("127.0.0.1", state.port, 0) != state.port
    await server.stop()
