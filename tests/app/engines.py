"""What tests of the engine share: events to handle, and an engine that can be killed and started again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from app.domain.inbox import Arrival, Claim
from app.domain.run import Json, RunState
from app.domain.secrets import KeyContext, SealedSecret
from app.engine import Engine, EngineOptions
from app.errors import WontOpen
from app.ports.engine import Journal
from app.services.slots import Limit
from app.store.unit_of_work import Database
from tests.conformance.journal import Play, Stage

W = "slack:T1"
QUICK = EngineOptions(url="", sweep_every=0.2, unattended_after=0.5, keep_for=0.0)


class PlainSealer:
    """Seals nothing, but binds to the context as the real one does."""

    async def seal(self, context: KeyContext, content: bytes) -> SealedSecret:
        return SealedSecret("dk", repr(context).encode() + b"|" + content)

    async def open(self, context: KeyContext, sealed: SealedSecret) -> bytes:
        place, _, content = sealed.blob.partition(b"|")
        if place != repr(context).encode():
            raise WontOpen
        return content


def at_most(runs: int) -> Limit:
    """So many runs of a workspace at a time."""

    async def limit(_workspace: str) -> int:
        return runs

    return limit


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 20) -> None:
    """Wait for a condition; a test that waits in vain says so."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


async def ask(database: Database, n: int, *, thread: str = "1.0", workspace: str = W) -> str:
    """Something comes in; returns its conversation's id."""
    item = Arrival(workspace, "C1", thread, f"Ev{n}", f"{n}.0", "U1", SealedSecret("dk", b"question"))
    async with database.begin() as uow:
        (kept,) = await uow.inbox.accept([(f"conv_{n}", item)])
    return kept.conversation


async def answered(database: Database) -> bool:
    """Whether nothing waits any more."""
    async with database.read() as uow:
        return all([not await uow.inbox.unfinished_in(item) for item in await _conversations(database)])


async def _conversations(database: Database) -> list[str]:
    from sqlalchemy import select

    from app.store.tables import conversations

    async with database.read() as uow:
        return list((await uow.connection.execute(select(conversations.c.id))).scalars())


class Actor:
    """The smallest body: takes one event up, does what the test says, closes. Built on the same protocol as the real one."""

    def __init__(self, database: Database, work: Callable[[Journal, Claim], Awaitable[None]]) -> None:
        self._database = database
        self._work = work

    async def __call__(self, journal: Journal, conversation: str, generation: int) -> bool:
        claims: list[Claim] = []

        async def begin() -> Json:
            async with self._database.begin() as uow:
                taken = await uow.inbox.claim(conversation, generation, journal.run)
                if taken is None:
                    return None
                claim, _ = taken
                await uow.runs.begin(claim)
            return {"inbox": claim.inbox_id, "message": claim.message_id, "again": claim.again}

        began = await journal.step("begin", begin)
        if isinstance(began, dict):
            claims.append(_claim(journal.run, conversation, began))
            await self._work(journal, claims[0])

        async def close() -> Json:
            async with self._database.begin() as uow:
                for claim in claims:
                    await uow.inbox.finish(claim.inbox_id)
                    await uow.runs.finish(claim.run, RunState.DONE)
                return await uow.inbox.close(conversation, generation)

        return bool(await journal.step("close", close))


def _claim(run: str, conversation: str, kept: dict[str, Json]) -> Claim:
    inbox, message = kept["inbox"], kept["message"]
    assert isinstance(inbox, int)
    assert isinstance(message, str)
    return Claim(run, inbox, W, conversation, "C1", "1.0", "U1", message, "", "", again=bool(kept["again"]))


class EngineStage(Stage):
    """The durable journal's stage: an actor of a real engine, that is drained and launched again."""

    def __init__(self, database: Database, sealer: PlainSealer, url: str) -> None:
        super().__init__()
        self._database = database
        self._sealer = sealer
        self._url = url
        self._engine: Engine | None = None
        self._body: Play | None = None
        self._run = ""

    async def begin(self) -> None:
        async def body(journal: Journal, conversation: str, generation: int) -> bool:
            self._run = journal.run
            return await Actor(self._database, self._play)(journal, conversation, generation)

        self._engine = Engine(self._database, self._sealer, body, replace(QUICK, url=self._url), at_most(8))
        await self._engine.launch()

    async def end(self) -> None:
        assert self._engine
        await self._engine.drain(0)

    async def play(self, body: Play) -> None:
        self._body = body
        assert self._engine
        await self._engine.start(await ask(self._database, 1))
        await until(lambda: answered(self._database))

    async def play_interrupted(self, body: Play) -> None:
        self._body = body
        assert self._engine
        await self._engine.start(await ask(self._database, 1))
        await self.interrupted.wait()
        await self.end()
        await self.begin()
        await until(lambda: answered(self._database))

    async def stop(self) -> None:
        assert self._engine
        await self._engine.stop(self._run)

    async def signal(self, name: str, value: Json) -> None:
        assert self._engine
        await self._engine.signal(self._run, name, value)

    async def _play(self, journal: Journal, claim: Claim) -> None:
        assert self._body
        await self._body(journal)
