from collections.abc import AsyncIterator

import pytest

from adapters.models.compatible import Compatible
from adapters.models.http import ModelHttp
from app.domain.agent import Effort
from app.domain.keys import ProviderCredential
from app.domain.run import Usage
from app.domain.secrets import Secret
from app.errors import KeyRejected, Overloaded, RequestRefused, Unreachable
from tests.conformance.model_provider import ModelProviderSuite, Peer, asking, done, text_of
from tests.conformance.model_provider_remote import SECOND, WRONG, RemotePromises
from tests.fakes.model_server import Answer, Fault, ModelServer


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer(keys={"sk-test-first-0001", SECOND}) as server:
        yield server


@pytest.fixture
async def peer(server: ModelServer) -> AsyncIterator[Peer]:
    http = ModelHttp(idle=0.5, private_hosts=[f"127.0.0.1:{server.port}"])
    url = f"{server.url}/v1"
    yield Peer(Compatible(http), lambda key: ProviderCredential(Secret(key), url), server)
    await http.aclose()


class TestCompatible(RemotePromises, ModelProviderSuite):
    wants_base_url = True

    @pytest.fixture
    def peer(self, peer: Peer) -> Peer:
        return peer


async def test_missing_usage_is_tolerated(peer: Peer, server: ModelServer) -> None:
    server.script(Answer("Hi", tell_usage=False))
    events = await peer.ask(asking("hello"))
    assert text_of(events) == "Hi"
    assert done(events).usage == Usage()


@pytest.mark.parametrize("refused", [{"max_tokens"}, {"stream_options"}, {"max_tokens", "max_completion_tokens"}])
async def test_a_server_that_refuses_a_parameter_is_asked_without_it(
    peer: Peer, server: ModelServer, refused: set[str]
) -> None:
    server.refuse_parameters = frozenset(refused)
    for _ in range(2):
        assert text_of(await peer.ask(asking("hello", effort=Effort.LOW))) == "You said: hello"
    assert len(server.calls) == 2 + len(refused)  # the second request knows
    body = server.calls[-1].body
    assert not refused & body.keys()
    assert body["reasoning_effort"] == "low"
    assert ("max_completion_tokens" in body) is (refused == {"max_tokens"})


async def test_what_can_not_be_left_out_is_refused(peer: Peer, server: ModelServer) -> None:
    server.refuse_parameters = frozenset({"messages"})
    with pytest.raises(RequestRefused):
        await peer.ask(asking("hello"))
    assert len(server.calls) == 1


async def test_without_a_listing_one_token_tells_whether_the_key_is_taken(peer: Peer, server: ModelServer) -> None:
    server.models_missing = True
    await peer.provider.verify(peer.credential(peer.key))
    assert [call.body["max_tokens"] for call in server.calls] == [1]
    with pytest.raises(KeyRejected):
        await peer.provider.verify(peer.credential(WRONG))
    assert await peer.provider.models(peer.credential(peer.key)) == ()


async def test_a_listing_that_anybody_may_read_proves_no_key(peer: Peer, server: ModelServer) -> None:
    server.listing_is_public = True
    server.script(Answer(fault=Fault.MODEL_GONE))
    await peer.provider.verify(peer.credential(peer.key))
    with pytest.raises(KeyRejected):
        await peer.provider.verify(peer.credential(WRONG))


async def test_without_a_listing_an_overloaded_server_proves_nothing(peer: Peer, server: ModelServer) -> None:
    server.models_missing = True
    server.script(Answer(fault=Fault.OVERLOADED))
    with pytest.raises(Overloaded):
        await peer.provider.verify(peer.credential(peer.key))


async def test_a_base_url_with_a_wrong_path_is_said_to_be_wrong(peer: Peer, server: ModelServer) -> None:
    with pytest.raises(Unreachable, match="/v1"):
        await peer.provider.verify(ProviderCredential(Secret(peer.key), f"{server.url}/api"))


async def test_a_base_url_that_is_no_longer_allowed_gets_no_key(server: ModelServer) -> None:
    http = ModelHttp()
    provider = Compatible(http)
    key = ProviderCredential(Secret("sk-test-first-0001"), f"{server.url}/v1")
    with pytest.raises(Unreachable, match="https"):
        _ = [event async for event in provider.stream(asking("hello"), key=key)]
    assert server.calls == []
    await http.aclose()


async def test_the_address_of_a_call_is_taken_for_the_base_url(peer: Peer, server: ModelServer) -> None:
    url = f"{server.url}/v1/chat/completions/"
    key = ProviderCredential(Secret(peer.key), url)
    assert [event async for event in peer.provider.stream(asking("hello"), key=key)]
    assert server.calls[0].path == "/v1/chat/completions"


async def test_azures_path_works(peer: Peer, server: ModelServer) -> None:
    key = ProviderCredential(Secret(peer.key), f"{server.url}/openai/v1/")
    await peer.provider.verify(key)
    assert [event async for event in peer.provider.stream(asking("hello"), key=key)]


async def test_azures_listing_is_not_what_answers_there() -> None:
    http = ModelHttp()
    key = ProviderCredential(Secret("sk-test-first-0001"), "https://office.openai.azure.com/openai/v1")
    assert await Compatible(http).models(key) == ()  # deployments have names of their own, so any name may be right
    await http.aclose()


async def test_somebody_must_choose_among_families_that_nobody_knows(peer: Peer, server: ModelServer) -> None:
    server.models = ["llama-4-maverick", "qwen-4-max"]
    assert peer.provider.best(await peer.provider.models(peer.credential(peer.key))) is None
    server.models = ["llama-4-maverick", "nomic-embed-text"]
    only = peer.provider.best(await peer.provider.models(peer.credential(peer.key)))
    assert only is not None
    assert only.id == "llama-4-maverick"
