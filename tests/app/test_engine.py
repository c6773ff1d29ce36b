"""Actors: at once, one after the other in each conversation, never twice, and nothing stays behind; on both databases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy

from app.domain.inbox import Claim
from app.domain.run import Json
from app.engine import Engine, EngineOptions
from app.errors import SettingsError
from app.ports.engine import Journal
from app.store.unit_of_work import Database
from tests.app.engines import QUICK, Actor, PlainSealer, answered, ask, at_most, until
from tests.fakes.databases import TestClock

Work = Callable[[Journal, Claim], Awaitable[None]]


@pytest.fixture
def options(any_database: Database, tmp_path: Path) -> EngineOptions:
    if any_database.is_sqlite:
        return replace(QUICK, url=f"sqlite:///{tmp_path / 'engine.db'}")
    return replace(QUICK, url=any_database.url.render_as_string(hide_password=False))


@asynccontextmanager
async def running(
    database: Database, work: Work, options: EngineOptions, *, per_workspace: int = 8
) -> AsyncIterator[Engine]:
    engine = Engine(database, PlainSealer(), Actor(database, work), options, at_most(per_workspace))
    await engine.launch()
    try:
        yield engine
    finally:
        await engine.drain(0)


async def remembering(journal: Journal, seen: list[str], claim: Claim, pause: float = 0) -> None:
    async def work() -> Json:
        seen.append(claim.message_id)
        await asyncio.sleep(pause)
        return None

    await journal.step("work", work)


async def test_each_event_is_handled_once_and_each_conversation_in_order(
    any_database: Database, options: EngineOptions
) -> None:
    seen: dict[str, list[str]] = {}

    async def work(journal: Journal, claim: Claim) -> None:
        await remembering(journal, seen.setdefault(claim.conversation, []), claim, pause=0.005)

    async with running(any_database, work, options) as engine:

        async def comes_in(n: int) -> None:
            conversation = await ask(any_database, n, thread=str(n % 4))
            await asyncio.gather(*(engine.start(conversation) for _ in range(4)))

        for n in range(24):
            await comes_in(n)
        await until(lambda: answered(any_database))
    assert sorted(len(messages) for messages in seen.values()) == [6, 6, 6, 6]
    for messages in seen.values():
        assert messages == sorted(messages, key=float)


async def test_what_nobody_started_is_swept_up(
    any_database: Database, options: EngineOptions, clock: TestClock
) -> None:
    seen: list[str] = []
    await ask(any_database, 1)
    async with running(any_database, lambda journal, claim: remembering(journal, seen, claim), options):
        await until(lambda: seen == ["1.0"])
        await ask(any_database, 2, thread="2")
        clock.forward(seconds=1)
        await until(lambda: answered(any_database))
    assert seen == ["1.0", "2.0"]


async def test_a_run_that_cannot_end_in_time_is_resumed_by_the_next_process(
    any_database: Database, options: EngineOptions
) -> None:
    seen: list[str] = []
    stuck = asyncio.Event()

    async def hangs(journal: Journal, claim: Claim) -> None:
        await remembering(journal, seen, claim)

        async def hang() -> Json:
            stuck.set()
            return await asyncio.Event().wait()

        await journal.step("more", hang)

    async def goes_on(journal: Journal, claim: Claim) -> None:
        await remembering(journal, seen, claim)

        async def more() -> Json:
            seen.append("more")
            return None

        await journal.step("more", more)

    async with running(any_database, hangs, options) as engine:
        await engine.start(await ask(any_database, 1))
        await stuck.wait()
    assert not await answered(any_database)
    async with running(any_database, goes_on, options):
        await until(lambda: answered(any_database))
    assert seen == ["1.0", "more"], "what was remembered is not done again"


async def test_a_drain_waits_for_runs_that_end_in_time(any_database: Database, options: EngineOptions) -> None:
    seen: list[str] = []
    body = Actor(any_database, lambda journal, claim: remembering(journal, seen, claim, 0.2))
    engine = Engine(any_database, PlainSealer(), body, options, at_most(8))
    await engine.launch()
    await engine.start(await ask(any_database, 1))
    await until(lambda: seen != [])
    await engine.drain(10)
    assert await answered(any_database)
    assert engine.active == 0


async def test_a_drain_does_not_wait_for_a_run_that_begins_to_wait_for_somebody_meanwhile(
    any_database: Database, options: EngineOptions
) -> None:
    at_work, go_on = asyncio.Event(), asyncio.Event()

    async def asks(journal: Journal, claim: Claim) -> None:
        async def work() -> Json:
            at_work.set()
            await go_on.wait()
            return None

        await journal.step("work", work)
        await journal.wait("a person", 600)

    engine = Engine(any_database, PlainSealer(), Actor(any_database, asks), options, at_most(8))
    await engine.launch()
    await engine.start(await ask(any_database, 1))
    await at_work.wait()
    draining = asyncio.create_task(engine.drain(60))
    await asyncio.sleep(0)  # it looks at who is at work
    go_on.set()
    async with asyncio.timeout(30):
        await draining
    assert not await answered(any_database)


async def test_an_actor_that_broke_makes_way_and_its_event_is_taken_up_as_a_second_try(
    any_database: Database, options: EngineOptions
) -> None:
    seen: list[tuple[str, bool]] = []

    async def breaks_at_first(journal: Journal, claim: Claim) -> None:
        if claim.message_id == "1.0" and not claim.again:
            raise RuntimeError("a bug outside every step")
        seen.append((claim.message_id, claim.again))

    async with running(any_database, breaks_at_first, options) as engine:
        await engine.start(await ask(any_database, 1))
        await engine.start(await ask(any_database, 2))
        await until(lambda: answered(any_database))
    assert seen == [("1.0", True), ("2.0", False)]


async def test_another_order_of_steps_on_replay_ends_that_generation_only(
    any_database: Database, options: EngineOptions
) -> None:
    seen: list[bool] = []
    stuck = asyncio.Event()

    async def one_order(journal: Journal, claim: Claim) -> None:
        await remembering(journal, [], claim)
        stuck.set()
        await asyncio.Event().wait()

    async def another_order(journal: Journal, claim: Claim) -> None:
        if claim.again:
            seen.append(claim.again)
            return

        async def other() -> Json:
            return None

        await journal.step("something else", other)

    async with running(any_database, one_order, options) as engine:
        await engine.start(await ask(any_database, 1))
        await stuck.wait()
    async with running(any_database, another_order, options):
        await until(lambda: answered(any_database))
    assert seen == [True]


async def test_a_busy_workspace_leaves_room_for_others(any_database: Database, options: EngineOptions) -> None:
    at_work: dict[str, int] = {"slack:T1": 0, "slack:T2": 0}
    most = 0
    second = asyncio.Event()

    async def work(journal: Journal, claim: Claim) -> None:
        async def busy() -> Json:
            nonlocal most
            async with any_database.read() as uow:
                row = await uow.inbox.conversation(claim.conversation)
            assert row
            at_work[row.workspace] += 1
            most = max(most, at_work["slack:T1"])
            if row.workspace == "slack:T2":
                second.set()
            await asyncio.wait_for(second.wait(), 20)
            at_work[row.workspace] -= 1
            return None

        await journal.step("busy", busy)

    async with running(any_database, work, replace(options, overall=3), per_workspace=2) as engine:
        for n in range(6):
            await engine.start(await ask(any_database, n, thread=f"flood {n}"))
        await until(lambda: at_work["slack:T1"] == 2)
        await engine.start(await ask(any_database, 7, thread="quiet", workspace="slack:T2"))
        await until(lambda: answered(any_database))
    assert most == 2


async def test_who_waits_holds_no_slot(any_database: Database, options: EngineOptions) -> None:
    seen: list[str] = []

    async def work(journal: Journal, claim: Claim) -> None:
        if claim.message_id == "1.0":
            seen.append(f"heard {await journal.wait('go', 30)}")
        else:
            await remembering(journal, seen, claim)

    async with running(any_database, work, replace(options, overall=1), per_workspace=1) as engine:
        first = await ask(any_database, 1, thread="waits")
        await engine.start(first)
        await engine.start(await ask(any_database, 2, thread="works"))
        await until(lambda: seen == ["2.0"])
        await engine.signal(f"{first}.0", "go", "on")
        await until(lambda: answered(any_database))
    assert seen == ["2.0", "heard on"]


async def test_nothing_of_a_finished_run_stays_in_the_engine(
    any_database: Database, options: EngineOptions, tmp_path: Path
) -> None:
    async def work(journal: Journal, claim: Claim) -> None:
        async def say() -> Json:
            return "canary-" + "4711"

        await journal.step("say", say)

    async with running(any_database, work, options) as engine:
        for n in range(5):
            await engine.start(await ask(any_database, n, thread=str(n)))
        await until(lambda: answered(any_database))
        await until(lambda: _rows_left(options.url) == 0)
        if any_database.is_sqlite:
            await until(lambda: not any(b"canary-4711" in path.read_bytes() for path in tmp_path.glob("engine.db*")))


async def test_a_signal_to_a_run_that_is_over_does_no_harm(any_database: Database, options: EngineOptions) -> None:
    async with running(any_database, lambda journal, claim: remembering(journal, [], claim), options) as engine:
        await engine.stop("conv_0.0")
        await engine.signal("conv_0.0", "go", None)


async def test_it_begins_beside_a_transaction_that_needs_the_loop_to_end(
    any_database: Database, options: EngineOptions
) -> None:
    reading = asyncio.Event()

    async def probe() -> None:  # as /readyz and events do, which are served before the engine has begun
        async with any_database.read() as uow:
            await uow.inbox.pending("slack:T1")
            reading.set()
            await asyncio.sleep(0.5)

    probing = asyncio.create_task(probe())
    await reading.wait()
    async with running(any_database, lambda journal, claim: remembering(journal, [], claim), options) as engine:
        assert engine.running
    await probing


async def test_a_second_process_on_the_same_files_is_refused(database: Database, tmp_path: Path) -> None:
    options = replace(QUICK, url=f"sqlite:///{tmp_path / 'engine.db'}", lock=tmp_path / "engine.lock")

    async def nothing(journal: Journal, claim: Claim) -> None: ...

    async with running(database, nothing, options):
        with pytest.raises(SettingsError):
            await Engine(database, PlainSealer(), Actor(database, nothing), options, at_most(8)).launch()


async def test_the_engine_logs_where_all_others_log(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async def nothing(journal: Journal, claim: Claim) -> None: ...

    async with running(database, nothing, replace(QUICK, url=f"sqlite:///{tmp_path / 'engine.db'}")):
        logging.getLogger("dbos").warning("over here")
    assert "over here" in caplog.text
    assert capfd.readouterr() == ("", "")


def _rows_left(url: str) -> int:
    target = sqlalchemy.make_url(url)
    sqlite = target.get_backend_name() == "sqlite"
    engine = sqlalchemy.create_engine(target.set(drivername="sqlite" if sqlite else "postgresql+psycopg"))
    schema = "" if sqlite else "dbos."
    try:
        with engine.connect() as connection:
            return sum(
                connection.scalar(sqlalchemy.text(f"SELECT count(*) FROM {schema}{table}"))
                for table in (
                    "workflow_status",
                    "operation_outputs",
                    "workflow_input",
                    "workflow_output",
                    "notifications",
                )
            )
    finally:
        engine.dispose()


async def test_asking_again_for_an_actor_at_work_costs_no_generation(
    any_database: Database, options: EngineOptions
) -> None:
    begun: list[str] = []
    go_on = asyncio.Event()

    async def work(journal: Journal, claim: Claim) -> None:
        begun.append(journal.run)
        await go_on.wait()

    async with running(any_database, work, options) as engine:
        conversation = await ask(any_database, 1)
        await engine.start(conversation)
        await until(lambda: begun != [])
        for _ in range(5):
            await engine.start(conversation)
        go_on.set()
        await until(lambda: engine.active == 0)
        async with any_database.read() as uow:
            row = await uow.inbox.conversation(conversation)
    assert row
    assert row.generation == 1


async def test_what_comes_in_while_an_actor_works_is_taken_up_when_it_ends(
    any_database: Database, options: EngineOptions
) -> None:
    seen: list[str] = []
    go_on = asyncio.Event()

    async def work(journal: Journal, claim: Claim) -> None:
        seen.append(claim.message_id)
        await go_on.wait()

    slow_sweeps = replace(options, sweep_every=60.0, unattended_after=60.0)
    async with running(any_database, work, slow_sweeps) as engine:
        await engine.start(await ask(any_database, 1))
        await until(lambda: seen == ["1.0"])
        await engine.start(await ask(any_database, 2))
        go_on.set()
        await until(lambda: answered(any_database))
    assert seen == ["1.0", "2.0"]
