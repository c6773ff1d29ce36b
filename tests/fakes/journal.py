"""A journal in memory: tests replay a run by handing its memory to the next one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from app.domain.run import Json
from app.errors import StepFailed, Stopped


class MemoryJournal:
    """`memory` maps step numbers to (name, outcome). `done` lists the names of the steps whose work was really done.

    `rested` is told how long it would have been waited for a stop, such as a clock that goes on then.
    """

    def __init__(
        self,
        run: str = "conv_1.0",
        memory: dict[int, tuple[str, str]] | None = None,
        *,
        patience: float = 0.05,
        rested: Callable[[float], None] | None = None,
    ) -> None:
        self._rested = rested
        self.run = run
        self.patience = patience
        self.memory = {} if memory is None else memory
        self.done: list[str] = []
        self.slept: list[float] = []
        self.stopping = False
        self._steps = 0
        self._signals: dict[str, asyncio.Queue[Json]] = {}
        self._work: asyncio.Task[Json] | None = None

    async def step(self, name: str, work: Callable[[], Awaitable[Json]], *, stoppable: bool = False) -> Json:
        self._steps += 1
        if self._steps not in self.memory:
            outcome = await self._outcome(work, stoppable=stoppable)
            self.memory[self._steps] = (name, json.dumps(outcome))
            self.done.append(name)
        kept_name, kept = self.memory[self._steps]
        assert kept_name == name, f"another order of steps on replay: {name} instead of {kept_name}"
        outcome = json.loads(kept)
        if "stopped" in outcome:
            raise Stopped
        if "error" in outcome:
            raise StepFailed(outcome["error"])
        value: Json = outcome["value"]
        return value

    async def sleep(self, seconds: float) -> None:
        """Time flies here, but not so fast that nothing could happen meanwhile."""
        self.slept.append(seconds)
        await asyncio.sleep(0.05)

    async def wait(self, name: str, timeout: float) -> Json:
        """Time flies here: nobody waits longer than `patience`, whatever the timeout."""
        self.slept.append(timeout)
        try:
            async with asyncio.timeout(min(timeout, self.patience)):
                return await self._queue(name).get()
        except TimeoutError:
            if self._rested and name == "stop":
                self._rested(timeout)
            return None

    def stop(self) -> None:
        """What Runs.stop does."""
        self.stopping = True
        if self._work:
            self._work.cancel()
        else:
            self.signal("stop", value=True)

    def signal(self, name: str, value: Json) -> None:
        self._queue(name).put_nowait(value)

    def _queue(self, name: str) -> asyncio.Queue[Json]:
        return self._signals.setdefault(name, asyncio.Queue())

    async def _outcome(self, work: Callable[[], Awaitable[Json]], *, stoppable: bool) -> dict[str, Any]:
        async def coroutine() -> Json:
            return await work()

        task = asyncio.create_task(coroutine())
        self._work = task if stoppable else None
        try:
            return {"value": await task}
        except asyncio.CancelledError:
            if not self.stopping:
                raise
            return {"stopped": True}
        except Exception as error:  # noqa: BLE001 - as the real one
            return {"error": type(error).__name__}
        finally:
            self._work = None
