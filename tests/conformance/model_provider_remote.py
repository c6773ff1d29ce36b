"""What a ModelProvider behind a network promises beside: about keys, failures and connections."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable

import pytest

from app.domain.run import (
    ModelDone,
    ModelMessage,
    OpaquePart,
    Role,
    Stop,
    TextDelta,
    ToolCall,
    ToolResult,
    Usage,
)
from app.errors import (
    BadAnswer,
    ContextTooLong,
    CutOff,
    KeyRejected,
    ModelGone,
    NoCredit,
    NoKey,
    NotPermitted,
    Overloaded,
    ProviderError,
    RateLimited,
    RequestRefused,
    TimedOut,
    Unreachable,
)
from tests.conformance.model_provider import CLOCK, Peer, asking, done, going_on, text_of
from tests.fakes.model_server import Answer, Fault, ModelServer, Tool

SECOND = "sk-test-second-0002"
WRONG = "sk-test-wrong-9999"
NAMES = {
    Fault.UNAUTHORIZED: KeyRejected,
    Fault.NO_CREDIT: NoCredit,
    Fault.QUOTA: NoCredit,
    Fault.FORBIDDEN: NotPermitted,
    Fault.MODEL_GONE: ModelGone,
    Fault.TOO_LARGE: ContextTooLong,
    Fault.CONTEXT: ContextTooLong,
    Fault.BAD_REQUEST: RequestRefused,
    Fault.RATE_LIMITED: RateLimited,
    Fault.RATE_LIMITED_BARE: RateLimited,
    Fault.SERVER_ERROR: Overloaded,
    Fault.OVERLOADED: Overloaded,
    Fault.BAD_GATEWAY: Overloaded,
    Fault.STREAM_ERROR: Overloaded,
    Fault.STREAM_OVERLOADED: Overloaded,
    Fault.STREAM_RATE_LIMITED: RateLimited,
    Fault.CUT: CutOff,
    Fault.EOF: CutOff,
    Fault.SILENCE: TimedOut,
    Fault.DEAF: TimedOut,
    Fault.GARBAGE: BadAnswer,
    Fault.HTML: BadAnswer,
    Fault.REDIRECT: Unreachable,
}


def server_of(peer: Peer) -> ModelServer:
    assert peer.server is not None
    return peer.server


async def until(condition: Callable[[], bool]) -> None:
    """Poll, with a deadline."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


