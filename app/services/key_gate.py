"""Who may call a provider under a key now. Once it asked for patience, nobody calls until its time is over, and then one after another first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.domain.keys import ProviderKey
from app.errors import Paused
from app.ports.clock import Clock

WIDE = 16
"""Calls at a time: a key that bore so many again is as good as new."""

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds, where the provider does not say how long: twice as long each time it says no again."""
_DOUBLED = 5
"""Times, until the longest is reached."""


@dataclass
class _Lane:
    """A key that was told to wait a moment ago: how many may try at a time, and who is next."""

    width: int = 1
    trying: int = 0
    refusals: int = 0
    until: datetime | None = None
    version: int = 0  # of the key that was told so
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    def next(self) -> None:
        """Let in whoever may come in, first come, first served."""
        while self.waiting and (self.waiting[0].done() or self.trying < self.width):
            first = self.waiting.popleft()
            if not first.done():
                self.trying += 1
                first.set_result(None)


class KeyGate:
    """One process's; what other processes were told stands in the key's row (`paused_until`). Costs nothing while nobody was told to wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}

    def patience(self, key_id: str) -> float:
        """Seconds that are still to be waited, 0 if a call may be tried."""
        lane = self._lanes.get(key_id)
        left = (lane.until - self._clock.now()).total_seconds() if lane and lane.until else 0.0
        return max(left, 0.0)

    def told_to_wait(self, key_id: str, retry_after: float | None, *, version: int = 0) -> datetime:
        """The provider said no to this version of a key: until when nobody calls. Calls under way go on."""
        lane = self._lanes.setdefault(key_id, _Lane())
        now = self._clock.now()
        fresh = lane.until is None or lane.until <= now  # several are told so at once, and that is one refusal
        if fresh:
            lane.refusals += 1
        wait = retry_after if retry_after is not None else FIRST_PAUSE * 2.0 ** min(lane.refusals - 1, _DOUBLED)
        until = now + timedelta(seconds=wait if retry_after is not None else min(wait, LONGEST_PAUSE))
        lane.until = until if fresh or lane.until is None else max(until, lane.until)
        lane.width, lane.version = 1, version
        return lane.until

    def must_not_wait(self, key: ProviderKey) -> None:
        """Return if a call may be tried, by what this process was told and what stands in the key's row, which may be of another one. Raises Paused."""
        until, lane = key.paused_until, self._lanes.get(key.id)
        if until is None or until <= self._clock.now():
            if lane and lane.version == key.version and self.patience(key.id):
                raise Paused(retry_after=self.patience(key.id))  # the row has yet to be written
            if lane:
                lane.until = None  # over, or said of a key whose place another one took
            return
        lane = self._lanes.setdefault(key.id, _Lane())
        if lane.until is None or lane.until < until:
            lane.until, lane.width, lane.version = until, 1, key.version
        raise Paused(retry_after=self.patience(key.id))

    @asynccontextmanager
    async def turn(self, key_id: str) -> AsyncIterator[Callable[[], None]]:
        """Wait until it is this call's turn, which may be at once. What is yielded is to be called when the provider began to answer, or failed in another way."""
        lane = self._lanes.get(key_id)
        if lane is None:
            yield _nothing
            return
        turn = asyncio.get_running_loop().create_future()
        lane.waiting.append(turn)
        lane.next()
        inside = True

        def leave(*, answered: bool) -> None:
            nonlocal inside
            if inside:
                inside = False
                self._left(key_id, lane, answered=answered)

        try:
            await turn
            yield lambda: leave(answered=True)
        finally:
            if turn.done() and not turn.cancelled():
                leave(answered=False)
            else:
                turn.cancel()
                lane.next()

    def _left(self, key_id: str, lane: _Lane, *, answered: bool) -> None:
        lane.trying -= 1
        if answered and not self.patience(key_id):
            lane.width *= 2
            lane.refusals = 0
        lane.next()
        if lane.width > WIDE and not lane.waiting and not lane.trying and self._lanes.get(key_id) is lane:
            del self._lanes[key_id]


def _nothing() -> None:
    return None
