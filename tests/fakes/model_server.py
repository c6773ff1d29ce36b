"""A fake of three model vendors on loopback: Anthropic Messages, OpenAI Responses, OpenAI-compatible Chat Completions, and `/v1/models`.

In a test, in its own event loop:

    async with ModelServer(keys={"sk-test-one"}) as server:
        server.script(Answer("Hello ", "world"), Answer(tools=(Tool("current_time", {"zone": "UTC"}),)))
        server.script(Answer(fault=Fault.RATE_LIMITED), marker="sudden")   # only for what says "sudden"
        ...                                     # Anthropic: server.url; OpenAI and compatible: server.url + "/v1"
        assert server.calls[0].key == "sk-test-one"

As a process (`python -m tests.fakes.model_server --port 0`): the first line printed is its address; `GET /__control/counts?pattern=M-[0-9]+`
gives, for each match in what people said last, how many model calls began and how many were delivered whole (see model_control.py).

A call takes the next answer scripted for a marker in the person's newest words, else the next one scripted for all, else follows directives
in these words, so that a process can be steered without any script: `[[tool:current_time {"zone": "UTC"}]]`, `[[search:words]]`, `[[fault:cut]]`,
`[[words:300]]`, `[[delay:0.05]]`; else it answers `You said: …`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import re
import sys
import time
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from tests.fakes import model_control
from tests.fakes.model_answers import Answer, Tool, directed, whole
from tests.fakes.model_cache import PromptCache
from tests.fakes.model_faults import IN_STREAM, STREAM_KINDS, Fault, refusal
from tests.fakes.model_searches import Cited, Sealed, Search, offered
from tests.fakes.model_streams import wire_stream
from tests.fakes.model_wire import (
    ANTHROPIC,
    ANTHROPIC_MODELS,
    CHAT,
    OPENAI_MODELS,
    RESPONSES,
    answers_a_tool,
    anthropic_listing,
    error_body,
    newest_user_text,
    openai_listing,
    sse,
    stream_error,
)

__all__ = ["Answer", "Call", "Cited", "Fault", "ModelServer", "Search", "Tool"]


@dataclass(slots=True)
class Call:
    """One request to the server. `at`: when it came. `finished`: its answer was delivered whole. `aborted`: the client hung up before that."""

    path: str
    protocol: str
    key: str
    model: str
    body: dict[str, Any]
    headers: dict[str, str]
    finished: bool = False
    aborted: bool = False
    at: float = field(default_factory=time.time)

    @property
    def said(self) -> str:
        """What the person said last."""
        return newest_user_text(self.body)

    @property
    def fingerprint(self) -> str:
        """The start of the key's SHA-256, to tell keys apart without showing them."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:12]