class RemotePromises:
    """Bind beside ModelProviderSuite. The server accepts `Peer.key` and SECOND; the provider waits a second at most for the next chunk."""

    async def test_the_given_key_is_used_and_no_other(self, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
        """ABU-01: there is no platform key."""
        host = "sk-test-host-of-the-operator"
        for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
            monkeypatch.setenv(name, host)
        for name in ("ANTHROPIC_CUSTOM_HEADERS", "OPENAI_CUSTOM_HEADERS"):
            monkeypatch.setenv(name, f"authorization: Bearer {host}\nX-API-Key: {host}\nX-Else: {host}")
        for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
            monkeypatch.setenv(name, host)
        for name in ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        await peer.provider.verify(peer.credential(peer.key))
        await peer.provider.models(peer.credential(peer.key))
        await peer.ask(asking("hello"))
        server = server_of(peer)
        sent = [*server.calls, *(call for call in server.listings if call.key)]
        assert {call.key for call in sent} == {peer.key}
        assert not any(host in value for call in sent for value in call.headers.values())

    async def test_without_a_key_nothing_is_sent(self, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-host")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-host")
        with pytest.raises(NoKey):
            _ = [event async for event in peer.provider.stream(asking("hello"), key=None)]
        with pytest.raises(NoKey):
            await peer.provider.models(None)
        assert not server_of(peer).calls
        assert not server_of(peer).listings

    async def test_two_keys_do_not_mix(self, peer: Peer) -> None:
        keys = [peer.key, SECOND] * 10
        await asyncio.gather(*(peer.ask(asking(f"I am {key}"), key=key) for key in keys))
        calls = server_of(peer).calls
        assert len(calls) == len(keys)
        assert all(call.said == f"I am {call.key}" for call in calls)

    async def test_cookies_of_one_key_never_go_out_under_another(self, peer: Peer) -> None:
        server_of(peer).cookie = "session=of-the-first-key; Path=/"
        await peer.ask(asking("hello"))
        await peer.ask(asking("hello"), key=SECOND)
        assert not any("cookie" in (name.lower() for name in call.headers) for call in server_of(peer).calls)

    async def test_nothing_is_told_about_this_machine(self, peer: Peer) -> None:
        await peer.ask(asking("hello"))
        names = {name.lower() for name in server_of(peer).calls[0].headers}
        assert not any(name.startswith("x-stainless") for name in names)

    async def test_verify_spends_nothing(self, peer: Peer) -> None:
        await peer.provider.verify(peer.credential(peer.key))
        assert server_of(peer).calls == []

    async def test_verify_refuses_a_bad_key(self, peer: Peer) -> None:
        with pytest.raises(KeyRejected):
            await peer.provider.verify(peer.credential(WRONG))

    async def test_verify_ends_in_the_time_it_is_given(self, peer: Peer) -> None:
        server_of(peer).listing_delay = 30
        began = time.monotonic()
        with pytest.raises(TimedOut):
            await peer.provider.verify(peer.credential(peer.key), timeout=0.2)
        assert time.monotonic() - began < 0.9

    @pytest.mark.parametrize("fault", [Fault.HTML, Fault.SERVER_ERROR, Fault.RATE_LIMITED, Fault.REDIRECT])
    async def test_what_is_no_listing_verifies_nothing(self, peer: Peer, fault: Fault) -> None:
        server_of(peer).listing_fault = fault
        server_of(peer).redirect_to = server_of(peer).url
        with pytest.raises(NAMES[fault]):
            await peer.provider.verify(peer.credential(peer.key))

    async def test_trying_a_model_spends_nothing_and_names_what_stands_in_the_way(self, peer: Peer) -> None:
        key, server = peer.credential(peer.key), server_of(peer)
        model = (await peer.provider.models(key))[0].id
        await peer.provider.try_model(key, model)
        with pytest.raises(ModelGone):
            await peer.provider.try_model(key, "model-of-nobody")
        with pytest.raises(KeyRejected):
            await peer.provider.try_model(peer.credential(WRONG), model)
        server.listing_fault = Fault.SERVER_ERROR
        with pytest.raises(Overloaded):
            await peer.provider.try_model(key, model)
        assert server.calls == []
        assert {call.key for call in server.listings} == {peer.key, WRONG}

    async def test_where_no_free_call_tells_nothing_is_claimed(self, peer: Peer) -> None:
        server_of(peer).models_missing = True
        assert await peer.provider.try_model(peer.credential(peer.key), "m-1") is False
        assert server_of(peer).calls == []

    async def test_trying_a_model_ends_in_the_time_it_is_given(self, peer: Peer) -> None:
        server_of(peer).listing_delay = 30
        began = time.monotonic()
        with pytest.raises(TimedOut):
            await peer.provider.try_model(peer.credential(peer.key), "m-1", timeout=0.2)
        assert time.monotonic() - began < 0.9

    @pytest.mark.parametrize("fault", NAMES)
    async def test_failures_get_our_names_and_never_quote_the_key(self, peer: Peer, fault: Fault) -> None:
        server_of(peer).script(Answer("Well, ", "this", fault=fault))
        with pytest.raises(ProviderError) as failure:
            await peer.ask(asking("hello"))
        assert type(failure.value) is NAMES[fault]
        assert peer.key not in "".join(traceback.format_exception(failure.value))
        assert failure.value.__cause__ is None
        assert failure.value.__context__ is None
        assert len(server_of(peer).calls) == 1  # nothing is tried again behind our back

    async def test_the_wait_that_a_limit_asks_for_is_told(self, peer: Peer) -> None:
        server_of(peer).script(Answer(fault=Fault.RATE_LIMITED), Answer(fault=Fault.RATE_LIMITED_BARE))
        waits = []
        for _ in range(2):
            with pytest.raises(RateLimited) as limited:
                await peer.ask(asking("hello"))
            waits.append(limited.value.retry_after)
        assert waits == [7.0, None]

    async def test_text_before_a_break_was_streamed(self, peer: Peer) -> None:
        server_of(peer).script(Answer("One ", "two ", "three", fault=Fault.CUT, fault_after=2))
        told: list[object] = []

        async def listen() -> None:
            async for event in peer.provider.stream(asking("count"), key=peer.credential(peer.key)):
                told.append(event)  # noqa: PERF401 - what came before the break is to be kept

        with pytest.raises(CutOff):
            await listen()
        assert told == [TextDelta("One "), TextDelta("two ")]

    async def test_a_redirect_is_not_followed(self, peer: Peer) -> None:
        """EGR-20: the key stays with the origin that it was set for."""
        async with ModelServer() as elsewhere:
            server_of(peer).redirect_to = elsewhere.url
            server_of(peer).script(Answer(fault=Fault.REDIRECT))
            with pytest.raises(Unreachable):
                await peer.ask(asking("hello"))
            assert elsewhere.calls == []

    async def test_closing_the_stream_early_closes_the_connection(self, peer: Peer) -> None:
        server_of(peer).script(Answer(*("word " for _ in range(1000)), delay=0.01))
        stream = peer.provider.stream(asking("talk"), key=peer.credential(peer.key))
        async for event in stream:
            assert isinstance(event, TextDelta)
            break
        await stream.aclose()  # type: ignore[attr-defined] # the port promises that closing closes
        await until(lambda: server_of(peer).calls[0].aborted)

    async def test_cancelling_closes_the_connection(self, peer: Peer) -> None:
        server_of(peer).script(Answer("word ", fault=Fault.SILENCE))
        task = asyncio.create_task(peer.ask(asking("talk")))
        await until(lambda: bool(server_of(peer).calls))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: server_of(peer).calls[0].aborted)

    async def test_a_finished_answer_leaves_its_connection_to_the_next(self, peer: Peer) -> None:
        await peer.ask(asking("hello"))
        await peer.ask(asking("hello"))
        assert server_of(peer).connections == 1

    async def test_the_request_says_what_was_asked(self, peer: Peer) -> None:
        await peer.ask(asking("hello there", model="m-7", tools=(CLOCK,), max_output_tokens=77))
        (call,) = server_of(peer).calls
        assert call.model == "m-7"
        assert call.said == "hello there"
        assert "Be brief." in str(call.body)
        assert 77 in call.body.values()
        assert "current_time" in str(call.body["tools"])

    async def test_tool_results_go_back_with_their_calls(self, peer: Peer) -> None:
        both = (Tool("current_time", {"time_zone": "UTC"}, id="c-1"), Tool("current_time", id="c-2"))
        server_of(peer).script(Answer("Let me look. ", tools=both), Answer("Noon."))
        request = asking("What time is it?", tools=(CLOCK,))
        first = done(await peer.ask(request))
        calls = [part for part in first.message.parts if isinstance(part, ToolCall)]
        assert [(call.id, dict(call.arguments)) for call in calls] == [("c-1", {"time_zone": "UTC"}), ("c-2", {})]
        results = [ToolResult("c-1", "12:00"), ToolResult("c-2", "no clock", is_error=True)]
        assert text_of(await peer.ask(going_on(request, first, *results))) == "Noon."
        body = str(server_of(peer).calls[1].body)
        assert all(word in body for word in ("Let me look.", "c-1", "c-2", "12:00", "no clock"))

    async def test_malformed_arguments_are_marked(self, peer: Peer) -> None:
        server_of(peer).script(Answer(tools=(Tool("current_time", raw='{"time_zone": '),)))
        (call,) = done(await peer.ask(asking("time?", tools=(CLOCK,)))).message.parts
        assert isinstance(call, ToolCall)
        assert call.malformed
        assert call.arguments == {}

    async def test_every_count_of_usage_arrives(self, peer: Peer) -> None:
        counts = {"input": 100, "output": 20, "cached": 64, "reasoning": 5}
        server_of(peer).script(Answer("Hi", tokens=counts))
        assert done(await peer.ask(asking("hello"))).usage == Usage(100, 20, cached_read=64, reasoning=5)

    @pytest.mark.parametrize("stop", [Stop.LENGTH, Stop.REFUSED])
    async def test_why_it_ended_is_told(self, peer: Peer, stop: Stop) -> None:
        server_of(peer).script(Answer("I", stop=stop.value))
        assert done(await peer.ask(asking("hello"))).stop is stop

    async def test_only_what_can_chat_is_listed_the_best_first(self, peer: Peer) -> None:
        models = await peer.provider.models(peer.credential(peer.key))
        assert models
        words = ("embedding", "whisper", "tts", "image", "audio", "realtime", "moderation", "dall", "sora", "instruct")
        assert not any(word in model.id for model in models for word in words)
        assert peer.provider.best(models) in (models[0], None)

    async def test_a_listing_is_refused_with_our_names_too(self, peer: Peer) -> None:
        with pytest.raises(KeyRejected):
            await peer.provider.models(peer.credential(WRONG))

    async def test_another_vendors_opaque_parts_are_left_out(self, peer: Peer) -> None:
        foreign = OpaquePart("nobody", {"type": "thinking", "secret": "of-another-vendor"})
        said = ModelMessage(Role.ASSISTANT, (foreign, ToolCall("c", "current_time", {})))
        first = ModelDone(said, Stop.TOOL, Usage(), "m")
        await peer.ask(going_on(asking("hello", tools=(CLOCK,)), first, ToolResult("c", "noon")))
        assert "of-another-vendor" not in str(server_of(peer).calls[-1].body)
        assert "noon" in str(server_of(peer).calls[-1].body)
