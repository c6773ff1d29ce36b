"""One answer in Slack: streamed with our own pacing, rolled over in time, delivered whole in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog

from adapters.slack import render
from adapters.slack.elements import button
from adapters.slack.fences import closed, reopening
from adapters.slack.identity import Json
from adapters.slack.steps import NO_CARDS, Steps
from adapters.slack.text import Inert, head_and_tail, inert, split
from adapters.slack.thread import ENDED, NO_STREAMS, Thread
from adapters.slack.web_api import SlackRefused
from adapters.slack.written import Part, Written
from app.domain.views import Button, View
from app.errors import PlatformError, PlatformRateLimited, PlatformUnavailable
from app.ports.platform import ReplyTarget, SavePart, Step

log = structlog.get_logger(__name__)

THINKING = "is thinking…"


class SlackReply:
    """See app.ports.platform.Reply. A task of its own talks to Slack, so that `append` never waits; `finish` takes over from it."""

    def __init__(
        self, thread: Thread, target: ReplyTarget, save: SavePart, parts: Sequence[Part] = (), *, resumed: bool = False
    ) -> None:
        self._thread = thread
        self._target = target
        self._traffic = thread.traffic
        self._limits = thread.traffic.limits
        self._written = Written(thread, target, save, parts)
        self._resumed = resumed
        self._inert = Inert()
        self._pending = ""  # harmless text that nobody sees yet
        self._steps = Steps()
        self._shown = ""  # harmless text that stands in the parts
        self._status = THINKING
        self._status_said = ""
        self._in_session = False
        self._opener = ""  # of a code fence or table that the last part had to end and the next one opens again
        self._lost = False  # a stream may have begun without our hearing of it
        self._editing = False
        self._muted = False
        self._stale_status = False  # a status stands that no message will clear
        self._next_at = 0.0
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()
        self._wake.set()
        self._worker = asyncio.create_task(self._work(), name="slack reply")

    async def append(self, text: str) -> None:
        """See Reply."""
        if not self._resumed:
            self._pending += self._inert.feed(text)
            self._wake.set()

    async def status(self, text: str) -> None:
        """See Reply."""
        self._status = text
        self._wake.set()

    async def steps(self, steps: Sequence[Step]) -> None:
        """See Reply."""
        self._steps.now(steps)
        self._wake.set()

    async def finish(self, text: str, views: Sequence[View] = ()) -> None:
        """See Reply."""
        await self._take_over()
        self._steps.end()
        blocks = [*self._steps.fold, *(render.under_answer(views) if views else [])]
        whole = inert(text)
        try:
            await self._found_again()
            await self._last_cards()
            known = len(self._written.parts)
            await self._written.settle(self._texts(whole, has_blocks=bool(blocks)), blocks)
            self._stale_status = self._stale_status and len(self._written.parts) <= known
        except PlatformError:
            await self._calm_down()
            raise
        finally:
            self._release()
        await self._calm_down()

    async def fail(self, explanation: View, text: str = "") -> None:
        """See Reply."""
        await self.finish(text, (explanation,))

    async def abandon(self) -> None:
        """See Reply."""
        self._worker.cancel()
        await asyncio.wait([self._worker])
        self._release()

    # While the answer is being made

    async def _work(self) -> None:
        try:
            await self._keep_showing()
        except Exception as error:  # noqa: BLE001 - whatever it is, `finish` still delivers the answer
            log.error("slack reply went blind", run=self._target.run, error=type(error).__name__)  # noqa: TRY400 - no content

    async def _keep_showing(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(self._next_at - time.monotonic() if self._has_news else 0)
            async with self._busy:
                await self._tell()
                if self._has_news:
                    await self._show()
            if self._has_news:
                self._wake.set()

    @property
    def _has_news(self) -> bool:
        """Whether there is something that people could see and do not yet."""
        return not self._muted and (bool(self._pending) or self._has_steps)

    @property
    def _has_steps(self) -> bool:
        if self._resumed:
            return False
        by_line = self._editing or not self._traffic.has("streaming")
        return self._steps.line_is_new if by_line else bool(self._cards)

    @property
    def _cards(self) -> list[Json]:
        """What tools did and nobody has seen, where the workspace shows it as cards."""
        return self._steps.fresh if self._traffic.has("streaming") and self._traffic.has("cards") else []

    async def _tell(self) -> None:
        """Say what is being done, and let Slack show its stop button."""
        first = not self._status_said and not self._in_session
        if self._status == self._status_said:
            return
        self._status_said = self._status
        self._stale_status = bool(self._status)
        said = self._thread.say_status(self._status)
        if not first:
            await said
            return
        _, self._in_session = await asyncio.gather(said, self._thread.say_session("processing"))

    async def _show(self) -> None:
        """Bring what is pending to the screen, as far as the budget lets us. What goes wrong here, `finish` puts right."""
        part = self._written.last
        try:
            if part is not None and part.live:
                await self._stream(part)
            elif part is not None and self._editing:
                await self._show_by_editing(part)
            else:
                await self._begin()
        except PlatformRateLimited:
            pass  # the traffic remembers for how long
        except SlackRefused as error:
            self._refused(error, part)
        except PlatformError as error:
            if part is not None:
                part.exact = False
            log.warning("slack reply lags", run=self._target.run, error=error.code)
        every = self._traffic.update_every() if self._editing else self._traffic.append_every()
        self._next_at = time.monotonic() + every

    async def _begin(self) -> None:
        """A new message: a stream if the workspace has them and the minute has one left, else one that is edited."""
        if not (self._pending.strip() or self._has_steps) or await self._found_again():
            return
        last = self._written.last
        opener = self._opener or (reopening(last.text, self._pending) if last else "")
        prefix = f"{opener}\n" if opener and self._pending.strip() else ""
        head, _ = head_and_tail(self._pending, self._limits.part_bytes - len(prefix.encode()) - 8)
        text = prefix + head
        if not self._editing and self._traffic.has("streaming") and self._traffic.take("chat.startStream"):
            cards = self._cards
            if ts := await self._started(text, cards):
                self._steps.bytes = 0
                self._steps.took(cards)
                await self._add(Part(ts, text, live=True), head)
                return
        if self._traffic.take("chat.postMessage"):
            if not self._editing:
                self._editing = True
                self._traffic.edited += 1
            ts = await self._thread.post(text, self._below(), position=len(self._written.parts), patient=False)
            await self._add(Part(ts, text, exact=False), head)

    async def _started(self, text: str, cards: list[Json]) -> str:
        """The id of a new stream; empty if the workspace gives none just now."""
        try:
            return await self._thread.start(text, cards)
        except PlatformRateLimited:
            return ""
        except SlackRefused as error:
            if error.error in NO_STREAMS or (cards and error.error in NO_CARDS):
                self._traffic.lacks("streaming" if error.error in NO_STREAMS else "cards")
            else:
                log.warning("slack stream refused", run=self._target.run, error=error.error)
            return ""
        except PlatformUnavailable:
            self._lost = True
            raise

    async def _found_again(self) -> bool:
        """Whether a stream whose beginning was not confirmed is there after all; it is then a part like any other."""
        if not self._lost:
            return False
        known = {part.ts for part in self._written.parts}
        unknown = [ts for ts, _ in await self._thread.ours_patiently() if ts not in known]
        self._lost = False
        for ts in unknown:
            await self._written.add(Part(ts, "", live=True, exact=False))
        return bool(unknown)

    async def _stream(self, part: Part) -> None:
        whole = part.text + self._pending
        cards = self._cards
        if not (self._pending or cards):
            self._steps.took_line()  # which a stream does not show
            return
        fits, rest = head_and_tail(whole, self._limits.part_bytes - 8 - self._steps.bytes)
        old = time.monotonic() - part.started > self._limits.part_seconds
        if old or rest:
            await self._roll(part, "" if old else fits[len(part.text) :])
        elif self._traffic.take("chat.appendStream"):
            text = self._pending
            await self._thread.append(part.ts, text, cards)
            self._steps.took(cards)
            self._took(part, text)

    async def _roll(self, part: Part, head: str) -> None:
        """The stream is full or old: end it whole, the next text begins another."""
        self._opener = reopening(part.text + head, self._pending[len(head) :])
        text = closed(part.text + head)
        await self._thread.stop(part.ts, text[len(part.text) :], [], position=len(self._written.parts) - 1, last=False)
        self._took(part, head)
        part.text = text
        self._written.no_longer_live(part)
        await self._begin()

    async def _show_by_editing(self, part: Part) -> None:
        if not self._traffic.take("chat.update"):
            return
        fits, rest = head_and_tail(part.text + self._pending, self._limits.part_bytes - 8)
        more = fits[len(part.text) :]
        text = part.text + more
        if rest:
            self._opener = reopening(text, rest)
            text = closed(text)
        blocks = [] if rest else self._below()
        await self._thread.edit(part.ts, text, blocks, position=len(self._written.parts) - 1)
        self._took(part, more)
        part.text = text
        if rest:
            await self._begin()

    async def _add(self, part: Part, head: str) -> None:
        self._opener, self._stale_status = "" if head.strip() else self._opener, False
        self._seen(head)
        await self._written.add(part)

    def _took(self, part: Part, text: str) -> None:
        part.text += text
        self._seen(text)

    def _seen(self, text: str) -> None:
        """People see this much more. Only its length is taken off: while Slack was being asked, more may have been appended."""
        self._shown += text
        self._pending = self._pending[len(text) :]

    def _refused(self, error: SlackRefused, part: Part | None) -> None:
        if self._cards and error.error in NO_CARDS:
            self._traffic.lacks("cards")
            self._wake.set()
        elif part is not None and error.error in ENDED:
            self._written.no_longer_live(part)  # Slack ended it: the next text begins another message
            self._muted = error.error == "stopped_by_user"
        elif part is not None and error.error in {"msg_too_long", "msg_blocks_too_long"}:
            part.started = -1e9  # full before we thought so: roll over
            part.exact = False
        else:
            self._muted = True
            log.warning("slack reply refused", run=self._target.run, error=error.error)

    # The last word

    async def _calm_down(self) -> None:
        """Nothing in the thread says any longer that something is being done."""
        if self._in_session and not self._written.at_rest:
            await self._thread.say_session("active")
        if self._stale_status:
            await self._thread.say_status("")

    async def _last_cards(self) -> None:
        """A stream that ends shows how its steps ended; where it does not take that, the line beneath the answer tells."""
        part, cards = self._written.last, self._cards
        if part is None or not part.live or not cards:
            return
        try:
            await self._thread.append(part.ts, "", cards)
        except PlatformError as error:
            log.info("slack took no more cards", run=self._target.run, reason=error.message)
        else:
            self._steps.took(cards)

    async def _take_over(self) -> None:
        """End the task between two calls, never within one: what Slack took must be known."""
        async with self._busy:
            self._worker.cancel()
        await asyncio.wait([self._worker])

    def _texts(self, whole: str, *, has_blocks: bool) -> list[str]:
        """What each message is to show. What stands already is only continued, if the whole text begins with it."""
        limit = self._limits.part_bytes
        if not whole.strip():
            return [""] if has_blocks else []
        last, parts = self._written.last, self._written.parts
        if self._resumed or last is None or not whole.startswith(self._shown):
            return split(whole, limit)
        rest = whole[len(self._shown) :]
        if self._opener and rest.strip():  # the last part had to close a code fence: the rest opens it again
            return [closed(p.text) for p in parts] + split(f"{self._opener}\n{rest}", limit)
        return [closed(p.text) for p in parts[:-1]] + split(last.text + rest, limit)

    def _release(self) -> None:
        self._written.release()
        if self._editing:
            self._traffic.edited -= 1
            self._editing = False

    def _below(self) -> list[Json]:
        """Where Slack shows no steps and no stop button of its own, the message carries them until the answer ends."""
        self._steps.took_line()
        return [
            *self._steps.below,
            {"type": "actions", "elements": [button(Button("stop", "Stop", self._target.run))]},
        ]
