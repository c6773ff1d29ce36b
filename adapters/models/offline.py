"""The demo's own model: answers by itself, without a network and without a key, and says so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from adapters.models import offline_answers
from app.domain.keys import ProviderCredential
from app.domain.run import (
    DocumentPart,
    FilePart,
    ImagePart,
    ModelDone,
    ModelEvent,
    ModelInfo,
    ModelMessage,
    ModelRequest,
    OpaquePart,
    Part,
    Role,
    Stop,
    TextDelta,
    TextPart,
    ToolCall,
    ToolResult,
    ToolSpec,
    Usage,
)
from app.errors import BadInput

MODEL = ModelInfo(
    id="offline",
    name="Offline demo model",
    context_window=32_000,
    max_output=4_096,
    tools=True,
    images=False,
    efforts=(),
)
_CLOCK = "current_time"
_CUT_OFF = "cut off at its length limit"
"""How it is told to go on."""

_SPEAKER = re.compile(r"^(Person \d+|Somebody): ")


class Offline:
    """Implements ModelProvider for the demo. `pace` is the seconds between two words: 40 words a second by default."""

    name = "offline"
    title = "Offline demo"
    wants_base_url = False

    def __init__(self, *, pace: float = 0.025) -> None:
        self._pace = pace

    async def stream(self, request: ModelRequest, *, key: ProviderCredential | None) -> AsyncIterator[ModelEvent]:
        """See ModelProvider. Needs no key and looks at none."""
        if request.aside:  # it knows no words of its own; what it leaves empty is left out
            yield _done(request, TextPart(""), Stop.END)
            return
        asked = _said(request)
        said_before = _words(_before(request)) if asked and _CUT_OFF in asked[-1] else []
        asked = asked[:-1] if said_before else asked
        call = _call(request, asked[-1] if asked else "")
        if call is not None:
            yield _done(request, call, Stop.TOOL)
            return
        told: list[str] = []
        answer = "".join(_words(offline_answers.answer(asked, _result(request)))[len(said_before) :])
        for word in _words(answer)[: max(request.max_output_tokens, 1)]:
            await asyncio.sleep(self._pace)
            told.append(word)
            yield TextDelta(word)
        text = "".join(told)
        yield _done(request, TextPart(text), Stop.END if text == answer else Stop.LENGTH)

    async def verify(self, key: ProviderCredential, *, timeout: float = 1.8) -> None:
        """See ModelProvider. There is nothing to verify."""

    async def try_model(self, key: ProviderCredential, model: str, *, timeout: float = 1.8) -> bool:
        """See ModelProvider. It answers by any name."""
        return True

    async def models(self, key: ProviderCredential | None) -> tuple[ModelInfo, ...]:
        """See ModelProvider."""
        return (MODEL,)

    def best(self, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        """See ModelProvider."""
        return models[0] if models else None

    def successor(self, model: str, models: tuple[ModelInfo, ...]) -> ModelInfo | None:
        """See ModelProvider. There is only the one."""
        return None

    def origin(self, base_url: str) -> str:
        """See ModelProvider."""
        if base_url:
            raise BadInput("The offline demo model takes no base URL.", field="base_url")
        return "offline://demo"


def _said(request: ModelRequest) -> list[str]:
    """What people said, oldest first; in a thread of several, without who says it."""
    parts = (part for message in request.messages if message.role is Role.USER for part in message.parts)
    texts = (_SPEAKER.sub("", part.text).strip() for part in parts if isinstance(part, TextPart))
    return [text for text in texts if text]


def _before(request: ModelRequest) -> str:
    """What was answered last."""
    said = [message for message in request.messages if message.role is Role.ASSISTANT]
    return " ".join(part.text for part in (said[-1].parts if said else ()) if isinstance(part, TextPart))


def _words(text: str) -> list[str]:
    """Each with the space after it."""
    return re.findall(r"\S+\s*", text)


def _result(request: ModelRequest) -> ToolResult | None:
    """The result of the tool that was just called, if one was."""
    last = request.messages[-1].parts if request.messages else ()
    return next((part for part in reversed(last) if isinstance(part, ToolResult)), None)


def _call(request: ModelRequest, question: str) -> ToolCall | None:
    """The clock is asked where the question is about time and the agent may; once."""
    clock = next((tool for tool in request.tools if tool.name == _CLOCK), None)
    if clock is None or _result(request) is not None or not offline_answers.is_about_time(question):
        return None
    return ToolCall(f"offline_{len(request.messages)}", _CLOCK, _arguments(clock, question))


def _arguments(tool: ToolSpec, question: str) -> Mapping[str, Any]:
    """The time zone of a place that the question names, where the tool takes one."""
    zone = offline_answers.time_zone(question)
    return {"time_zone": zone} if zone and "time_zone" in tool.parameters.get("properties", {}) else {}


def _done(request: ModelRequest, part: Part, stop: Stop) -> ModelDone:
    read = request.system + "".join(_text(part) for message in request.messages for part in message.parts)
    usage = Usage(input_tokens=_tokens(read), output_tokens=_tokens(_text(part)))
    return ModelDone(ModelMessage(Role.ASSISTANT, (part,)), stop, usage, request.model or MODEL.id)


def _text(part: Part) -> str:
    match part:
        case TextPart(text):
            return text
        case ToolResult():
            return part.content
        case ToolCall():
            return f"{part.name} {dict(part.arguments)}"
        case OpaquePart() | FilePart() | ImagePart() | DocumentPart():
            return ""


def _tokens(text: str) -> int:
    """About what a real model would count."""
    return max(1, round(len(text) / 4))
