"""How many runs may work at a time, in all and per workspace, so that one busy workspace does not starve the others."""

from __future__ import annotations

import asyncio
from collections import defaultdict


class Slots:
    """First come, first served within a workspace. Who waits holds nothing."""

    def __init__(self, *, overall: int, per_workspace: int) -> None:
        self._overall = asyncio.Semaphore(overall)
        self._workspaces: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_workspace))

    async def take(self, workspace: str) -> None:
        """Wait until this workspace may have one more run at work."""
        own = self._workspaces[workspace]
        await own.acquire()
        try:
            await self._overall.acquire()
        except BaseException:
            own.release()
            raise

    def give_back(self, workspace: str) -> None:
        """Let another run have the slot."""
        self._overall.release()
        self._workspaces[workspace].release()
