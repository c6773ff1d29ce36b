"""Transactions are whole or nothing, whatever happens to those who asked for them."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.domain.audit import AuditEntry
from app.errors import SettingsError
from app.store.unit_of_work import Database
from tests.fakes.databases import TestClock

W = "slack:T1"


async def write(database: Database, n: int) -> None:
    async with database.begin() as unit:
        await unit.audit.append(AuditEntry(W, "a", "key.set", str(n)))
        await asyncio.sleep(0)
        await unit.audit.append(AuditEntry(W, "a", "key.used", str(n)))


async def written(database: Database) -> list[str]:
    async with database.read() as unit:
        return [entry.object for entry in await unit.audit.last(W, 10_000)]


def stands_in(folder: Path, words: bytes) -> bool:
    return any(words in file.read_bytes() for file in folder.iterdir())


async def test_cancelled_writers_leave_nothing_half_done_and_nobody_waiting(any_database: Database) -> None:
    dice = random.Random(7)
    tasks = [asyncio.create_task(write(any_database, n)) for n in range(150)]
    for task in dice.sample(tasks, 100):
        await asyncio.sleep(dice.random() / 500)
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(end) for end in ended} <= {type(None), asyncio.CancelledError}
    await asyncio.wait_for(write(any_database, 999), 60)
    found = await written(any_database)
    assert len(found) == len(set(found)) * 2
    assert {str(n) for n, end in enumerate(ended) if end is None} <= set(found)
    async with any_database.read() as unit:
        assert await unit.audit.verify(W) is None


async def test_what_only_reads_cannot_write(any_database: Database) -> None:
    async def write_while_reading() -> None:
        async with any_database.read() as unit:
            await unit.audit.append(AuditEntry(W, "a", "key.set", "1"))

    with pytest.raises(DBAPIError):
        await write_while_reading()
    assert await written(any_database) == []


async def test_errors_of_the_database_do_not_tell_values(any_database: Database) -> None:
    async def twice() -> None:
        async with any_database.begin() as unit:
            for _ in range(2):
                await unit.connection.execute(
                    text("INSERT INTO key_checks (wrapper, blob) VALUES (:name, :blob)"),
                    {"name": "canary", "blob": b"x"},
                )

    with pytest.raises(DBAPIError) as caught:
        await twice()
    assert "hidden" in str(caught.value)


async def test_readers_see_one_moment_and_do_not_hold_writers_up(database: Database) -> None:
    await write(database, 1)
    async with database.read() as unit:
        before = await unit.audit.last(W, 10)
        await write(database, 2)
        assert await unit.audit.last(W, 10) == before
    assert await written(database) == ["2", "2", "1", "1"]


async def test_what_is_deleted_leaves_the_file_and_its_log(database: Database, tmp_path: Path) -> None:
    canary = b"the sealed words of somebody"
    async with database.begin() as unit:
        await unit.data_keys.add(W, "d1", "w", canary)
    assert stands_in(tmp_path, canary)
    async with database.begin() as unit:
        await unit.data_keys.delete_all(W)
    assert await database.truncate_log()
    assert not stands_in(tmp_path, canary)


async def test_a_reader_may_hold_the_log_for_a_while(database: Database) -> None:
    await write(database, 1)
    async with database.read() as unit:
        await unit.audit.last(W, 1)
        await write(database, 2)
        assert not await database.truncate_log()
    assert await database.truncate_log()


def test_only_databases_that_we_know_are_taken(clock: TestClock) -> None:
    for url in ("mysql://x/y", "oracle", "", "sqlite+pysqlcipher:///x"):
        with pytest.raises(SettingsError, match="LATCHKEY_DATABASE_URL"):
            Database(url, clock)
