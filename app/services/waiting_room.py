"""Calls that will fit a limit once others are settled wait here: first come, first served, and for each limit one at a time asks the database."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar
from weakref import WeakValueDictionary

from app.domain.spend import Standing
from app.errors import UserError
from app.services.allowance import over

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that a call waits for others at most."""

EVERY = 0.25
"""Seconds between two looks for room that other processes made, or an admin."""

Subject = tuple[str, str]
"""A limit, and whose spending of those it is for."""


class Full(Exception):
    """Calls that are being made, or that came earlier, leave no room at this moment: for what, and what whoever waits in vain is told."""

    def __init__(self, subject: Subject, refusal: UserError) -> None:
        super().__init__()
        self.subject = subject
        self.refusal = refusal

    @classmethod
    def of(cls, standing: Standing) -> Full:
        """Under a limit."""
        return cls(_subject(standing), over(standing))


class Place:
    """Who tries: from its first look for room until it has some, or gives up."""

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        self.at: Subject | None = None
        self.until: float | None = None
        self.woken = asyncio.Event()
        self.last = False


class Doors:
    """One for each workspace: whoever waits for its row in the database does so here, and holds no connection that others could use."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, workspace: str) -> asyncio.Lock:
        """To be gone through one after another."""
        return self._locks.setdefault(workspace, asyncio.Lock())


class WaitingRoom:
    """The waiting calls of this process."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._queues: dict[Subject, deque[Place]] = {}
        self._doors = Doors()

    async def patiently(
        self, workspace: str, attempt: Callable[[Place], Awaitable[T]], waiting: Callable[[Full], Awaitable[None]]
    ) -> T:
        """Do something that may be Full, until it is not; `waiting` is told once, if there is a wait. Raises what it raises, or why it was in vain."""
        place = Place(workspace)
        try:
            while True:
                place.woken.clear()  # before the look: who leaves while it lasts is not missed
                try:
                    async with self._doors.of(workspace):
                        return await attempt(place)
                except Full as full:
                    if place.last:
                        raise full.refusal from None
                    self._stand(place, full.subject)
                    why = full
                if place.until is None:
                    place.until = asyncio.get_running_loop().time() + self._patience
                    await waiting(why)
                await self._turn(place)
        finally:
            self._leave(place)

    def ahead(self, found: Sequence[Standing], place: Place) -> Standing | None:
        """The limit under which somebody else is to have the room first, if there is one. Whoever waited for long enough looks for themselves."""
        return next((one for one in found if self.others_first(_subject(one), place)), None)

    def others_first(self, subject: Subject, place: Place) -> bool:
        """Whether somebody waits who came earlier. Whoever is first, or waited for long enough, looks for themselves."""
        if place.last or (place.at is not None and self._queues[place.at][0] is place):
            return False
        return bool(self._queues.get(subject))

    def somebody_left(self, workspace: str) -> None:
        """A call of this workspace was settled: there may be room."""
        for queue in self._queues.values():
            if queue[0].workspace == workspace:
                queue[0].woken.set()

    def _stand(self, place: Place, subject: Subject) -> None:
        if place.at == subject:
            return
        self._leave(place)
        place.at = subject
        self._queues.setdefault(subject, deque()).append(place)

    async def _turn(self, place: Place) -> None:
        """Until there may be room: at once when somebody left, or became the first; at last when patience is over."""
        if place.at is None or place.until is None:
            return
        left = place.until - asyncio.get_running_loop().time()
        first = self._queues[place.at][0] is place
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(left, EVERY) if first else left)):
                await place.woken.wait()
        place.last = asyncio.get_running_loop().time() >= place.until

    def _leave(self, place: Place) -> None:
        if place.at is None:
            return
        queue = self._queues[place.at]
        queue.remove(place)
        if queue:
            queue[0].woken.set()
        else:
            del self._queues[place.at]
        place.at = None


def _subject(one: Standing) -> Subject:
    return (one.limit.id, one.subject)
