"""The model as a run gets it: every call is one step of its journal, paid for once and remembered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

from app.domain.run import Json, ModelDone, ModelEvent, ModelRequest, StoodIn, TextDelta
from app.domain.spend import Paid
from app.errors import (
    PROVIDER_ERRORS,
    BadAnswer,
    Capped,
    CutOff,
    NoKey,
    NoModel,
    OverLimit,
    Paused,
    PriceUnknown,
    RateLimited,
    RunLimit,
    Stopped,
    TimedOut,
    UserError,
)
from app.ports.engine import Journal
from app.services import stand_in_words
from app.services.codec import clean, dump, load
from app.services.delivery import Shows
from app.services.till import Till

MOST_TRIES = 4
LONGEST_WAIT = 120.0
"""Seconds: a provider that asks for more patience is explained instead."""

LONGEST_REST = 300.0
"""Seconds in all that a run waits for its turn with a key that is being rested."""

LONGEST_TEXT = 300_000
"""Characters of one call: several times what any model writes at once, and what a chat, a journal and memory still bear."""

LONGEST_CALL = 1800.0
"""Seconds: a server that trickles is never idle, yet would keep its conversation waiting and one of the workspace's slots for ever."""

PARAGRAPH = "\n\n"
SUMMING_UP = "is summing up what was before…"

_KINDS: dict[str, type[UserError]] = {
    **PROVIDER_ERRORS,
    **{kind.__name__: kind for kind in (NoKey, NoModel, OverLimit, PriceUnknown, RunLimit)},
}

PaidEvent = ModelEvent | StoodIn
"""What a paid model tells its run; the agent is told the ModelEvents."""


class PaidModel(Protocol):
    """A ModelClient whose calls are paid for. It also tells who stands in for whom."""

    model: str
    context_window: int

    def stream(self, request: ModelRequest) -> AsyncIterator[PaidEvent]:
        """See ModelClient."""


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How long a run may still work, and its limit in words."""

    seconds: float
    limit: str


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What became of one model call, and what it came to. `error` is a code; a stopped call keeps what was said so far."""

    text: str = field(repr=False, default="")
    done: ModelDone | None = None
    error: str = ""
    message: str = ""
    retry_after: float | None = None
    stopped: bool = False
    paid: Paid = field(default_factory=Paid)
    waits_for: str = ""  # see UserError
    limit: str = ""  # see RunLimit
    seconds: float = 0.0  # that it took
    stood_in: StoodIn | None = None  # who said it in the place of the agent's own model


