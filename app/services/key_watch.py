"""Calls under way, cut when their key goes: revoked in whichever process, no word of an answer is paid for by it a second later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import structlog

from app.domain.keys import KeyStatus, ProviderKey
from app.domain.run import ModelEvent
from app.errors import NoKey
from app.store.unit_of_work import Database
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)

EVERY = 0.75
"""Seconds between two looks, while there are calls."""

GONE = (
    "The key that pays for this was revoked while it was being answered. An admin can set another with `/byok setkey`."
)


@dataclass(eq=False, slots=True)
class _Call:
    key: ProviderKey
    waiting: asyncio.Timeout | None = None
    cut: bool = False

    def end(self) -> None:
        """Wake whoever waits for the provider, once; who does not, finds out before they wait again."""
        if self.cut:
            return  # it is ending: that can take a while
        self.cut = True
        if self.waiting is not None:
            self.waiting.reschedule(asyncio.get_running_loop().time())


class KeyWatch:
    """Watches over the calls of its process. While there are none, nobody looks."""

    def __init__(self, database: Database, *, every: float = EVERY) -> None:
        self._database = database
        self._every = every
        self._calls: set[_Call] = set()
        self._dead: set[tuple[str, int]] = set()  # versions that were seen to be refused
        self._looking: asyncio.Task[None] | None = None
        self._stopping = False

    async def stop(self) -> None:
        """Look no more: to be called once no call is under way, while there is a database still."""
        self._stopping = True
        if self._looking is not None:
            await asyncio.wait([self._looking])

    async def over(self, key: ProviderKey, events: AsyncIterator[ModelEvent]) -> AsyncGenerator[ModelEvent]:
        """What a provider says under this key; raises NoKey as soon as the key is seen to be gone. Whoever made `events` closes them."""
        call = _Call(key)
        self._calls.add(call)
        if self._looking is None and not self._stopping:
            self._looking = asyncio.create_task(self._look(), name="watch keys")
        try:
            while True:
                try:
                    yield await _next(call, events)
                except StopAsyncIteration:
                    return
        finally:
            self._calls.discard(call)

    async def _look(self) -> None:
        try:
            while self._calls and not self._stopping:
                await asyncio.sleep(self._every)
                if not self._calls:
                    return
                try:
                    await self._cut()
                except Exception as error:  # noqa: BLE001 - the next look may go better
                    log.error("keys not watched", **place_of(error))  # noqa: TRY400 - no exception text in logs
        finally:
            self._looking = None
            self._dead.clear()

    async def _cut(self) -> None:
        calls = tuple(self._calls)  # a call that begins while the rows are read was looked at as it began
        async with self._database.read() as uow:
            now = await uow.keys.standing({call.key.id for call in calls})
        for call in calls:
            status, version = now.get(call.key.id, (KeyStatus.REVOKED, 0))
            this = (call.key.id, call.key.version)
            if version == call.key.version and status is KeyStatus.REFUSED:
                self._dead.add(this)
            if status is KeyStatus.REVOKED or (version != call.key.version and this in self._dead):
                call.end()


async def _next(call: _Call, events: AsyncIterator[ModelEvent]) -> ModelEvent:
    if call.cut:
        raise _gone(call)
    limit = asyncio.timeout(None)
    try:
        async with limit:
            call.waiting = limit
            try:
                return await anext(events)
            finally:
                call.waiting = None
    except TimeoutError:
        if limit.expired():
            raise _gone(call) from None
        raise


def _gone(call: _Call) -> NoKey:
    error = NoKey(GONE)
    error.waits_for = call.key.id
    return error
