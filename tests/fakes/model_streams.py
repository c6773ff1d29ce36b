"""How each vendor streams one answer: the events of a Messages, a Responses and a Chat Completions stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.fakes.model_wire import ANTHROPIC, EPOCH, RESPONSES, Body, sse


class AnthropicStream:
    """The events of one Messages stream."""

    def __init__(self, model: str, tokens: dict[str, int]) -> None:
        self._model = model
        self._tokens = tokens
        self._index = -1

    def start(self) -> Iterator[bytes]:
        """What comes before any content."""
        cached = {
            "cache_read_input_tokens": self._tokens["cached"],
            "cache_creation_input_tokens": self._tokens["written"],
        }
        fresh = self._tokens["input"] - self._tokens["cached"] - self._tokens["written"]
        head: Body = {
            "id": "msg_fake",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": self._model,
            "stop_reason": None,
        }
        usage = {"input_tokens": fresh, "output_tokens": 1, **cached}
        yield sse(
            {"type": "message_start", "message": {**head, "stop_sequence": None, "usage": usage}}, "message_start"
        )
        yield sse({"type": "ping"}, "ping")

    def _block(self, block: Body, deltas: Iterable[Body]) -> Iterator[bytes]:
        self._index += 1
        yield sse({"type": "content_block_start", "index": self._index, "content_block": block}, "content_block_start")
        for delta in deltas:
            yield sse({"type": "content_block_delta", "index": self._index, "delta": delta}, "content_block_delta")
        yield sse({"type": "content_block_stop", "index": self._index}, "content_block_stop")

    def thinking(self, text: str) -> Iterator[bytes]:
        """A thinking block with its signature."""
        deltas = [{"type": "thinking_delta", "thinking": text}, {"type": "signature_delta", "signature": "c2lnbmVk"}]
        yield from self._block({"type": "thinking", "thinking": "", "signature": ""}, deltas)

    def text(self, chunks: Iterable[str]) -> Iterator[bytes]:
        """A text block, one delta a chunk."""
        yield from self._block(
            {"type": "text", "text": ""}, ({"type": "text_delta", "text": chunk} for chunk in chunks)
        )

    def tool(self, call_id: str, name: str, arguments: str) -> Iterator[bytes]:
        """A tool call, its arguments in two pieces."""
        half = len(arguments) // 2
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in (arguments[:half], arguments[half:])]
        yield from self._block({"type": "tool_use", "id": call_id, "name": name, "input": {}}, deltas)

    def end(self, stop: str) -> Iterator[bytes]:
        """Why it ended, and the usage."""
        reason = {"end": "end_turn", "tool": "tool_use", "length": "max_tokens", "refused": "refusal"}[stop]
        usage = {
            "output_tokens": self._tokens["output"],
            "output_tokens_details": {"thinking_tokens": self._tokens["reasoning"]},
        }
        yield sse(
            {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage},
            "message_delta",
        )
        yield sse({"type": "message_stop"}, "message_stop")


class ResponsesStream:
    """The events of one Responses stream."""

    def __init__(self, model: str, tokens: dict[str, int]) -> None:
        self._model = model
        self._tokens = tokens
        self._sequence = -1
        self._output: list[Body] = []

    def _event(self, kind: str, **fields: Any) -> bytes:
        self._sequence += 1
        return sse({"type": kind, "sequence_number": self._sequence, **fields}, kind)

    def _response(self, status: str, **fields: Any) -> Body:
        head = {
            "id": "resp_fake",
            "object": "response",
            "created_at": EPOCH,
            "status": status,
            "model": self._model,
            "error": None,
        }
        return {
            **head,
            "output": list(self._output),
            "incomplete_details": None,
            "usage": None,
            "store": False,
            **fields,
        }

    def start(self) -> Iterator[bytes]:
        """What comes before any content."""
        yield self._event("response.created", response=self._response("in_progress"))
        yield self._event("response.in_progress", response=self._response("in_progress"))

    def _item(self, added: Body, middle: Iterable[tuple[str, Body]], done: Body) -> Iterator[bytes]:
        place = {"output_index": len(self._output)}
        yield self._event("response.output_item.added", item=added, **place)
        for kind, fields in middle:
            yield self._event(kind, item_id=added["id"], **place, **fields)
        self._output.append(done)
        yield self._event("response.output_item.done", item=done, **place)

    def thinking(self, text: str) -> Iterator[bytes]:
        """An encrypted reasoning item."""
        item = {"id": f"rs_{len(self._output)}", "type": "reasoning", "summary": []}
        sealed = {**item, "encrypted_content": f"sealed:{len(text)}", "status": "completed"}
        yield from self._item({**item, "encrypted_content": "partial"}, [], sealed)

    def text(self, chunks: Iterable[str]) -> Iterator[bytes]:
        """A message item, one delta a chunk."""
        said: list[str] = []

        def middle() -> Iterator[tuple[str, Body]]:
            where = {"content_index": 0}
            yield (
                "response.content_part.added",
                {**where, "part": {"type": "output_text", "text": "", "annotations": []}},
            )
            for chunk in chunks:
                said.append(chunk)
                done["content"][0]["text"] = "".join(said)
                yield "response.output_text.delta", {**where, "delta": chunk, "logprobs": []}
            yield "response.output_text.done", {**where, "text": "".join(said), "logprobs": []}

        item = {"id": f"msg_{len(self._output)}", "type": "message", "role": "assistant"}
        done: Body = {
            **item,
            "status": "completed",
            "content": [{"type": "output_text", "text": "", "annotations": []}],
        }
        yield from self._item({**item, "status": "in_progress", "content": []}, middle(), done)

    def tool(self, call_id: str, name: str, arguments: str) -> Iterator[bytes]:
        """A function call item, its arguments in two pieces."""
        half = len(arguments) // 2
        middle = [
            ("response.function_call_arguments.delta", {"delta": piece})
            for piece in (arguments[:half], arguments[half:])
        ]
        middle.append(("response.function_call_arguments.done", {"arguments": arguments, "name": name}))
        item = {"id": f"fc_{call_id}", "type": "function_call", "call_id": call_id, "name": name}
        done = {**item, "arguments": arguments, "status": "completed"}
        yield from self._item({**item, "arguments": "", "status": "in_progress"}, middle, done)

    def end(self, stop: str) -> Iterator[bytes]:
        """Why it ended, and the usage."""
        count = self._tokens
        cached = {"cached_tokens": count["cached"], "cache_write_tokens": count["written"]}
        usage = {"input_tokens": count["input"], "input_tokens_details": cached, "output_tokens": count["output"]}
        usage |= {
            "output_tokens_details": {"reasoning_tokens": count["reasoning"]},
            "total_tokens": count["input"] + count["output"],
        }
        why = {"length": "max_output_tokens", "refused": "content_filter"}.get(stop)
        status = "incomplete" if why else "completed"
        details = {"reason": why} if why else None
        yield self._event(
            f"response.{status}", response=self._response(status, usage=usage, incomplete_details=details)
        )


class ChatStream:
    """The chunks of one Chat Completions stream. Without `with_usage` none is told, as many servers do."""

    def __init__(self, model: str, tokens: dict[str, int], *, with_usage: bool) -> None:
        self._model = model
        self._tokens = tokens
        self._with_usage = with_usage
        self._calls = -1

    def _chunk(self, delta: Body, finish: str | None = None) -> bytes:
        head = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": EPOCH, "model": self._model}
        return sse({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def start(self) -> Iterator[bytes]:
        """The role, before any content."""
        yield self._chunk({"role": "assistant", "content": ""})

    def thinking(self, text: str) -> Iterator[bytes]:
        """Reasoning as several servers show it, in a field of its own."""
        yield self._chunk({"reasoning_content": text})

    def text(self, chunks: Iterable[str]) -> Iterator[bytes]:
        """One chunk a chunk."""
        for chunk in chunks:
            yield self._chunk({"content": chunk})

    def tool(self, call_id: str, name: str, arguments: str) -> Iterator[bytes]:
        """A tool call, merged by index, its arguments in two pieces."""
        self._calls += 1
        half = len(arguments) // 2
        first = {"index": self._calls, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
        yield self._chunk({"tool_calls": [first]})
        for piece in (arguments[:half], arguments[half:]):
            yield self._chunk({"tool_calls": [{"index": self._calls, "function": {"arguments": piece}}]})

    def end(self, stop: str) -> Iterator[bytes]:
        """Why it ended, the usage where it was asked for, and the end mark."""
        yield self._chunk(
            {}, {"end": "stop", "tool": "tool_calls", "length": "length", "refused": "content_filter"}[stop]
        )
        if self._with_usage:
            count = self._tokens
            usage = {
                "prompt_tokens": count["input"],
                "completion_tokens": count["output"],
                "total_tokens": count["input"] + count["output"],
            }
            details = {"prompt_tokens_details": {"cached_tokens": count["cached"]}}
            details["completion_tokens_details"] = {"reasoning_tokens": count["reasoning"]}
            head = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": EPOCH, "model": self._model}
            yield sse({**head, "choices": [], "usage": {**usage, **details}})
        yield sse("[DONE]")


WireStream = AnthropicStream | ResponsesStream | ChatStream


def wire_stream(protocol: str, body: Body, tokens: dict[str, int], *, tell_usage: bool) -> WireStream:
    """The writer of one answer in the request's own protocol."""
    model = str(body.get("model", ""))
    if protocol == ANTHROPIC:
        return AnthropicStream(model, tokens)
    if protocol == RESPONSES:
        return ResponsesStream(model, tokens)
    asked = bool((body.get("stream_options") or {}).get("include_usage"))
    return ChatStream(model, tokens, with_usage=asked and tell_usage)