class ModelServer:
    """The server; an async context manager. `keys=None` accepts any key, an empty collection none.

    `calls` has the model calls, `listings` the requests of `/v1/models`; `models_missing` makes the listing a 404, `models` and
    `anthropic_models` are what it shows. `listing_fault` makes it fail, `listing_delay` makes it slow; with `listing_is_public` it asks for no key, as OpenRouter's. `cookie` is set on every answer.
    With `caching` it remembers how requests began, and counts what a real one would read from its cache.
    """

    def __init__(self, *, keys: Collection[str] | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.keys = None if keys is None else set(keys)
        self.models = list(OPENAI_MODELS)
        self.anthropic_models = list(ANTHROPIC_MODELS)
        self.about: dict[str, dict[str, object]] = {}  # more of models in an OpenAI-like listing, by id
        self.models_missing = False
        self.forbidden: set[tuple[str, str]] = set()  # which keys do not get which models
        self.listing_fault: Fault | None = None
        self.listing_delay = 0.0
        self.listing_is_public = False
        self.largest_page = 1000
        self.cookie = ""
        self.redirect_to = ""
        self.silent_for = 60.0
        self.refuse_parameters: frozenset[str] = frozenset()
        self.refuse_searches = False
        self._host, self._port = host, port
        self.reset()

    def reset(self) -> None:
        """Forget calls and scripts."""
        self.calls: list[Call] = []
        self.listings: list[Call] = []
        self._scripts: dict[str, list[Answer]] = {}
        self.caching = False
        self._cache = PromptCache()
        self._peers: set[object] = set()
        self._sealed = Sealed()

    def script(self, *answers: Answer, marker: str = "") -> None:
        """Give these to the next calls, in order; with a marker, to calls whose newest words contain it."""
        self._scripts.setdefault(marker, []).extend(answers)

    @property
    def connections(self) -> int:
        """How many connections its model calls came over."""
        return len(self._peers)

    def counts(self, pattern: str) -> dict[str, dict[str, int]]:
        """For each match of the pattern in what people said last: how many calls began, how many were delivered whole."""
        found: dict[str, dict[str, int]] = {}
        for call in self.calls:
            for mark in set(re.findall(pattern, call.said)):
                row = found.setdefault(mark, {"started": 0, "finished": 0})
                row["started"] += 1
                row["finished"] += call.finished
        return found

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        for prefix in ("/v1", "/openai/v1"):
            app.router.add_get(f"{prefix}/models", self._models)
            app.router.add_get(f"{prefix}/models/{{model}}", self._model)
            for path, protocol in (("messages", ANTHROPIC), ("responses", RESPONSES), ("chat/completions", CHAT)):
                app.router.add_post(f"{prefix}/{path}", self._model_call(protocol))
            app.router.add_post(f"{prefix}/messages/count_tokens", self._count)
        model_control.add_routes(app, self)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def url(self) -> str:
        """Its address without a path: Anthropic's base URL. OpenAI's and a compatible server's is this and `/v1`."""
        return f"http://{self._host}:{self._port}"

    async def _models(self, request: web.Request) -> web.StreamResponse:
        protocol = ANTHROPIC if "anthropic-version" in request.headers else CHAT
        call = Call(request.path, protocol, _key(request), "", {}, dict(request.headers))
        self.listings.append(call)
        await asyncio.sleep(self.listing_delay)
        if self.listing_fault is not None:
            return await self._fail(request, call, self.listing_fault)
        if self.models_missing:
            return web.Response(status=404, text="404 page not found")
        if not self.listing_is_public and not self._accepts(call.key):
            return await self._fail(request, call, Fault.UNAUTHORIZED)
        if protocol == CHAT:
            return self._json(openai_listing(self.models, self.about))
        page = anthropic_listing(
            self.anthropic_models,
            min(int(request.query.get("limit", "20")), self.largest_page),
            request.query.get("after_id", ""),
        )
        return self._json(page)

    async def _model(self, request: web.Request) -> web.StreamResponse:
        protocol = ANTHROPIC if "anthropic-version" in request.headers else CHAT
        call = Call(request.path, protocol, _key(request), request.match_info["model"], {}, dict(request.headers))
        self.listings.append(call)
        await asyncio.sleep(self.listing_delay)
        refused = self.listing_fault or self._kept_from(call)
        if refused:
            return await self._fail(request, call, refused)
        if self.models_missing:
            return web.Response(status=404, text="404 page not found")
        listed = self.anthropic_models if protocol == ANTHROPIC else openai_listing(self.models, self.about)["data"]
        found = [model for model in listed if model["id"] == call.model]
        return self._json(found[0]) if found else await self._fail(request, call, Fault.MODEL_GONE)

    async def _count(self, request: web.Request) -> web.StreamResponse:
        """Counting tokens, which is free."""
        body = await request.json()
        call = Call(request.path, ANTHROPIC, _key(request), str(body.get("model", "")), body, dict(request.headers))
        self.listings.append(call)
        await asyncio.sleep(self.listing_delay)
        refused = self.listing_fault or self._kept_from(call)
        if refused:
            return await self._fail(request, call, refused)
        if self.models_missing:
            return web.Response(status=404, text="404 page not found")
        if all(model["id"] != call.model for model in self.anthropic_models):
            return await self._fail(request, call, Fault.MODEL_GONE)
        return self._json({"input_tokens": 8})

    def _kept_from(self, call: Call) -> Fault | None:
        """Why this key does not get this model."""
        if not self._accepts(call.key):
            return Fault.UNAUTHORIZED
        return Fault.FORBIDDEN if (call.key, call.model) in self.forbidden else None

    def _model_call(self, protocol: str) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.json()
            call = Call(request.path, protocol, _key(request), str(body.get("model", "")), body, dict(request.headers))
            self.calls.append(call)
            self._peers.add(request.transport and request.transport.get_extra_info("peername"))
            if kept_from := self._kept_from(call):
                return await self._fail(request, call, kept_from)
            refused = sorted(self.refuse_parameters & body.keys())
            if refused:
                return self._json(
                    error_body(protocol, "invalid_request_error", f"Unsupported parameter: '{refused[0]}'", None), 400
                )
            altered = self._sealed.altered(protocol, body)
            if self.refuse_searches and offered(body):
                altered = "web search is not enabled for this organization"
            if altered:
                return self._json(error_body(protocol, "invalid_request_error", altered, None), 400)
            answer = self._answer(call)
            if answer.fault is not None and answer.fault not in IN_STREAM:
                return await self._fail(request, call, answer.fault)
            try:
                return await self._stream(request, call, answer)
            except (asyncio.CancelledError, ConnectionError):
                call.aborted = True
                raise

        return handle

    def _accepts(self, key: str) -> bool:
        return bool(key) and (self.keys is None or key in self.keys)

    def _answer(self, call: Call) -> Answer:
        said = call.said
        for marker, answers in sorted(
            self._scripts.items(), reverse=True
        ):  # those for everybody (the empty marker) come last
            if marker in said and answers:
                return answers.pop(0)
        return directed(said, after_tool=answers_a_tool(call.body))

    async def _fail(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        if fault is Fault.DEAF:
            try:
                await asyncio.sleep(self.silent_for)
            except asyncio.CancelledError:
                call.aborted = True
                raise
        if fault is Fault.REDIRECT:
            return web.Response(status=307, headers={"Location": self.redirect_to + request.path})
        if fault in (Fault.HTML, Fault.BAD_GATEWAY):
            status = 502 if fault is Fault.BAD_GATEWAY else 200
            return web.Response(status=status, text=f"<html><h1>nginx</h1>{call.key}</html>", content_type="text/html")
        wrong = refusal(fault, call.protocol, call.key)
        if wrong is None:
            return web.Response(status=200, body=b'{"data": [{]')
        headers = {"Retry-After": wrong.retry_after} if wrong.retry_after else {}
        return self._json(error_body(call.protocol, wrong.kind, wrong.message, wrong.code), wrong.status, headers)

    async def _stream(self, request: web.Request, call: Call, answer: Answer) -> web.StreamResponse:
        if not call.body.get("stream"):
            call.finished = True
            return self._json(whole(call.model, answer))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **self._cookies()})
        await response.prepare(request)
        async for piece in self._pieces(request, call, answer):
            await response.write(piece)
        if answer.fault is None:
            await response.write_eof()
            call.finished = True
        return response

    async def _pieces(self, request: web.Request, call: Call, answer: Answer) -> AsyncIterator[bytes]:
        tokens = answer.tokens | (self._cache.counted(call.protocol, call.body) if self.caching else {})
        wire = wire_stream(call.protocol, call.body, tokens, self._sealed, tell_usage=answer.tell_usage)
        for piece in wire.start():
            yield piece
        for piece in wire.thinking(answer.thinking) if answer.thinking else ():
            yield piece
        searches = offered(call.body)
        for piece in (piece for search in answer.searches if searches for piece in wire.search(search)):
            yield piece
        said = answer.chunks if answer.fault is None else answer.chunks[: answer.fault_after]
        for piece in wire.text(said) if said else ():
            await asyncio.sleep(answer.delay)
            yield piece
        if answer.fault is not None:
            async for piece in self._break(request, call, answer.fault):
                yield piece
            return
        for piece in (piece for cited in answer.cited if searches for piece in wire.cited(cited)):
            yield piece
        for piece in (piece for tool in answer.tools for piece in wire.tool(tool.id, tool.name, tool.json)):
            yield piece
        for piece in wire.end(answer.stop):
            yield piece

    async def _break(self, request: web.Request, call: Call, fault: Fault) -> AsyncIterator[bytes]:
        if fault in STREAM_KINDS:
            kind = STREAM_KINDS[fault][0 if call.protocol == ANTHROPIC else 1]
            yield stream_error(call.protocol, kind, f"It broke. You said {call.key!r}.")
        elif fault is Fault.GARBAGE:
            yield sse('{"type": "content_block_delta", "delta": {', "content_block_delta")
        elif fault is Fault.SILENCE:
            await asyncio.sleep(self.silent_for)
        elif fault is Fault.CUT and request.transport is not None:
            await asyncio.sleep(0.02)  # what was written before is to arrive
            request.transport.abort()

    def _cookies(self) -> dict[str, str]:
        return {"Set-Cookie": self.cookie} if self.cookie else {}

    def _json(self, body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
        return web.json_response(body, status=status, headers={**(headers or {}), **self._cookies()})


def _key(request: web.Request) -> str:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    return bearer if scheme == "Bearer" else request.headers.get("x-api-key", request.headers.get("api-key", ""))


async def _serve(arguments: argparse.Namespace) -> None:
    async with ModelServer(keys=arguments.key or None, host=arguments.host, port=arguments.port) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A fake of three model vendors on loopback.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose; the address is printed")
    parser.add_argument("--key", action="append", help="accept this key only (may be repeated); without it any key")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))
