"""A model that others may stand in for: only those that an admin allowed, under the workspace's own keys, and only while its provider is away."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

import structlog

from app.domain.keys import ModelChoice
from app.domain.run import (
    DocumentPart,
    ImagePart,
    ModelDone,
    ModelMessage,
    ModelRequest,
    OpaquePart,
    Part,
    StoodIn,
    TextPart,
    ToolCall,
    ToolResult,
)
from app.errors import Capped, ContextTooLong, RateLimited, RequestRefused, TimedOut, Unreachable, UserError
from app.ports.clock import Clock
from app.services.journaled import PaidEvent, PaidModel

log = structlog.get_logger(__name__)

AWAY = (RateLimited, Unreachable, TimedOut)
"""Overload (a kind of RateLimited), outage and rate limit. Nothing else is a reason, not even an admin's own cap: what is wrong with a key, a model or a request is to be seen."""

REMEMBERED = timedelta(seconds=60)
"""How long one that failed comes last, within a run."""

BYTES_PER_TOKEN = 3
PICTURE = 1_600
DOCUMENT_BYTES_PER_TOKEN = 50


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model under its key, and what is known of it."""

    choice: ModelChoice
    model: PaidModel


class StandingIn:
    """See PaidModel. The first candidate is the agent's own model; a call goes to the next ones in order until one says something.

    It is used within one step of a journal, so that a replay never decides anew. Where all fail, the first one's reason is raised.
    """

    def __init__(self, candidates: Sequence[Candidate], clock: Clock) -> None:
        self._candidates = tuple(candidates)
        self._clock = clock
        self._first = candidates[0].model
        self._failed: dict[int, tuple[UserError, datetime]] = {}
        self.model = self._first.model
        self.context_window = self._first.context_window

    async def stream(self, request: ModelRequest) -> AsyncIterator[PaidEvent]:
        """See ModelClient.stream; says so before another one is asked."""
        for at in self._order(request):
            said = False
            try:
                async with aclosing(self._asked(at, request)) as events:
                    async for event in events:
                        said = said or not isinstance(event, StoodIn)
                        yield event
                return
            except UserError as error:
                if said or (at == 0 and (not isinstance(error, AWAY) or isinstance(error, Capped))):
                    raise
                self._note(at, error)
        raise self._failed[0][0]

    async def _asked(self, at: int, request: ModelRequest) -> AsyncGenerator[PaidEvent]:
        candidate = self._candidates[at]
        if at:
            because = self._failed[0][0].code
            yield StoodIn(candidate.choice.model, self.model, because)
            request = _passed_on(request, candidate.choice)
        async with aclosing(cast("AsyncGenerator[PaidEvent]", candidate.model.stream(request))) as events:
            async for event in events:
                yield _portable_done(event) if at and isinstance(event, ModelDone) else event

    def _order(self, request: ModelRequest) -> Sequence[int]:
        """The agent's own model, unless it failed a moment ago: then it comes last. Who can't do what is asked is left out."""
        now = self._clock.now()
        fit = [at for at, one in enumerate(self._candidates) if at == 0 or fits(request, one.choice)]
        failed = {at for at in fit if at in self._failed and now - self._failed[at][1] < REMEMBERED}
        return [*(at for at in fit if at not in failed), *(at for at in fit if at in failed)]

    def _note(self, at: int, error: UserError) -> None:
        own = isinstance(error, ContextTooLong | RequestRefused)  # of this request, and perhaps of no other
        if at == 0 or not own:
            self._failed[at] = (error, self._clock.now())
        log.info("a model did not answer", stand_in=at, of=len(self._candidates) - 1, error=error.code)


def fits(request: ModelRequest, choice: ModelChoice) -> bool:
    """Whether a model can take this request in, as far as it is known what it can."""
    parts = [part for message in request.messages for part in message.parts]
    if choice.images is False and any(isinstance(part, ImagePart) for part in parts):
        return False
    if choice.documents is not True and any(isinstance(part, DocumentPart) for part in parts):
        return False
    if choice.tools is False and (request.tools or any(isinstance(part, ToolCall | ToolResult) for part in parts)):
        return False
    most = min(request.max_output_tokens, choice.max_output or request.max_output_tokens)
    return not choice.context_window or tokens(request) + most <= choice.context_window


def tokens(request: ModelRequest) -> int:
    """What a request takes in a window, about; rather too many than too few."""
    tools = json.dumps([[tool.name, tool.description, dict(tool.parameters)] for tool in request.tools])
    said = sum(_weight(part) for message in request.messages for part in message.parts)
    return (len(request.system.encode()) + len(tools)) // BYTES_PER_TOKEN + said


def _weight(part: Part) -> int:
    match part:
        case TextPart(text):
            size = len(text.encode())
        case ToolCall():
            size = len(part.name) + len(json.dumps(dict(part.arguments)))
        case ToolResult():
            size = len(part.content.encode())
        case OpaquePart():
            size = len(json.dumps(dict(part.data)))
        case ImagePart():
            return PICTURE
        case DocumentPart(_, data):
            return len(data) // DOCUMENT_BYTES_PER_TOKEN
        case _:
            size = 0
    return -(-size // BYTES_PER_TOKEN)


def _passed_on(request: ModelRequest, choice: ModelChoice) -> ModelRequest:
    """The same question for another model. It searches nothing by itself: what it found could not be said back to the first one."""
    most = min(request.max_output_tokens, choice.max_output or request.max_output_tokens)
    messages = tuple(_portable(message) for message in request.messages)
    return replace(request, model=choice.model, messages=messages, max_output_tokens=most, web_search=0)


def _portable_done(done: ModelDone) -> ModelDone:
    return replace(done, message=_portable(done.message))


def _portable(message: ModelMessage) -> ModelMessage:
    """Without what only the model that said it can take back, such as thinking that it signed; its words stay."""
    parts: list[Part] = []
    for part in message.parts:
        if not isinstance(part, OpaquePart):
            parts.append(part)
        elif part.data.get("type") == "text" and isinstance(part.data.get("text"), str):
            parts.append(TextPart(part.data["text"]))  # words with citations
    return replace(message, parts=tuple(parts))
