"""The shared client: where it connects, and what it lets out and in."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2
import pytest
from aiohttp import web

from adapters.models.compatible import Compatible
from adapters.models.http import ModelHttp
from adapters.net.network import AddressRefused, JudgingBackend
from app.domain.keys import ProviderCredential
from app.domain.secrets import Secret
from app.errors import BadAnswer, Unreachable
from tests.conformance.model_provider import asking
from tests.fakes.model_server import ModelServer

KEY = Secret("sk-test-first-0001")


class Names:
    """A name service of our own: each lookup takes the next answer, the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
async def listener() -> AsyncIterator[tuple[int, list[str]]]:
    """A bare server that notes who connects."""
    met: list[str] = []

    async def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append("connected")
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], met
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "::1", "::ffff:127.0.0.1", "fe80::1%lo", "localhost"],
)
async def test_no_spelling_of_this_machine_is_connected_to(host: str, listener: tuple[int, list[str]]) -> None:
    """EGR-05."""
    port, met = listener
    names = Names(["127.0.0.1"])
    with pytest.raises(AddressRefused):
        await JudgingBackend([], names).connect_tcp(host, port, timeout=2)
    assert met == []


async def test_a_name_that_leads_to_private_and_public_addresses_is_refused(listener: tuple[int, list[str]]) -> None:
    port, met = listener
    with pytest.raises(AddressRefused):
        await JudgingBackend([], Names(["8.8.8.8", "127.0.0.1"])).connect_tcp("both.example", port, timeout=2)
    assert met == []


async def test_a_name_that_changes_its_mind_gains_nothing(listener: tuple[int, list[str]]) -> None:
    """EGR-05, DNS rebinding: public when the URL is set, private when it is used. The connection goes to what was judged, in one lookup."""
    port, met = listener
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    assert await names("rebind.example", port) == ["8.8.8.8"]  # as a check in advance would have seen it
    with pytest.raises(AddressRefused):
        await JudgingBackend([], names).connect_tcp("rebind.example", port, timeout=2)
    assert names.asked == ["rebind.example"] * 2
    assert met == []


async def test_hosts_of_the_operators_list_may_be_private_on_their_port_only(listener: tuple[int, list[str]]) -> None:
    port, met = listener
    backend = JudgingBackend([("ollama.example", port)], Names(["127.0.0.1"]))
    stream = await backend.connect_tcp("ollama.example", port, timeout=2)
    await stream.aclose()
    assert met
    for host, other in (("other.example", port), ("ollama.example", port + 1)):
        with pytest.raises(AddressRefused):
            await backend.connect_tcp(host, other, timeout=2)


async def test_the_next_address_is_tried_when_one_does_not_answer(listener: tuple[int, list[str]]) -> None:
    port, met = listener
    backend = JudgingBackend([("two.example", port)], Names(["127.0.0.9", "127.0.0.1"]))
    stream = await backend.connect_tcp("two.example", port, timeout=2)
    await stream.aclose()
    assert met


async def test_a_workspaces_base_url_that_leads_home_gets_no_key() -> None:
    """EGR-20."""
    async with ModelServer() as server:
        http = ModelHttp(resolve=Names(["127.0.0.1"]))
        provider = Compatible(http)
        key = ProviderCredential(KEY, "https://models.example/v1")
        with pytest.raises(Unreachable, match="not public"):
            await provider.verify(key)
        with pytest.raises(Unreachable, match="not public"):
            _ = [event async for event in provider.stream(asking("hello"), key=key)]
        assert (server.calls, server.listings) == ([], [])
        await http.aclose()


async def test_a_name_that_nobody_knows_is_unreachable() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    http = ModelHttp(resolve=unknown)
    with pytest.raises(Unreachable):
        await Compatible(http).verify(ProviderCredential(KEY, "https://models.example/v1"))
    await http.aclose()


async def test_nothing_is_asked_of_a_name_service_about_an_address() -> None:
    names = Names(["8.8.8.8"])
    with pytest.raises(AddressRefused):
        await JudgingBackend([], names).connect_tcp("10.0.0.1", 443, timeout=1)
    assert names.asked == []


async def _answering(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"127.0.0.1:{runner.addresses[0][1]}"


async def test_a_compressed_answer_that_nobody_asked_for_is_not_unpacked() -> None:
    async def bomb(_: web.Request) -> web.StreamResponse:
        response = web.json_response({"data": [{"id": "x" * 1_000_000}]})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    await _refused_as_bad_answer(bomb)


async def test_an_endless_answer_is_cut() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" " * 1_000_000)

    await _refused_as_bad_answer(endless)


async def _refused_as_bad_answer(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> None:
    runner, place = await _answering(answer)
    http = ModelHttp(private_hosts=[place])
    with pytest.raises(BadAnswer):
        await Compatible(http).models(ProviderCredential(KEY, f"http://{place}/v1"))
    await http.aclose()
    await runner.cleanup()


async def test_an_operators_proxy_is_used_and_one_in_the_environment_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def proxied(request: web.Request) -> web.StreamResponse:
        asked.append(str(request.url))
        return web.json_response({"object": "list", "data": []})

    runner, place = await _answering(proxied)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    http = ModelHttp(private_hosts=["ollama.lan:11434"], proxy=f"http://{place}")
    assert await Compatible(http).models(ProviderCredential(KEY, "http://ollama.lan:11434/v1")) == ()
    assert asked == ["http://ollama.lan:11434/v1/models"]
    await http.aclose()
    await runner.cleanup()


async def test_one_client_serves_all_workspaces_and_opens_when_it_is_used() -> None:
    http = ModelHttp()
    assert http.client() is http.client()
    assert http.client(chosen_by_operator=True) is not http.client()
    assert isinstance(http.client(), httpx2.AsyncClient)
    assert http.client().follow_redirects is False
    await http.aclose()
