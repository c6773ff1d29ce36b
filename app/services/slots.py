"""How many runs may work at a time, in all and per workspace, so that one busy workspace does not starve the others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Limit = Callable[[str], Awaitable[int]]
"""How many runs of a workspace may work at a time, as it is set now."""


class Slots:
    """First come, first served within a workspace. Who waits holds nothing."""

    def __init__(self, *, overall: int, per_workspace: Limit) -> None:
        self._overall = asyncio.Semaphore(overall)
        self._per_workspace = per_workspace
        self._workspaces: dict[str, _Queue] = {}

    async def take(self, workspace: str) -> None:
        """Wait until this workspace may have one more run at work. The newest limit holds for all who wait."""
        limit = await self._per_workspace(workspace)
        queue = self._workspaces.setdefault(workspace, _Queue(limit))
        queue.limit = limit
        turn = asyncio.get_running_loop().create_future()
        queue.waiting.append(turn)
        queue.next()
        try:
            await turn
            await self._overall.acquire()
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._leave(workspace, queue)
            raise

    def give_back(self, workspace: str) -> None:
        """Let another run have the slot."""
        self._overall.release()
        self._leave(workspace, self._workspaces[workspace])

    def _leave(self, workspace: str, queue: _Queue) -> None:
        queue.at_work -= 1
        queue.next()
        if not queue.at_work and not queue.waiting:
            self._workspaces.pop(workspace, None)


@dataclass
class _Queue:
    """One workspace's runs: how many are at work, and who waits."""

    limit: int
    at_work: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    def next(self) -> None:
        """Let in whoever may come in."""
        while self.waiting and (self.waiting[0].done() or self.at_work < self.limit):
            first = self.waiting.popleft()
            if not first.done():
                self.at_work += 1
                first.set_result(None)
