"""What services may ask of the durable engine, knowing nothing of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from app.domain.run import Json


class Journal(Protocol):
    """The memory of one actor's work. Steps must come in the same order on replay; every side effect and every read that can change the path is one."""

    async def step(self, name: str, work: Callable[[], Awaitable[Json]]) -> Json:
        """Do a piece of work once and remember its result, sealed; on replay return that without doing it again.

        Errors that matter are returned as values: an exception from `work` ends the actor.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait durably: a restart does not begin it anew."""

    async def wait(self, name: str, timeout: float) -> Json:
        """Wait durably for a signal of this name; None when the time is over."""


class Runs(Protocol):
    """The engine as services see it."""

    async def start(self, conversation: str) -> None:
        """See that this conversation's actor (row id) is at work; idempotent, returns at once."""

    async def stop(self, run: str) -> None:
        """Cancel what the run is doing in this process, inside its step; the row's stop flag is the caller's."""

    async def signal(self, run: str, name: str, value: Json) -> None:
        """Wake a `Journal.wait`."""
