"""Conversation actors. One is a workflow `d:{conversation}:{generation}` that handles one event of its conversation.

It survives the process: what its steps returned is remembered, the rest is done again after a restart. Whatever goes wrong is swept up here.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import IO, Any

import sqlalchemy
import structlog

from app.domain.run import Json
from app.engine import library
from app.engine.journal import Actor, DurableJournal, EngineFault
from app.engine.library import EngineOptions
from app.ports.engine import Journal
from app.ports.keys import Sealer
from app.services.slots import Limit, Slots
from app.store.engine_rows import connections, take_lock, truncate_log
from app.store.unit_of_work import Database
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)

MAX_RECOVERIES = 25
"""An event that brings the process down this often is given up, and explained."""

LOOK_AGAIN = 0.2
"""Seconds between two looks at who still works when the engine is to end."""

BROKEN = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
"""How a workflow ends that did not end well, in the library's words."""

Body = Callable[[Journal, str, int], Awaitable[bool]]
"""What an actor does, given its journal, its conversation's row id and its generation. It tells whether another generation has work."""


class Engine:
    """See Runs. Nothing runs before `launch`; what came in earlier is swept up then."""

    def __init__(
        self, database: Database, sealer: Sealer, body: Body, options: EngineOptions, per_workspace: Limit
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._body = body
        self._options = options
        self._slots = Slots(overall=options.overall, per_workspace=per_workspace)
        self._actors: dict[str, Actor] = {}
        self._conversations: dict[str, Actor] = {}
        self._open = False
        self._outside = contextvars.copy_context()
        self._followers: set[asyncio.Task[None]] = set()
        self._sweep_now = asyncio.Event()
        self._sweeper: asyncio.Task[None] | None = None
        self._lock: IO[str] | None = None
        self._rows: sqlalchemy.Engine | None = None
        self._workflow: Callable[[str, int, str], Coroutine[Any, Any, None]] | None = None
        self._truncated = False

    @property
    def active(self) -> int:
        """How many actors live in this process, waiting ones counted."""
        return len(self._actors)

    @property
    def running(self) -> bool:
        """Whether it has been launched, and not drained."""
        return self._open

    async def launch(self) -> None:
        """Begin: what an earlier process left unfinished is resumed. Raises SettingsError if another process is at it."""
        self._lock = take_lock(self._options.lock) if self._options.lock else None
        await asyncio.to_thread(
            importlib.import_module, "dbos"
        )  # half a second of work that the loop need not wait for
        from dbos import DBOS

        self._rows = connections(self._options.url)
        if self._rows.dialect.name == "postgresql":
            # It makes indexes that wait for every open transaction, ours too: those end only while the loop goes on.
            await asyncio.to_thread(DBOS.migrate, self._rows.url.render_as_string(hide_password=False))
        DBOS(config=library.config(self._options, self._rows))
        library.take_over_logging()

        @DBOS.workflow(name="actor", max_recovery_attempts=MAX_RECOVERIES)
        async def actor(conversation: str, generation: int, workspace: str) -> None:
            await self._act(conversation, generation, workspace)

        self._workflow = actor
        DBOS.launch()  # in the loop's own thread: it takes this loop for what it resumes
        self._open = True
        self._sweeper = asyncio.create_task(self._sweep_forever(), context=self._outside)

    async def drain(self, seconds: float) -> None:
        """Take nothing new, let runs end for so long, and leave the rest to be resumed by the next process."""
        self._open = False
        if self._workflow is None:
            return
        if self._sweeper:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])
        await self._end_actors(seconds)
        from dbos import DBOS

        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as thread:
            await loop.run_in_executor(thread, lambda: DBOS.destroy(destroy_registry=True))
        loop.set_default_executor(ThreadPoolExecutor())  # the engine had put its own there, which is gone
        if self._rows:
            self._rows.dispose()
        if self._lock:
            self._lock.close()

    async def start(self, conversation: str) -> None:
        """See Runs.start."""
        if not self._open or self._workflow is None:
            return  # found by the first sweep of whoever is next
        at_work = self._conversations.get(conversation)
        if at_work:
            at_work.asked = True  # it may or may not have seen what came in: that is looked at when it ends
            return
        async with self._database.read() as uow:
            row = await uow.inbox.conversation(conversation)
        if row is None or _run(row.id, row.generation) in self._actors:
            return
        from dbos import DBOS, SetWorkflowID

        with SetWorkflowID(_workflow(_run(row.id, row.generation))):
            await DBOS.start_workflow_async(self._workflow, row.id, row.generation, row.workspace)

    async def stop(self, run: str) -> None:
        """See Runs.stop."""
        actor = self._actors.get(run)
        if actor:
            actor.stopping = True
        if actor and actor.work:
            actor.work.cancel()
        else:
            await self.signal(run, "stop", value=True)

    async def signal(self, run: str, name: str, value: Json) -> None:
        """See Runs.signal; a run that is over hears nothing."""
        if not self._open:
            return
        from dbos import DBOS, error

        try:
            await DBOS.send_async(_workflow(run), value, topic=name)
        except error.DBOSNonExistentWorkflowError:
            log.debug("signal to a run that is over", run=run)

    async def _act(self, conversation: str, generation: int, workspace: str) -> None:
        task = asyncio.current_task()
        if task is None or not self._open:
            raise asyncio.CancelledError  # recovered while the process goes down: it stays pending
        run = _run(conversation, generation)
        actor = self._actors[run] = self._conversations[conversation] = Actor(conversation, workspace, task)
        task.add_done_callback(lambda ended: self._ended(run, actor, ended), context=self._outside)
        await self._slots.take(workspace)
        actor.has_slot = True
        try:
            journal = DurableJournal(run, actor, self._sealer, self._slots)
            actor.more = await self._body(journal, conversation, generation)
        except EngineFault as fault:
            raise fault.__cause__ or fault from None
        finally:
            if actor.has_slot:
                self._slots.give_back(workspace)

    def _ended(self, run: str, actor: Actor, task: asyncio.Task[Any]) -> None:
        self._actors.pop(run, None)
        if self._conversations.get(actor.conversation) is actor:
            del self._conversations[actor.conversation]
        if not self._open:
            return
        if task.cancelled() or task.exception():
            failed = None if task.cancelled() else task.exception()
            log.error("an actor came to a bad end", run=run, **(place_of(failed) if failed else {}))
            self._sweep_now.set()
            return
        if actor.more or actor.asked:
            follower = asyncio.create_task(self._follow(actor.conversation, certain=actor.more), context=self._outside)
            self._followers.add(follower)
            follower.add_done_callback(self._followers.discard)

    async def _follow(self, conversation: str, *, certain: bool) -> None:
        try:
            if certain or await self._waits(conversation):
                await self.start(conversation)
        except Exception as error:  # noqa: BLE001 - the next sweep starts it
            log.error("conversation not continued", **place_of(error))  # noqa: TRY400 - no exception text in logs

    async def _waits(self, conversation: str) -> bool:
        async with self._database.read() as uow:
            return await uow.inbox.unfinished_in(conversation)

    async def _end_actors(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until, told = loop.time() + seconds, set[asyncio.Task[Any]]()
        while self._actors and (left := until - loop.time()) > 0:
            # Who waits for a slot, a signal or a moment need not be waited for, not even who only begins to wait now.
            waiting = {actor.task for actor in self._actors.values() if not actor.has_slot} - told
            for task in waiting:
                task.cancel()
            told |= waiting
            await asyncio.wait([actor.task for actor in self._actors.values()], timeout=min(left, LOOK_AGAIN))
        for _ in range(3):  # work that answers to being cancelled with a value needs to be told again
            tasks = [actor.task for actor in self._actors.values()]
            for task in tasks:
                task.cancel()
            if not tasks:
                return
            await asyncio.wait(tasks, timeout=2)
        log.warning("actors did not let go", count=len(self._actors))

    async def _sweep_forever(self) -> None:
        self._sweep_now.set()  # at first everything: nobody else is at work
        while True:
            at_once = self._sweep_now.is_set()
            self._sweep_now.clear()  # before the sweep: what ends badly during it may be missed, and gets one of its own
            try:
                await self._sweep(timedelta(seconds=0 if at_once else self._options.unattended_after))
            except Exception as error:  # noqa: BLE001 - whatever it is, the next sweep may go better
                log.error("sweep failed", **place_of(error))  # noqa: TRY400 - no exception text in logs
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sweep_now.wait(), self._options.sweep_every)

    async def _sweep(self, unattended: timedelta) -> None:
        given_up = await self._give_up_broken()
        async with self._database.read() as uow:
            conversations = await uow.inbox.unattended(unattended)
        for conversation in conversations:
            await self.start(conversation)
        await self._erase_finished(given_up)

    async def _give_up_broken(self) -> set[str]:
        """End the generations whose workflows did not end well; their event passes to the next one, which explains."""
        broken = await library.workflows(*BROKEN)
        for workflow in broken:
            conversation, generation = _parts(workflow)
            async with self._database.begin() as uow:
                await uow.inbox.close(conversation, generation)
        return set(broken)

    async def _erase_finished(self, given_up: set[str]) -> None:
        """Erase what ended long enough ago; of what ended badly only what was given up, or its generation would begin anew."""
        from dbos import DBOS

        done = await library.workflows("SUCCESS", ended_for=self._options.keep_for)
        if given_up:
            ended = await library.workflows(*BROKEN, ended_for=self._options.keep_for)
            done += [workflow for workflow in ended if workflow in given_up]
        if done:
            await DBOS.delete_workflows_async(done)
            self._truncated = False
        if self._rows and not self._truncated and self._rows.dialect.name == "sqlite":
            self._truncated = await asyncio.to_thread(truncate_log, self._rows)


def _run(conversation: str, generation: int) -> str:
    return f"{conversation}.{generation}"


def _workflow(run: str) -> str:
    conversation, _, generation = run.rpartition(".")
    return f"d:{conversation}:{generation}"


def _parts(workflow: str) -> tuple[str, int]:
    _, conversation, generation = workflow.split(":")
    return conversation, int(generation)
