"""One answer in Teams: streamed in a one-to-one chat, posted and edited elsewhere, delivered whole in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from adapters.teams.answer import Answer, Part
from adapters.teams.citations import NONE, rest, sources_of
from adapters.teams.refusals import CANCELED, TOO_LARGE, TeamsRefused
from adapters.teams.render import asks_feedback
from adapters.teams.steps import below, beneath
from adapters.teams.steps import line as line_of
from adapters.teams.stream import Stream
from adapters.teams.text import closed, inert, split, steady
from app.domain.chat import Place
from app.domain.views import View
from app.errors import PlatformError, PlatformRateLimited
from app.ports.platform import ReplyTarget, Step

log = structlog.get_logger(__name__)

THINKING = "is thinking…"
_LET_GO = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often an answer shows more, how long a stream lasts (Teams: 120 s), how large a message gets (Teams: about 28 kB, as UTF-16).

    `patience`: seconds without a word after which a stream says that there is thinking, and a message, where there is no stream, what is being
    done, and can be stopped: a quick answer needs no more than two requests.
    """

    every: float = 1.5
    patience: float = 4.0
    stream_seconds: float = 105.0
    room: int = 18_000


class TeamsReply:
    """See app.ports.platform.Reply. A task of its own talks to Teams, so that `append` never waits; `finish` takes over from it.

    `stream` is there where the chat may stream; `stopped` is called when the person has pressed Teams' own stop button; `released` when
    nothing more will be streamed.
    """

    def __init__(
        self,
        answer: Answer,
        target: ReplyTarget,
        *,
        stream: Stream | None,
        pace: Pace,
        stopped: Callable[[], Awaitable[None]],
        released: Callable[[], None],
        resumed: bool = False,
    ) -> None:
        self._answer = answer
        self._target = target
        self._stream = stream
        self._pace = pace
        self._stopped = stopped
        self._released = released
        self._said = ""
        self._steps: tuple[Step, ...] = ()
        self._status = THINKING
        self._status_said = ""
        self._muted = resumed
        self._next_at = 0.0
        self._patient_until = time.monotonic() + pace.patience
        self._wake = asyncio.Event()
        self._alarm = asyncio.get_running_loop().call_later(pace.patience, self._wake.set)
        self._busy = asyncio.Lock()
        self._wake.set()
        self._worker = asyncio.create_task(self._work(), name="teams reply")

    async def append(self, text: str) -> None:
        """See Reply."""
        self._said += text
        self._wake.set()

    async def status(self, text: str) -> None:
        """See Reply."""
        self._status = text
        self._wake.set()

    async def steps(self, steps: Sequence[Step]) -> None:
        """See Reply. Before there is any text they are what is being done; then they stand under it, where there is no stream."""
        self._steps = tuple(steps)
        if steps:
            self._status, self._patient_until = line_of(steps), 0.0
            self._wake.set()

    async def finish(self, text: str, views: Sequence[View] = ()) -> None:
        """See Reply."""
        await self._take_over()
        said, room, thumbs = inert(text), self._pace.room, asks_feedback(views)
        sources = cited = sources_of(views)
        try:
            line, card = await self._answer.beneath(views)
            line = beneath(self._steps, line)
            while True:
                try:
                    texts = self._texts(_with(said, rest(said, sources, cited=cited is sources), line), room)
                    await self._answer.settle(texts, card, thumbs=thumbs, sources=cited)
                except TeamsRefused as error:
                    if error.reason != TOO_LARGE or room < 1000:
                        raise
                    room, cited = room // 2, NONE  # smaller without citations: all sources are listed instead
                else:
                    return
        finally:
            self._released()

    async def fail(self, explanation: View, text: str = "") -> None:
        """See Reply."""
        await self.finish(text, (explanation,))

    async def abandon(self) -> None:
        """See Reply. What is just being posted gets its id saved, if that takes no longer than a moment."""
        try:
            async with asyncio.timeout(_LET_GO):
                await self._take_over()
        except TimeoutError:
            self._worker.cancel()
            await asyncio.wait([self._worker])
        finally:
            self._released()

    async def _work(self) -> None:
        try:
            await self._keep_showing()
        except Exception as error:  # noqa: BLE001 - whatever it is, `finish` still delivers the answer
            log.error("teams reply went blind", run=self._target.run, error=type(error).__name__)  # noqa: TRY400 - no content

    async def _keep_showing(self) -> None:
        while not self._muted:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(max(self._next_at - time.monotonic(), 0))
            self._next_at = time.monotonic() + self._pace.every
            async with self._busy:
                await self._show()

    async def _show(self) -> None:
        """Bring what was said to the screen, as far as Teams lets us. What goes wrong here, `finish` puts right."""
        try:
            if self._stream is not None and not self._stream.id:
                await self._begin_stream(self._stream)
            elif texts := self._shown_texts():
                await self._show_text(texts)
            elif self._status and self._status != self._status_said:
                await self._show_status(_sentence(self._status))
        except PlatformRateLimited as error:
            self._next_at = time.monotonic() + max(error.retry_after or 0, self._pace.every)
            self._wake.set()
        except TeamsRefused as error:
            await self._refused(error)
        except PlatformError as error:
            log.warning("teams reply lags", run=self._target.run, error=error.code)
            self._muted = self._stream is None and self._answer.doubtful
            self._wake.set()

    async def _show_status(self, text: str) -> None:
        status, part = self._status, self._answer.last
        patient = time.monotonic() < self._patient_until
        if self._stream is not None:
            if patient and status == THINKING:
                return  # what it says already will do: the next request is better kept for the first words
            await self._stream.inform(text)
        elif patient:
            if not self._status_said and self._target.conversation.place is not Place.CHANNEL:  # no dots in channels
                await self._answer.typing()
            return
        else:
            part = part or await self._answer.begin(patient=False)
            await self._answer.edit(part, f"{self._answer.heading}_{text}_", unfinished=True)
        self._status_said = status

    async def _begin_stream(self, stream: Stream) -> None:
        """With no word of the answer: its message is saved before there are any."""
        await stream.inform(self._answer.promise)
        if stream.id:
            await self._answer.add(Part(stream.id, "", stream))
        else:
            self._no_longer_live("")  # begun, for all we know, but nothing can be added to it
        self._wake.set()

    async def _show_text(self, texts: Sequence[str]) -> None:
        for position in range(max(len(self._answer.parts) - 1, 0), len(texts)):
            text, last = texts[position], position == len(texts) - 1
            if position == len(self._answer.parts):
                await self._answer.begin(patient=False)
            part = self._answer.parts[position]
            if self._stream is not None and position == 0:
                await self._grow(self._stream, part, text, whole=not last)
            elif part.text != text:
                await self._answer.edit(part, text, unfinished=last)

    async def _grow(self, stream: Stream, part: Part, text: str, *, whole: bool) -> None:
        if whole or stream.age > self._pace.stream_seconds:
            await stream.end(self._answer.message(text), patient=False)
            self._no_longer_live(text)
        elif text != part.text and text.startswith(part.text):
            await stream.grow(text)
            part.text = text

    async def _refused(self, error: TeamsRefused) -> None:
        log.info("teams reply refused", run=self._target.run, reason=error.message)
        if error.reason == CANCELED:
            self._muted = True
            self._no_longer_live("")
            await self._stopped()
        elif self._stream is not None:
            # No streams here, or this one is over: its message, if there is one, is edited from now on.
            self._no_longer_live("")
            self._wake.set()
        else:
            self._muted = True

    def _no_longer_live(self, text: str) -> None:
        """The stream is over: by us, with this text, or by Teams."""
        self._stream = None
        for part in self._answer.parts:
            part.stream, part.text, part.exact = None, text or part.text, bool(text)
        self._released()

    async def _take_over(self) -> None:
        """End the task between two calls, never within one: what Teams took must be known."""
        self._alarm.cancel()
        async with self._busy:
            self._worker.cancel()
        await asyncio.wait([self._worker])

    def _shown_texts(self) -> list[str]:
        texts = self._texts(inert(steady(self._said)), self._pace.room)
        return below(texts, self._steps) if self._stream is None else texts

    def _texts(self, whole: str, room: int) -> list[str]:
        """What each message is to show."""
        return split(self._answer.heading + whole, room) if whole.strip() else []


def _with(said: str, listed: str, line: str) -> str:
    """The answer, and beneath it what it was made from and the line of notes."""
    pieces = [closed(said) if said.strip() else "", listed, f"*{line}*" if line and said.strip() else line]
    return "\n\n".join(piece for piece in pieces if piece) if listed or line else said


def _sentence(status: str) -> str:
    """`is thinking…` → `Thinking…`: Teams puts no name before it."""
    words = status.removeprefix("is ")
    return words[:1].upper() + words[1:]
