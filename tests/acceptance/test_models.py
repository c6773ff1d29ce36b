"""Our providers against aimock, which others wrote: each of the three protocols, with tools, thinking and failures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from adapters.models.anthropic import Anthropic
from adapters.models.compatible import Compatible
from adapters.models.http import ModelHttp
from adapters.models.openai import OpenAI
from app.domain.keys import ProviderCredential
from app.domain.run import OpaquePart, Stop, ToolCall, ToolResult
from app.domain.secrets import Secret
from app.errors import CutOff, KeyRejected, NoCredit, Overloaded, ProviderError, RateLimited
from app.ports.providers import ModelProvider
from tests.acceptance.aimock import AiMock, Fixture, answer, tool_call
from tests.conformance.model_provider import CLOCK, Peer, asking, done, going_on, text_of

KEY = "sk-test-aimock-0001"
WORDS = "It was the best of times, it was the worst of times."

USAGE = {"input_tokens": 12, "output_tokens": 34, "prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}


def failing(when: str, status: int, kind: str) -> Fixture:
    error = {"message": f"No, {KEY}", "type": kind, "code": kind}
    return {"match": {"userMessage": when}, "response": {"error": error, "status": status}}


FIXTURES: list[Fixture] = [
    {**answer("be cut", WORDS), "truncateAfterChunks": 2},
    {"match": {"userMessage": "think"}, "response": {"content": "I thought.", "reasoning": "Hm, hm."}},
    failing("limit", 429, "rate_limit_error"),
    failing("broke", 402, "billing_error"),
    failing("busy", 529, "overloaded_error"),
    {"match": {"userMessage": "times", "model": "gpt-6.2-sol"}, "response": {"content": WORDS, "usage": USAGE}},
    *tool_call("clock", "current_time", {"time_zone": "UTC"}, "It is noon."),
]
MAKERS: dict[str, Callable[[ModelHttp, str], tuple[ModelProvider, str]]] = {
    "anthropic": lambda http, url: (Anthropic(http, base_url=url), ""),
    "openai": lambda http, url: (OpenAI(http, base_url=f"{url}/v1"), ""),
    "compatible": lambda http, url: (Compatible(http), f"{url}/v1"),
}


@pytest.fixture(params=MAKERS)
async def peer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Peer]:
    async with AiMock(tmp_path, "models", KEY, FIXTURES) as mock:
        http = ModelHttp(private_hosts=[mock.url.removeprefix("http://")], idle=3)
        provider, base_url = MAKERS[request.param](http, mock.url)
        yield Peer(provider, lambda key: ProviderCredential(Secret(key), base_url), key=KEY)
        await http.aclose()


async def test_text_streams_and_usage_arrives(peer: Peer) -> None:
    events = await peer.ask(asking("the times?", model="gpt-6.2-sol"))
    assert text_of(events) == WORDS
    assert len(events) > 2
    last = done(events)
    assert (last.stop, last.model) == (Stop.END, "gpt-6.2-sol")
    assert (last.usage.input_tokens, last.usage.output_tokens) == (12, 34)


async def test_a_tool_goes_there_and_back(peer: Peer) -> None:
    request = asking("ask the clock", tools=(CLOCK,))
    first = done(await peer.ask(request))
    (call,) = (part for part in first.message.parts if isinstance(part, ToolCall))
    assert (first.stop, call.name, dict(call.arguments)) == (Stop.TOOL, "current_time", {"time_zone": "UTC"})
    assert text_of(await peer.ask(going_on(request, first, ToolResult(call.id, "noon")))) == "It is noon."


async def test_thinking_is_no_part_of_the_answer(peer: Peer) -> None:
    events = await peer.ask(asking("think", model="gpt-6.2-sol"))
    assert text_of(events) == "I thought."
    opaque = [part for part in done(events).message.parts if isinstance(part, OpaquePart)]
    assert len(opaque) == (0 if peer.provider.name == "compatible" else 1)


@pytest.mark.parametrize(
    ("words", "expected"),
    [("limit me", RateLimited), ("I am broke", NoCredit), ("are you busy", Overloaded), ("be cut off", CutOff)],
)
async def test_failures_get_our_names(peer: Peer, words: str, expected: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as failure:
        await peer.ask(asking(words))
    assert type(failure.value) is expected
    assert KEY not in str(failure.value)


async def test_the_listing_tells_whether_a_key_is_taken(peer: Peer) -> None:
    await peer.provider.verify(peer.credential(KEY))
    with pytest.raises(KeyRejected):
        await peer.provider.verify(peer.credential("sk-test-wrong-9999"))
    models = await peer.provider.models(peer.credential(KEY))
    assert "gpt-6.2-sol" in {model.id for model in models}
