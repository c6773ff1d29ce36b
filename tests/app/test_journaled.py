"""One model call has an end, whatever the provider does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.domain.chat import Persona
from app.domain.run import ModelEvent, ModelRequest, TextDelta
from app.errors import CutOff, PlatformUnavailable, TimedOut, UserError
from app.ports.platform import ReplyTarget
from app.services.delivery import Delivery
from app.services.journaled import LONGEST_CALL, LONGEST_TEXT, JournaledModel, ModelCall
from tests.app.bench import MEMBER, Bench, question
from tests.app.desk import THREAD
from tests.fakes.journal import MemoryJournal


@dataclass
class Endless:
    """A server that never ends its answer, and is never idle for long either."""

    piece: str
    model: str = "m"
    context_window: int = 0
    fingerprint: str = ""
    closed: bool = False

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        try:
            while True:
                yield TextDelta(self.piece)
                await asyncio.sleep(0.001)
        finally:
            self.closed = True


async def listen(bench: Bench, server: Endless, *, longest_call: float = LONGEST_CALL) -> tuple[ModelCall, str]:
    """What is remembered of the call, and why it ended."""
    bench.platform.broken = PlatformUnavailable()  # nothing is shown here: there is no run whose parts could be kept
    target = ReplyTarget(THREAD, MEMBER, THREAD.thread, "run_1", Persona("writer"), {})
    delivery = Delivery(bench.platform, bench.database, target, fresh=True)
    model = JournaledModel(server, MemoryJournal(), delivery, _nobody, longest_call=longest_call)
    said, code = "", ""
    try:
        async for event in model.stream(question()):
            assert isinstance(event, TextDelta)
            said += event.text
    except UserError as error:
        code = error.code
    await delivery.abandon()
    (call,) = model.calls
    assert call.text == said, "what was said before stays"
    assert server.closed, "the provider is not listened to any more"
    return call, code


async def _nobody() -> bool:
    return False


async def test_an_answer_that_does_not_end_is_cut_off_and_kept_so_far(bench: Bench) -> None:
    call, code = await listen(bench, Endless("x" * 70_001))
    assert (len(call.text), code) == (LONGEST_TEXT, CutOff.__name__)


async def test_a_server_that_trickles_is_not_listened_to_for_ever(bench: Bench) -> None:
    call, code = await listen(bench, Endless("x"), longest_call=0.2)
    assert (set(call.text), code) == ({"x"}, TimedOut.__name__)
