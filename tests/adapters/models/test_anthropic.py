from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.models.anthropic import Anthropic
from adapters.models.anthropic_abilities import Abilities, limited
from adapters.models.http import ModelHttp
from app.domain.agent import Effort
from app.domain.keys import ProviderCredential
from app.domain.run import ModelMessage, ModelRequest, OpaquePart, Role, Stop, TextPart, ToolCall, ToolResult, Usage
from app.domain.secrets import Secret
from app.errors import ModelGone, NotPermitted
from tests.conformance.model_provider import CLOCK, ModelProviderSuite, Peer, asking, done, going_on
from tests.conformance.model_provider_remote import SECOND, RemotePromises
from tests.conformance.model_searches import SearchPromises
from tests.conformance.model_talks import TalkPromises
from tests.fakes.model_server import Answer, Cited, ModelServer, Search, Tool
from tests.fakes.model_streams import signed


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer(keys={"sk-test-first-0001", SECOND}) as server:
        yield server


@pytest.fixture
async def peer(server: ModelServer) -> AsyncIterator[Peer]:
    http = ModelHttp(idle=0.5)
    yield Peer(Anthropic(http, base_url=server.url), lambda key: ProviderCredential(Secret(key)), server)
    await http.aclose()


class TestAnthropic(RemotePromises, SearchPromises, TalkPromises, ModelProviderSuite):
    thinking = "claude-sonnet-5-5"
    searching = "claude-sonnet-5-5"
    passages = True

    @pytest.fixture
    def peer(self, peer: Peer) -> Peer:
        return peer


async def test_thinking_goes_back_unchanged(peer: Peer, server: ModelServer) -> None:
    server.script(Answer("Hm. ", thinking="Let me see", tools=(Tool("current_time"),)), Answer("Noon."))
    request = asking("time?", tools=(CLOCK,))
    first = done(await peer.ask(request))
    thought = {"type": "thinking", "thinking": "Let me see", "signature": signed("Let me see")}
    assert first.message.parts[0] == OpaquePart("anthropic", thought)
    await peer.ask(going_on(request, first, ToolResult("call_1", "noon")))
    assert server.calls[1].body["messages"][1]["content"][0] == thought


async def test_the_effort_is_asked_of_models_that_can_be_told(peer: Peer, server: ModelServer) -> None:
    await peer.ask(asking("x", model="claude-opus-5-5", effort=Effort.HIGH))
    await peer.ask(asking("x", model="claude-mystery-1", effort=Effort.HIGH))
    assert server.calls[0].body["output_config"] == {"effort": "high"}
    assert server.calls[0].body["thinking"] == {"type": "adaptive"}
    assert not {"output_config", "thinking"} & server.calls[1].body.keys()


async def test_a_model_that_takes_budgets_only_thinks_beside_its_answer(peer: Peer, server: ModelServer) -> None:
    old = {"thinking": {"supported": True, "types": {"enabled": {"supported": True}}}}
    row = {**server.anthropic_models[0], "id": "claude-old-1", "max_tokens": 16_000, "capabilities": old}
    server.anthropic_models.append(row)
    await peer.ask(asking("x", model="claude-old-1", effort=Effort.MEDIUM, max_output_tokens=4_000))
    await peer.ask(asking("x", model="claude-old-1", effort=Effort.HIGH, max_output_tokens=4_000))
    await peer.ask(asking("x", model="claude-old-1", max_output_tokens=4_000))
    medium, high, none = (call.body for call in server.calls)
    assert (medium["max_tokens"], medium["thinking"]) == (12_192, {"type": "enabled", "budget_tokens": 8_192})
    assert (high["max_tokens"], high["thinking"]["budget_tokens"]) == (16_000, 12_000)
    assert (none["max_tokens"], none.get("thinking")) == (4_000, None)


def test_a_budget_is_not_asked_for_where_another_model_called_the_tools() -> None:
    known = Abilities(frozenset(), adaptive_thinking=False, budgets=True, max_output=16_000)
    request = asking("time?", tools=(CLOCK,), effort=Effort.MEDIUM)
    call = ToolCall("call_1", "current_time", {})
    thought = OpaquePart("anthropic", {"type": "thinking", "thinking": "Hm.", "signature": signed("Hm.")})
    asked = []
    for parts in ((call,), (thought, call), (TextPart("No tools."),)):
        said = (ModelMessage(Role.ASSISTANT, parts), ModelMessage(Role.USER, (ToolResult("call_1", "noon"),)))
        asked.append("thinking" in limited(replace(request, messages=(*request.messages, *said)), known))
    assert asked == [False, True, True]


async def test_a_model_is_looked_up_once_and_not_at_all_after_a_listing(peer: Peer, server: ModelServer) -> None:
    for _ in range(2):
        await peer.ask(asking("x", model="claude-opus-5-5", effort=Effort.LOW))
    assert [call.path for call in server.listings] == ["/v1/models/claude-opus-5-5"]
    await peer.provider.models(peer.credential(peer.key))
    await peer.ask(asking("x", model="claude-haiku-5-5", effort=Effort.LOW))
    assert len(server.listings) == 2


async def test_no_more_is_asked_of_a_model_than_it_is_known_to_write(peer: Peer, server: ModelServer) -> None:
    request = asking("x", model="claude-opus-5-5", max_output_tokens=100_000)
    await peer.ask(request)
    await peer.provider.models(peer.credential(peer.key))
    await peer.ask(request)
    assert [call.body["max_tokens"] for call in server.calls] == [100_000, 64_000]


