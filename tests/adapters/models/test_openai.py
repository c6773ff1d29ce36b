from collections.abc import AsyncIterator

import pytest

from adapters.models.http import ModelHttp
from adapters.models.openai import OpenAI
from app.domain.agent import Effort
from app.domain.keys import ProviderCredential
from app.domain.run import OpaquePart, ToolResult
from app.domain.secrets import Secret
from app.errors import NotPermitted
from tests.conformance.model_provider import CLOCK, ModelProviderSuite, Peer, asking, done, going_on
from tests.conformance.model_provider_remote import SECOND, RemotePromises
from tests.conformance.model_searches import SearchPromises
from tests.conformance.model_talks import TalkPromises
from tests.fakes.model_server import Answer, ModelServer, Tool
from tests.fakes.model_streams import signed


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer(keys={"sk-test-first-0001", SECOND}) as server:
        yield server


@pytest.fixture
async def peer(server: ModelServer) -> AsyncIterator[Peer]:
    http = ModelHttp(idle=0.5)
    yield Peer(OpenAI(http, base_url=f"{server.url}/v1"), lambda key: ProviderCredential(Secret(key)), server)
    await http.aclose()


class TestOpenAI(RemotePromises, SearchPromises, TalkPromises, ModelProviderSuite):
    thinking = "gpt-6.2-sol"
    searching = "gpt-6.2-sol"
    passages = False

    @pytest.fixture
    def peer(self, peer: Peer) -> Peer:
        return peer


async def test_nothing_is_stored_and_reasoning_comes_back_encrypted(peer: Peer, server: ModelServer) -> None:
    server.script(Answer("Hm. ", thinking="Let me see", tools=(Tool("current_time"),)), Answer("Noon."))
    request = asking("time?", model="gpt-6.2-sol", tools=(CLOCK,))
    first = done(await peer.ask(request))
    reasoning = first.message.parts[0]
    assert isinstance(reasoning, OpaquePart)
    assert reasoning.data["encrypted_content"] == f"sealed:{signed('Let me see')}"
    await peer.ask(going_on(request, first, ToolResult("call_1", "noon")))
    for call in server.calls:
        assert call.body["store"] is False
        assert call.body["include"] == ["reasoning.encrypted_content"]
    kinds = [item.get("type", item.get("role")) for item in server.calls[1].body["input"]]
    assert kinds == ["user", "reasoning", "assistant", "function_call", "function_call_output"]


async def test_the_effort_is_asked_of_models_that_reason(peer: Peer, server: ModelServer) -> None:
    await peer.ask(asking("x", model="gpt-6.2-sol", effort=Effort.LOW))
    await peer.ask(asking("x", model="gpt-4o", effort=Effort.LOW))
    assert server.calls[0].body["reasoning"] == {"effort": "low"}
    assert not {"reasoning", "include"} & server.calls[1].body.keys()


async def test_the_newest_model_is_the_one_to_begin_with(peer: Peer) -> None:
    models = await peer.provider.models(peer.credential(peer.key))
    best = peer.provider.best(models)
    assert best is not None
    assert best.id == "gpt-6.2-sol"


def test_keys_go_to_the_vendor_unless_the_operator_says_otherwise() -> None:
    assert OpenAI(ModelHttp()).origin("") == "https://api.openai.com"
    assert OpenAI(ModelHttp(), base_url="https://proxy.example:8443/v1").origin("") == "https://proxy.example:8443"


async def test_what_the_vendor_runs_for_a_search_is_bounded(peer: Peer, server: ModelServer) -> None:
    await peer.ask(asking("?", model="gpt-4o", web_search=3))
    body = server.calls[0].body
    assert (body["max_tool_calls"], body["include"]) == (3, ["web_search_call.action.sources"])


async def test_a_family_tells_how_much_a_model_takes_in_and_whether_it_thinks(peer: Peer) -> None:
    models = {model.id: model for model in await peer.provider.models(peer.credential(peer.key))}
    told = {name: (models[name].context_window, models[name].efforts) for name in ("gpt-6.2-sol", "gpt-4o", "o4-mini")}
    every = ("low", "medium", "high")
    assert told == {"gpt-6.2-sol": (272_000, every), "gpt-4o": (128_000, ()), "o4-mini": (200_000, every)}


async def test_a_model_that_the_key_may_not_use_is_told_from_one_that_is_gone(peer: Peer, server: ModelServer) -> None:
    server.forbidden = {(peer.key, "gpt-5.4")}
    with pytest.raises(NotPermitted):
        await peer.provider.try_model(peer.credential(peer.key), "gpt-5.4")
    assert await peer.provider.try_model(peer.credential(SECOND), "gpt-5.4")
