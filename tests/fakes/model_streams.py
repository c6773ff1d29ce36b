"""How each vendor streams one answer: the events of a Messages, a Responses and a Chat Completions stream."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from tests.fakes.model_searches import Cited, Sealed, Search, annotation, call_and_result, citation, search_item
from tests.fakes.model_wire import ANTHROPIC, EPOCH, RESPONSES, Body, sse


def signed(text: str) -> str:
    """A vendor's mark on what a model thought."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()


class AnthropicStream:
    """The events of one Messages stream."""

    def __init__(self, model: str, tokens: dict[str, int], sealed: Sealed) -> None:
        self._model = model
        self._tokens = tokens
        self._sealed = sealed
        self._searches = 0
        self._thought: Body | None = None
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
        deltas = [{"type": "thinking_delta", "thinking": text}, {"type": "signature_delta", "signature": signed(text)}]
        yield from self._block({"type": "thinking", "thinking": "", "signature": ""}, deltas)
        self._thought = {"type": "thinking", "thinking": text, "signature": signed(text)}
        self._sealed.remember(self._thought)

    def text(self, chunks: Iterable[str]) -> Iterator[bytes]:
        """A text block, one delta a chunk."""
        yield from self._block(
            {"type": "text", "text": ""}, ({"type": "text_delta", "text": chunk} for chunk in chunks)
        )

    def search(self, search: Search) -> Iterator[bytes]:
        """A search that the vendor makes itself, and what it finds."""
        self._searches += 1
        call, result = call_and_result(search, f"srvtoolu_{self._index + 1}")
        query = {"query": search.query}
        yield from self._block(call, [{"type": "input_json_delta", "partial_json": json.dumps(query)}])
        yield from self._block(result, [])
        self._sealed.remember({**call, "input": query})
        self._sealed.remember(result)

    def cited(self, cited: Cited) -> Iterator[bytes]:
        """A text block that rests on a page."""
        note = citation(cited)
        deltas: list[Body] = [{"type": "citations_delta", "citation": note}, {"type": "text_delta", "text": cited.text}]
        yield from self._block({"type": "text", "text": "", "citations": []}, deltas)
        self._sealed.remember({"type": "text", "text": cited.text, "citations": [note]})

    def tool(self, call_id: str, name: str, arguments: str) -> Iterator[bytes]:
        """A tool call, its arguments in two pieces."""
        self._sealed.thought_before(call_id, self._thought)
        half = len(arguments) // 2
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in (arguments[:half], arguments[half:])]
        yield from self._block({"type": "tool_use", "id": call_id, "name": name, "input": {}}, deltas)

    def end(self, stop: str) -> Iterator[bytes]:
        """Why it ended, and the usage."""
        reasons = {"end": "end_turn", "tool": "tool_use", "length": "max_tokens", "refused": "refusal"}
        reason = {**reasons, "pause": "pause_turn"}[stop]
        usage: Body = {
            "output_tokens": self._tokens["output"],
            "output_tokens_details": {"thinking_tokens": self._tokens["reasoning"]},
        }
        if self._searches:
            usage["server_tool_use"] = {"web_search_requests": self._searches, "web_fetch_requests": 0}
        yield sse(
            {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage},
            "message_delta",
        )
        yield sse({"type": "message_stop"}, "message_stop")


class ResponsesStream:
    """The events of one Responses stream. `sources` says that the request wants to know what a search found."""

    def __init__(self, model: str, tokens: dict[str, int], sealed: Sealed, *, sources: bool) -> None:
        self._model = model
        self._tokens = tokens
        self._sealed = sealed
        self._sources = sources
        self._searches = 0
        self._thought: Body | None = None
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
        self._thought = {**item, "encrypted_content": f"sealed:{signed(text)}"}
        self._sealed.remember(self._thought)
        yield from self._item({**item, "encrypted_content": "partial"}, [], {**self._thought, "status": "completed"})

    def search(self, search: Search) -> Iterator[bytes]:
        """A search that the vendor makes itself."""
        self._searches += 1
        done = search_item(search, f"ws_{len(self._output)}", sources=self._sources)
        states = ("in_progress", "searching", "completed")
        middle: list[tuple[str, Body]] = [(f"response.web_search_call.{state}", {}) for state in states]
        yield from self._item({"id": done["id"], "type": done["type"], "status": "in_progress"}, middle, done)
        self._sealed.remember(done)

    def cited(self, cited: Cited) -> Iterator[bytes]:
        """A message that rests on a page."""
        yield from self.text([cited.text], [annotation(cited, 0)])

    def text(self, chunks: Iterable[str], annotations: Iterable[Body] = ()) -> Iterator[bytes]:
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
            for at, note in enumerate(annotations):
                done["content"][0]["annotations"].append(note)
                yield "response.output_text.annotation.added", {**where, "annotation_index": at, "annotation": note}
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
        self._sealed.thought_before(call_id, self._thought)
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
        more: Body = {"tool_usage": {"web_search": {"num_requests": self._searches}}} if self._searches else {}
        yield self._event(
            f"response.{status}", response=self._response(status, usage=usage, incomplete_details=details, **more)
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

    def search(self, search: Search) -> Iterator[bytes]:
        """There is none in this protocol."""
        raise NotImplementedError

    def cited(self, cited: Cited) -> Iterator[bytes]:
        """Nor is there anything to cite."""
        raise NotImplementedError

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


def wire_stream(protocol: str, body: Body, tokens: dict[str, int], sealed: Sealed, *, tell_usage: bool) -> WireStream:
    """The writer of one answer in the request's own protocol."""
    model = str(body.get("model", ""))
    if protocol == ANTHROPIC:
        return AnthropicStream(model, tokens, sealed)
    if protocol == RESPONSES:
        wanted = body.get("include") or ()
        return ResponsesStream(model, tokens, sealed, sources="web_search_call.action.sources" in wanted)
    asked = bool((body.get("stream_options") or {}).get("include_usage"))
    return ChatStream(model, tokens, with_usage=asked and tell_usage)
