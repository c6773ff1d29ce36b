"""What every ModelProvider promises; those behind a network promise more (RemotePromises)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from app.domain.keys import ProviderCredential
from app.domain.run import (
    DocumentPart,
    ImagePart,
    ModelDone,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    Role,
    Stop,
    TextDelta,
    TextPart,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from app.errors import BadInput
from app.ports.providers import ModelProvider
from tests.fakes.model_server import Answer, ModelServer, Tool
from tests.fakes.model_wire import pictures

CLOCK = ToolSpec(
    "current_time",
    "Tells the time.",
    {"type": "object", "properties": {"time_zone": {"type": "string"}}, "additionalProperties": False},
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A provider, and where it has one the server it talks to."""

    provider: ModelProvider
    credential: Callable[[str], ProviderCredential]
    server: ModelServer | None = None
    key: str = "sk-test-first-0001"

    async def ask(self, request: ModelRequest, *, key: str = "") -> list[ModelEvent]:
        """Everything that comes of a request."""
        return [event async for event in self.provider.stream(request, key=self.credential(key or self.key))]


def asking(text: str, *, model: str = "m-1", tools: tuple[ToolSpec, ...] = (), **more: Any) -> ModelRequest:
    """A request with one question."""
    question = ModelMessage(Role.USER, (TextPart(text),))
    return ModelRequest(model=model, system="Be brief.", messages=(question,), tools=tools, **more)


def going_on(request: ModelRequest, done: ModelDone, *results: ToolResult) -> ModelRequest:
    """The next request of a conversation: what the model said, then what its tools answered."""
    messages = (*request.messages, done.message, ModelMessage(Role.USER, results))
    return ModelRequest(model=request.model, system=request.system, messages=messages, tools=request.tools)


def done(events: list[ModelEvent]) -> ModelDone:
    """The last event, which must be the only one of its kind."""
    assert [type(event) for event in events].count(ModelDone) == 1
    last = events[-1]
    assert isinstance(last, ModelDone)
    return last


def text_of(events: list[ModelEvent]) -> str:
    """What was streamed."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


class ModelProviderSuite:
    """Bind with a fixture `peer`; its server, if there is one, accepts `Peer.key`."""

    wants_base_url: ClassVar[bool] = False
    time_question: ClassVar[str] = "What time is it?"

    @pytest.fixture
    def peer(self) -> Peer:
        """The provider under test."""
        raise NotImplementedError

    def _script(self, peer: Peer, *answers: Answer) -> None:
        if peer.server is not None:
            peer.server.script(*answers)

    def test_it_says_what_it_is(self, peer: Peer) -> None:
        assert peer.provider.name
        assert peer.provider.title
        assert peer.provider.wants_base_url is self.wants_base_url

    async def test_text_streams_and_ends_in_one_whole_message(self, peer: Peer) -> None:
        self._script(peer, Answer("Hello ", "my ", "friend"))
        events = await peer.ask(asking("hello"))
        assert len(events) > 2
        assert done(events).message == ModelMessage(Role.ASSISTANT, (TextPart(text_of(events)),))
        assert done(events).stop is Stop.END

    async def test_usage_is_reported(self, peer: Peer) -> None:
        usage = done(await peer.ask(asking("hello"))).usage
        assert usage.input_tokens > 0
        assert usage.output_tokens > 0

    async def test_a_tool_is_called_and_its_result_is_understood(self, peer: Peer) -> None:
        self._script(peer, Answer(tools=(Tool("current_time", id="c-9"),)), Answer("It is 12:34."))
        request = asking(self.time_question, tools=(CLOCK,))
        first = done(await peer.ask(request))
        assert first.stop is Stop.TOOL
        (call,) = (part for part in first.message.parts if isinstance(part, ToolCall))
        assert call.name == "current_time"
        assert isinstance(call.arguments, Mapping)
        assert not call.malformed
        last = await peer.ask(going_on(request, first, ToolResult(call.id, "12:34")))
        assert "12:34" in text_of(last)
        assert done(last).stop is Stop.END

    async def test_a_picture_is_sent_as_such_beside_the_words(self, peer: Peer) -> None:
        png = ImagePart("image/png", b"\x89PNG\r\n\x1a\n and more")
        question = ModelMessage(Role.USER, (TextPart("The picture:"), png, TextPart("What is this?")))
        assert text_of(await peer.ask(ModelRequest("m-1", "", (question,))))
        if peer.server is not None:  # a model within this process has no wire
            (call,) = peer.server.calls
            assert pictures(call.body) == [(png.media_type, png.data)]
            assert "What is this?" in call.said

    async def test_a_pdf_goes_as_it_is_where_models_read_pdfs_and_is_left_out_elsewhere(self, peer: Peer) -> None:
        paper = DocumentPart("paper.pdf", b"%PDF-1.7 and more")
        question = ModelMessage(Role.USER, (TextPart("The paper:"), paper, TextPart("What is this?")))
        assert text_of(await peer.ask(ModelRequest("m-1", "", (question,))))
        if peer.server is not None:
            call = peer.server.calls[0]
            reading = any(model.documents for model in await peer.provider.models(peer.credential(peer.key)))
            assert pictures(call.body) == ([("application/pdf", paper.data)] if reading else [])
            assert "What is this?" in call.said

    async def test_no_tool_is_called_that_was_not_offered(self, peer: Peer) -> None:
        assert done(await peer.ask(asking(self.time_question))).stop is Stop.END

    async def test_what_it_begins_with_is_among_its_models(self, peer: Peer) -> None:
        models = await peer.provider.models(peer.credential(peer.key))
        best = peer.provider.best(models)
        assert best is None or best in models
        assert len({model.id for model in models}) == len(models)
        assert peer.provider.best(()) is None
        for model in [*(one.id for one in models), "nobody-knows-this"]:
            successor = peer.provider.successor(model, models)
            assert successor is None or (successor in models and successor.id != model)
            assert successor is None or successor.lifecycle == "active"

    async def test_a_good_key_is_verified(self, peer: Peer) -> None:
        await peer.provider.verify(peer.credential(peer.key))

    async def test_a_model_of_its_list_may_be_used(self, peer: Peer) -> None:
        key = peer.credential(peer.key)
        models = await peer.provider.models(key)
        assert await peer.provider.try_model(key, models[0].id)

    def test_it_names_the_origin_that_keys_go_to(self, peer: Peer) -> None:
        origin = peer.provider.origin(peer.credential(peer.key).base_url)
        assert "://" in origin
        assert not origin.endswith("/")

    def test_a_base_url_that_may_not_be_used_is_refused(self, peer: Peer) -> None:
        with pytest.raises(BadInput) as refused:
            peer.provider.origin("http://169.254.169.254/v1")
        assert refused.value.field == "base_url"