class JournaledModel:
    """See ModelClient. A call whose result is remembered is not made again, and its text is not shown again.

    What its calls came to is taken out of the `till`; `left` is asked before each how much time there is. `heard` is told of every message before the runner is, `paid` of every call, also on replay. A run within a run has a `name` that
    no other of the same journal has.
    """

    def __init__(
        self,
        inner: PaidModel,
        journal: Journal,
        delivery: Shows,
        stop_requested: Callable[[], Awaitable[bool]],
        *,
        till: Till | None = None,
        heard: Callable[[ModelDone], Awaitable[None]] | None = None,
        paid: Callable[[ModelCall], None] | None = None,
        name: str = "",
        longest_call: float = LONGEST_CALL,
        left: Callable[[], TimeLeft | None] = lambda: None,
    ) -> None:
        self.model = inner.model
        self.context_window = inner.context_window
        self.calls: list[ModelCall] = []
        self._inner = inner
        self._journal = journal
        self._delivery = delivery
        self._stop_requested = stop_requested
        self._till = till or Till()
        self._heard = heard
        self._paid = paid
        self._name = name
        self._longest_call = longest_call
        self._left = left
        self._said = ""
        self._stood_in: StoodIn | None = None

    @property
    def answered_last(self) -> str:
        """The model that the last whole message is of."""
        return next((call.done.model for call in reversed(self.calls) if call.done), self.model)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """See ModelClient.stream. A provider that asks for patience is asked again, after a durable wait."""
        tries, rested = 1, 0.0
        while True:
            call = await self._call(request, tries, rested)
            if call.text:
                self._said += "" if request.aside else call.text
                yield TextDelta(call.text)
            if call.done:
                if self._heard:
                    await self._heard(call.done)
                yield call.done
                return
            wait = patience(call, tries, rested)
            if wait is None:
                raise Stopped if call.stopped else _raised(call)
            if issubclass(_kind(call.error), Paused):
                rested += wait  # nobody was asked
            else:
                tries += 1
            if await self._journal.wait("stop", wait):
                raise Stopped

    async def _call(self, request: ModelRequest, tries: int, rested: float) -> ModelCall:
        async def work() -> Json:
            self._stood_in = None
            began = asyncio.get_running_loop().time()
            call = await self._ask(request)
            call = replace(call, seconds=asyncio.get_running_loop().time() - began)
            if call.text or call.done:
                call = replace(call, stood_in=self._stood_in)
            if patience(call, tries, rested) is not None:
                await self._delivery.status("is waiting for the model's provider…")
            return dump(replace(call, paid=self._till.take()))

        step = f"{'summary' if request.aside else 'model'}:{self._name}{len(self.calls)}"  # one is never taken for the other
        call = load(ModelCall, await self._journal.step(step, work, stoppable=True))
        self.calls.append(call)
        if self._paid:
            self._paid(call)
        return call

    async def _ask(self, request: ModelRequest) -> ModelCall:
        said: list[str] = []
        left = self._left()
        limit = asyncio.timeout(self._longest_call if left is None else min(left.seconds, self._longest_call))
        try:
            if self._journal.stopping or await self._stop_requested():
                return ModelCall(stopped=True)
            await self._delivery.status(SUMMING_UP if request.aside else "is thinking…")
            async with limit:
                return await self._listen(request, said)
        except asyncio.CancelledError:
            if not self._journal.stopping:
                raise
            return ModelCall("".join(said), stopped=True)
        except Stopped:
            return ModelCall("".join(said), stopped=True)
        except TimeoutError:
            if not limit.expired():
                raise
            if left is not None and left.seconds <= self._longest_call:
                return _failed("".join(said), RunLimit(limit=left.limit))
            return _failed("".join(said), TimedOut())
        except UserError as error:
            return _failed("".join(said), error)

    async def _listen(self, request: ModelRequest, said: list[str]) -> ModelCall:
        """Show and note down what is said until the model ends, or has said more than is taken of one call."""
        room = LONGEST_TEXT
        async with aclosing(cast("AsyncGenerator[PaidEvent]", self._inner.stream(request))) as events:
            async for event in events:
                if isinstance(event, ModelDone):
                    return ModelCall("".join(said), event)
                if isinstance(event, StoodIn):
                    self._stood_in = event
                    await self._delivery.status(stand_in_words.status(event))
                    continue
                text = clean(event.text)[:room]
                if not request.aside:
                    await self._show(text, first=not said)
                said.append(text)
                room -= len(text)
                if room <= 0:
                    return ModelCall("".join(said), error=CutOff.__name__, message=CutOff().message)
        return ModelCall("".join(said), error=BadAnswer.__name__)

    async def _show(self, text: str, *, first: bool) -> None:
        if first and self._said and not self._said.endswith(PARAGRAPH):
            await self._delivery.append(PARAGRAPH)  # as the runner writes it, too
        await self._delivery.append(text)


def patience(call: ModelCall, tries: int, rested: float) -> float | None:
    """How many seconds to wait before this call is made again, after so many tries and seconds of rest; None if it is not worth it."""
    if call.text or call.stopped or not issubclass(_kind(call.error), RateLimited):
        return None
    rests = issubclass(_kind(call.error), Paused)
    if rested >= LONGEST_REST if rests else tries >= MOST_TRIES:
        return None
    wait = call.retry_after if call.retry_after is not None else 2.0**tries
    return max(wait, 0.1) if wait <= LONGEST_WAIT else None


def _kind(code: str) -> type[UserError]:
    return _KINDS.get(code, UserError)


def _failed(said: str, error: UserError) -> ModelCall:
    return ModelCall(
        said,
        error=error.code,
        message=error.message,
        retry_after=error.retry_after if isinstance(error, RateLimited) else None,
        waits_for=error.waits_for,
        limit=error.limit if isinstance(error, RunLimit) else "",
    )


def _raised(call: ModelCall) -> UserError:
    kind = _kind(call.error)
    if issubclass(kind, RunLimit):
        return kind(call.message, limit=call.limit)
    if issubclass(kind, RateLimited):
        if kind is Capped:
            return Capped(call.message)
        kind = RateLimited if kind is Paused else kind  # to whoever reads it, it is the provider's limit
        return kind(call.message, retry_after=call.retry_after)
    error = kind(call.message)
    error.waits_for = call.waits_for
    return error
