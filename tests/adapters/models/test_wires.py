"""Reading streams that nobody should send: whatever comes, the answer is whole or has one of our names."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.models import anthropic_wire, chat_wire, responses_wire
from adapters.models.errors import streamed
from app.domain.run import ModelDone, ModelEvent, OpaquePart, Stop, TextPart, ToolCall
from app.errors import ProviderError

Read = Callable[[AsyncIterator[Any]], AsyncGenerator[ModelEvent]]

WORDS = [
    "type", "message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop", "text_delta", "delta",
    "index", "content_block", "message", "usage", "text", "input_json_delta", "partial_json", "tool_use", "stop_reason",
    "response.output_text.delta", "response.output_item.done", "response.completed", "response.failed", "error", "item", "response",
    "output", "function_call", "call_id", "name", "arguments", "choices", "content", "tool_calls", "function", "finish_reason", "id",
]  # fmt: skip
KEYS = st.sampled_from(WORDS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | KEYS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


class Stream:
    """A stream of these events, as the SDKs have it."""

    def __init__(self, events: list[Any]) -> None:
        self._events = iter(events)
        self.closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        for event in self._events:
            return event
        raise StopAsyncIteration

    async def close(self) -> None:
        self.closed = True


async def opened(stream: Stream) -> Stream:
    return stream


async def heard(read: Read, *events: Any) -> ModelDone:
    told = [event async for event in streamed(opened(Stream(list(events))), read)]
    assert isinstance(told[-1], ModelDone)
    return told[-1]


@pytest.mark.parametrize("read", [anthropic_wire.read, responses_wire.read, chat_wire.read])
@given(events=st.lists(JSON, max_size=6))
async def test_whatever_comes_ends_in_a_whole_answer_or_in_an_error_of_ours(read: Read, events: list[Any]) -> None:
    stream = Stream(events)
    told: list[ModelEvent] = []
    try:
        async for event in streamed(opened(stream), read):
            told.append(event)  # noqa: PERF401 - kept until it breaks
    except ProviderError:
        assert not any(isinstance(event, ModelDone) for event in told)
    else:
        assert isinstance(told[-1], ModelDone)
    assert stream.closed


async def test_whole_calls_without_an_index_are_kept_apart() -> None:
    calls = [{"id": f"c-{n}", "function": {"name": f"tool_{n}", "arguments": "{}"}} for n in (1, 2)]
    chunks = [{"model": "m", "choices": [{"delta": {"tool_calls": [call]}}]} for call in calls]
    done = await heard(chat_wire.read, *chunks, {"choices": [{"delta": None, "finish_reason": "stop"}]})
    assert [part.id for part in done.message.parts if isinstance(part, ToolCall)] == ["c-1", "c-2"]
    assert done.stop is Stop.TOOL


async def test_content_in_parts_is_read_and_its_thinking_left_out() -> None:
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Yes"}]
    done = await heard(chat_wire.read, {"choices": [{"delta": {"content": content}, "finish_reason": "stop"}]})
    assert done.message.parts == (TextPart("Yes"),)


async def test_items_that_are_told_only_at_the_end_are_not_lost() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
    response = {"model": "m", "output": [message], "status": "completed"}
    done = await heard(responses_wire.read, {"type": "response.completed", "response": response})
    assert done.message.parts == (TextPart("Hello"),)
    only_deltas = [
        {"type": "response.output_text.delta", "delta": "Hel"},
        {"type": "response.output_text.delta", "delta": "lo"},
    ]
    done = await heard(responses_wire.read, *only_deltas, {"type": "response.completed", "response": {"output": []}})
    assert done.message.parts == (TextPart("Hello"),)


async def test_a_refusal_is_text_and_a_refusal() -> None:
    item = {"type": "message", "content": [{"type": "refusal", "refusal": "I won't."}]}
    response = {"output": [item], "usage": None}
    events = [
        {"type": "response.refusal.delta", "delta": "I won't."},
        {"type": "response.output_item.done", "item": item},
        {"type": "response.completed", "response": response},
    ]
    done = await heard(responses_wire.read, *events)
    assert (done.message.parts, done.stop) == ((TextPart("I won't."),), Stop.REFUSED)


async def test_redacted_thinking_and_blocks_of_tomorrow_are_kept_as_they_are() -> None:
    blocks = [{"type": "redacted_thinking", "data": "c2VhbGVk"}, {"type": "something_new", "x": [1, 2]}]
    events = [{"type": "content_block_start", "index": at, "content_block": block} for at, block in enumerate(blocks)]
    done = await heard(anthropic_wire.read, *events, {"type": "message_stop"})
    assert [dict(part.data) for part in done.message.parts if isinstance(part, OpaquePart)] == blocks
