"""The memory of one actor's work: each step is a checkpoint of the engine, sealed."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from app.domain.run import Json
from app.domain.secrets import KeyContext, SealedSecret
from app.errors import StepFailed, Stopped
from app.ports.keys import Sealer
from app.services.slots import Slots
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)


class EngineFault(BaseException):
    """The engine itself gave way under an actor: not the actor's to handle, so no `except Exception` catches it."""


@dataclass
class Actor:
    """An actor at work in this process."""

    conversation: str
    workspace: str
    task: asyncio.Task[Any]
    has_slot: bool = False
    stopping: bool = False
    more: bool = False
    asked: bool = False
    work: asyncio.Task[Json] | None = field(default=None, repr=False)


class DurableJournal:
    """See Journal."""

    def __init__(self, run: str, actor: Actor, sealer: Sealer, slots: Slots) -> None:
        self.run = run
        self._actor = actor
        self._sealer = sealer
        self._slots = slots
        self._steps = 0

    @property
    def stopping(self) -> bool:
        """See Journal.stopping."""
        return self._actor.stopping

    async def step(self, name: str, work: Callable[[], Awaitable[Json]], *, stoppable: bool = False) -> Json:
        """See Journal.step."""
        from dbos import DBOS

        self._steps += 1
        place = KeyContext(self._actor.workspace, "journal", f"{self.run}/{self._steps}/{name}")

        made_now: list[bytes] = []  # what was just sealed need not be opened

        async def once() -> dict[str, str]:
            outcome = json.dumps(await self._outcome(name, work, stoppable=stoppable)).encode()
            sealed = await self._sealer.seal(place, outcome)
            made_now.append(outcome)
            return {"key": sealed.data_key, "blob": base64.b64encode(sealed.blob).decode()}

        try:
            kept = await DBOS.run_step_async({"name": name}, once)
            if not made_now:
                made_now.append(
                    await self._sealer.open(place, SealedSecret(kept["key"], base64.b64decode(kept["blob"])))
                )
        except Exception as error:
            raise EngineFault(name) from error
        outcome = json.loads(made_now[-1])
        if outcome.get("stopped"):
            raise Stopped
        if "error" in outcome:
            raise StepFailed(outcome["error"])
        value: Json = outcome["value"]
        return value

    async def sleep(self, seconds: float) -> None:
        """See Journal.sleep; the slot is others' meanwhile."""
        from dbos import DBOS

        await self._waiting(DBOS.sleep_async(seconds))

    async def wait(self, name: str, timeout: float) -> Json:
        """See Journal.wait; the slot is others' meanwhile."""
        from dbos import DBOS

        value: Json = await self._waiting(DBOS.recv_async(name, timeout))
        return value

    async def _outcome(self, name: str, work: Callable[[], Awaitable[Json]], *, stoppable: bool) -> dict[str, Json]:
        """What became of the work, as a value. A cancelled actor is not a stopped run: that work is done again later."""
        task = asyncio.create_task(_coroutine(work))
        self._actor.work = task if stoppable else None
        try:
            value = await task
        except asyncio.CancelledError:
            if _cancelled() or not self.stopping:
                raise
            return {"stopped": True}
        except Exception as error:  # noqa: BLE001 - the body is told, and explains
            log.error("step failed", step=name, run=self.run, **place_of(error))  # noqa: TRY400
            return {"error": type(error).__name__}
        finally:
            self._actor.work = None
        if _cancelled():  # the work answered to the actor's being cancelled with a value: that does not count
            raise asyncio.CancelledError
        return {"value": value}

    async def _waiting(self, what: Awaitable[Any]) -> Any:
        """Others may have the slot meanwhile. Cancelled, it is not taken again."""
        self._slots.give_back(self._actor.workspace)
        self._actor.has_slot = False
        try:
            value = await what
        except Exception as error:
            raise EngineFault("wait") from error
        await self._slots.take(self._actor.workspace)
        self._actor.has_slot = True
        return value


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _coroutine(work: Callable[[], Awaitable[Json]]) -> Json:
    return await work()
