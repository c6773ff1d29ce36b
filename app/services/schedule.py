"""Work that comes round by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)


class Schedule:
    """Repeats pieces of work until stopped. One that fails is logged by its type and tried again at its next turn."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def every(self, seconds: float, work: Callable[[], Awaitable[object]], *, name: str) -> None:
        """Do this at once, and again so many seconds after each end."""
        self._tasks.append(asyncio.create_task(self._repeat(seconds, work, name), name=name))

    async def stop(self) -> None:
        """Repeat nothing any more; what is being done is broken off."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    @staticmethod
    async def _repeat(seconds: float, work: Callable[[], Awaitable[object]], name: str) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - the next turn may go better
                log.error("periodic work failed", task=name, **place_of(error))  # noqa: TRY400 - no exception text in logs
            await asyncio.sleep(seconds)
