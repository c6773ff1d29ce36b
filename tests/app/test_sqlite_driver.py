"""Statements go to SQLite without any errand; what rows ask of a connection is there all the same."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.store.unit_of_work import Database
from tests.fakes.databases import TestClock

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n"


async def test_rows_counts_and_new_ids_are_told(database: Database) -> None:
    async with database.begin() as unit:
        await unit.connection.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, x)"))
        added = await unit.connection.execute(text("INSERT INTO t (x) VALUES (1), (2)"))
        changed = await unit.connection.execute(text("UPDATE t SET x = x + 1"))
        many = await unit.connection.execute(text("INSERT INTO t (x) VALUES (:x)"), [{"x": 7}, {"x": 8}])
        rows = (await unit.connection.execute(text("SELECT x FROM t ORDER BY id"))).scalars().all()
    assert (added.lastrowid, changed.rowcount, many.rowcount) == (2, 2, 2)
    assert rows == [2, 3, 7, 8]


async def test_rows_can_be_taken_one_by_one(database: Database) -> None:
    async with database.read() as unit, unit.connection.stream(text(NUMBERS)) as found:
        assert [row.i async for row in found] == list(range(1, 1001))


async def test_a_statement_that_fails_raises_and_the_connection_lives_on(database: Database) -> None:
    for unit_of_work in (database.read, database.begin):
        with pytest.raises(DBAPIError):
            async with unit_of_work() as unit:
                await unit.connection.execute(text("SELECT nothing FROM nowhere"))
        async with unit_of_work() as unit:
            assert (await unit.connection.execute(text("SELECT 1"))).scalar() == 1


async def test_reads_go_on_while_somebody_writes(database: Database) -> None:
    async with database.begin() as writing:
        await writing.connection.execute(text("CREATE TABLE t (x)"))

        async def read() -> object:
            async with database.read() as unit:
                return (await unit.connection.execute(text("SELECT 1"))).scalar()

        assert await asyncio.wait_for(asyncio.gather(*(read() for _ in range(20))), 5) == [1] * 20


async def test_a_writer_cancelled_on_any_errand_leaves_a_connection_that_works(database: Database) -> None:
    async with database.begin() as unit:
        await unit.connection.execute(text("CREATE TABLE t (x)"))

    async def write() -> None:
        async with database.begin() as unit:
            for number in range(5):
                await unit.connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": number})

    for turns in range(12):
        task = asyncio.create_task(write())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await write()
    async with database.read() as unit:
        count = (await unit.connection.execute(text("SELECT count(*) FROM t"))).scalar_one()
    assert count % 5 == 0, "a transaction is whole or not there"
    assert count >= 5


async def test_a_writer_waits_for_another_process_and_holds_nobody_else_up(database: Database) -> None:
    other = Database(f"sqlite:///{database.url.database}", TestClock())
    async with database.begin() as unit:
        await unit.connection.execute(text("CREATE TABLE t (x)"))

    async def write() -> None:
        async with other.begin() as unit:
            await unit.connection.execute(text("INSERT INTO t VALUES (1)"))

    async with database.begin():
        waiting = asyncio.create_task(write())
        async with asyncio.timeout(5):
            for _ in range(100):
                await asyncio.sleep(0.001)  # the loop goes on
        assert not waiting.done()
    await asyncio.wait_for(waiting, 10)
    await other.dispose()