async def test_a_model_that_is_gone_is_said_to_be_gone(peer: Peer) -> None:
    with pytest.raises(ModelGone):
        await peer.ask(asking("x", model="claude-none", effort=Effort.LOW))


async def test_the_listing_is_read_to_its_last_page(peer: Peer, server: ModelServer) -> None:
    server.largest_page = 2
    models = await peer.provider.models(peer.credential(peer.key))
    assert len(server.listings) == 4
    assert {call.key for call in server.listings} == {peer.key}
    assert [model.id for model in models] == [
        "claude-sonnet-5-5",
        "claude-opus-5-5",
        "claude-haiku-5-5",
        "claude-sonnet-5",
        "claude-mystery-1",
        "claude-opus-4-8",
    ]


async def test_a_model_is_described_as_the_vendor_describes_it(peer: Peer) -> None:
    models = await peer.provider.models(peer.credential(peer.key))
    best = peer.provider.best(models)
    assert best is not None
    assert (best.name, best.context_window, best.max_output) == ("Claude Sonnet 5.5", 1_000_000, 64_000)
    assert (best.images, best.documents, best.web_search, best.lifecycle) == (True, True, True, "active")
    assert best.created > 0
    assert best.efforts == ("low", "medium", "high")
    mystery = next(model for model in models if model.id == "claude-mystery-1")
    assert (mystery.context_window, mystery.images, mystery.web_search, mystery.efforts) == (0, None, None, None)


async def test_what_will_be_said_again_is_marked_for_the_cache(peer: Peer, server: ModelServer) -> None:
    talk = (
        ModelMessage(Role.USER, (TextPart("one"),)),
        ModelMessage(Role.ASSISTANT, (TextPart("two"),)),
        ModelMessage(Role.USER, (TextPart("three"),)),
    )
    server.script(Answer("four", tokens={"input": 90, "cached": 50, "written": 30}))
    events = await peer.ask(ModelRequest(model="m", system="Be brief.", messages=talk))
    assert done(events).usage == Usage(90, 20, cached_read=50, cached_write=30)
    body = server.calls[0].body
    assert "cache_control" in body["system"][0]
    assert "cache_control" in body["messages"][-1]["content"][-1]
    await peer.ask(asking("alone"))
    assert "cache_control" not in server.calls[1].body["messages"][-1]["content"][-1]


async def test_a_talk_that_begins_with_the_model_still_begins_with_a_person(peer: Peer, server: ModelServer) -> None:
    talk = (
        ModelMessage(Role.ASSISTANT, (TextPart("Good morning"),)),
        ModelMessage(Role.USER, (TextPart("Hi"),)),
        ModelMessage(Role.USER, (TextPart("  "), TextPart("there"))),
    )
    await peer.ask(ModelRequest(model="m", system="", messages=talk))
    body = server.calls[0].body
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert [block["text"] for block in body["messages"][2]["content"]] == ["Hi", "there"]
    assert "system" not in body


async def test_a_gateway_gets_the_key_in_the_older_way_too(peer: Peer, server: ModelServer) -> None:
    await peer.ask(asking("x"))
    headers = {name.lower(): value for name, value in server.calls[0].headers.items()}
    assert headers["x-api-key"] == peer.key
    assert headers["anthropic-version"] == "2023-06-01"


def test_keys_go_to_the_vendor_unless_the_operator_says_otherwise() -> None:
    assert Anthropic(ModelHttp()).origin("") == "https://api.anthropic.com"
    assert Anthropic(ModelHttp(), base_url="http://127.0.0.1:99/x/").origin("") == "http://127.0.0.1:99"


async def test_a_turn_that_the_vendor_paused_is_said_back_as_it_was(peer: Peer, server: ModelServer) -> None:
    cited = Cited(" Found.", "Example", "https://example.com/")
    server.script(Answer("Hm.", searches=(Search("slow"),), cited=(cited,), stop="pause"), Answer("Here it is."))
    request = asking("?", model="claude-sonnet-5-5", tools=(CLOCK,), web_search=3)
    first = done(await peer.ask(request))
    assert first.stop is Stop.PAUSE
    again = replace(request, messages=(*request.messages, first.message))
    assert done(await peer.ask(again)).stop is Stop.END
    said = server.calls[1].body["messages"]
    assert [block["type"] for block in said[1]["content"]] == [
        "server_tool_use",
        "web_search_tool_result",
        "text",
        "text",
    ]
    assert not any("cache_control" in block for block in said[1]["content"])
    assert "cache_control" in said[0]["content"][-1]


async def test_a_search_that_failed_is_no_page(peer: Peer, server: ModelServer) -> None:
    server.script(Answer("I could not look.", searches=(Search("x", error="max_uses_exceeded"),)))
    answer = done(await peer.ask(asking("?", model="claude-sonnet-5-5", web_search=3)))
    assert (answer.sources, answer.found) == ((), ())
    assert isinstance(answer.message.parts[1], OpaquePart)


async def test_what_the_vendor_runs_for_a_search_is_bounded_and_no_code(peer: Peer, server: ModelServer) -> None:
    await peer.ask(asking("?", web_search=3))
    (search,) = server.calls[0].body["tools"]
    assert (search["max_uses"], search["allowed_callers"]) == (3, ["direct"])


async def test_a_model_that_the_key_may_not_use_is_told_from_one_that_is_gone(peer: Peer, server: ModelServer) -> None:
    server.forbidden = {(peer.key, "claude-sonnet-5-5")}
    with pytest.raises(NotPermitted):
        await peer.provider.try_model(peer.credential(peer.key), "claude-sonnet-5-5")
    assert await peer.provider.try_model(peer.credential(SECOND), "claude-sonnet-5-5")
