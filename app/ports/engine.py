"""What services may ask of the durable engine, knowing nothing of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from app.domain.run import Json


class Journal(Protocol):
    """The memory of one actor's work. Steps must come in the same order on replay; every side effect and every read that can change the path is one."""

    run: str
    """The id of the run that this actor's work is: the same on replay, and no other actor's."""

    @property
    def stopping(self) -> bool:
        """Whether `Runs.stop` reached this run in this process: what cancelled work asks itself before it returns what it has."""

    async def step(self, name: str, work: Callable[[], Awaitable[Json]], *, stoppable: bool = False) -> Json:
        """Do a piece of work once and remember its result, sealed; on replay return that without doing it again.

        Errors that matter are returned as values; any other exception of `work` is a StepFailed, now and on replay. Stoppable work is
        cancelled by `Runs.stop`: it may then return what it has so far, else this raises Stopped, now and on replay.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait durably: a restart does not begin it anew."""

    async def wait(self, name: str, timeout: float) -> Json:
        """Wait durably for a signal of this name; None when the time is over. `Runs.stop` signals `stop`."""


class Runs(Protocol):
    """The engine as services see it."""

    async def start(self, conversation: str) -> None:
        """See that this conversation's actor (row id) is at work; idempotent, returns at once."""

    async def stop(self, run: str) -> None:
        """Cancel the stoppable work that the run is doing, and wake its `wait("stop")`; the row's stop flag is the caller's."""

    async def signal(self, run: str, name: str, value: Json) -> None:
        """Wake a `Journal.wait`. The value is kept as it is: ids and decisions, never content."""
