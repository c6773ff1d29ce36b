"""One answer's way to its platform: opened when it is first needed, taken up again after a restart, ended for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from app.domain.views import View
from app.errors import PlatformError, PlatformRateLimited, PlatformUnavailable
from app.ports.platform import ChatPlatform, PartRef, Reply, ReplyTarget, Step
from app.store.unit_of_work import Database

log = structlog.get_logger(__name__)

WORTH_ANOTHER_TRY = (PlatformUnavailable.__name__, PlatformRateLimited.__name__)


class Shows(Protocol):
    """Where people see what is going on. Returns at once, never raises."""

    async def append(self, text: str) -> None:
        """More of the answer."""

    async def status(self, text: str) -> None:
        """What is being done now."""

    async def step(self, step: Step) -> None:
        """One more thing that is done on the way, or how far it is now."""

    def remark(self, text: str) -> None:
        """What people are to be told beneath the answer, when it ends."""


class Aside:
    """What an agent does for another one: people see its steps, but not its words, which are for the other."""

    def __init__(self, shows: Shows) -> None:
        self._shows = shows

    async def append(self, text: str) -> None:
        """Nothing: it is not said to people."""

    async def status(self, text: str) -> None:
        """See Shows."""
        await self._shows.status(text)

    async def step(self, step: Step) -> None:
        """See Shows."""
        await self._shows.step(step)

    def remark(self, text: str) -> None:
        """See Shows."""
        self._shows.remark(text)


class Delivery:
    """See Reply. What is shown on the way may lag, be skipped or fail; only the end is certain, or tells why not."""

    def __init__(self, platform: ChatPlatform, database: Database, target: ReplyTarget, *, fresh: bool) -> None:
        self.target = target
        self._platform = platform
        self._database = database
        self._fresh = fresh
        self._opening: asyncio.Task[Reply] | None = None
        self._unsaid: list[str] = []
        self._status = ""
        self._steps: dict[str, Step] = {}
        self.remarks: list[str] = []
        """What people are to be told beneath the answer; the same on replay."""

    def begin(self) -> None:
        """Open it besides: the model is not kept waiting for the platform."""
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(_seen)

    async def append(self, text: str) -> None:
        """Show more of the answer, as soon as can be."""
        self._unsaid.append(text)
        reply = self._opened()
        if reply:
            unsaid, self._unsaid = "".join(self._unsaid), []
            await reply.append(unsaid)

    async def status(self, text: str) -> None:
        """Say what is being done now."""
        self._status = text
        self.begin()
        reply = self._opened()
        if reply:
            await reply.status(text)

    async def step(self, step: Step) -> None:
        """Show one more thing that is done on the way, or how far it is now: ids tell them apart, the first mention is their order."""
        self._steps[step.id] = step
        self.begin()
        reply = self._opened()
        if reply:
            await reply.steps(tuple(self._steps.values()))

    def remark(self, text: str) -> None:
        """See Shows."""
        self.remarks.append(text)

    async def finish(self, text: str, views: Sequence[View]) -> str:
        """End with the whole text. Tells the code of what went wrong, or nothing."""
        return await self._end(lambda reply: reply.finish(text, views))

    async def fail(self, explanation: View, text: str) -> str:
        """End with what was said so far and why there is no more. Tells the code of what went wrong, or nothing."""
        return await self._end(lambda reply: reply.fail(explanation, text))

    async def abandon(self) -> None:
        """Let go: another process takes it up."""
        opening, self._opening = self._opening, None
        if opening is None:
            return
        if opening.done() and not opening.cancelled() and not opening.exception():
            await opening.result().abandon()
        else:
            opening.cancel()

    async def _end(self, act: Callable[[Reply], Awaitable[None]]) -> str:
        self.begin()
        opening = self._opening
        if opening is None:
            return PlatformError.__name__
        try:
            await act(await opening)
        except PlatformError as error:
            self._opening, self._fresh = None, False  # this reply has ended; another try takes up what is there
            log.warning("answer not delivered", run=self.target.run, error=error.code)
            return error.code
        return ""

    def _opened(self) -> Reply | None:
        done = self._opening is not None and self._opening.done() and not self._opening.cancelled()
        return self._opening.result() if self._opening and done and not self._opening.exception() else None

    async def _open(self) -> Reply:
        workspace, run = self.target.conversation.workspace, self.target.run
        parts: tuple[PartRef, ...] = ()
        if not self._fresh:
            async with self._database.read() as uow:
                parts = await uow.runs.parts(workspace, run)
        if self._fresh:
            reply = await self._platform.open_reply(self.target, self._save)
        else:
            reply = await self._platform.resume_reply(self.target, parts, self._save)
        if self._status:
            await reply.status(self._status)
        if self._steps:
            await reply.steps(tuple(self._steps.values()))
        return reply

    async def _save(self, part: PartRef) -> None:
        async with self._database.begin() as uow:
            await uow.runs.save_part(self.target.run, part)


def _seen(opening: asyncio.Task[Reply]) -> None:
    """Whoever ends the reply meets the exception again; until then nobody needs to."""
    if not opening.cancelled():
        opening.exception()
