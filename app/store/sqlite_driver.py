"""SQLite in the event loop itself: an `await` of rows never waits. What waits, for the disk to commit or for another process to begin, is an
errand of the writer's thread.

An errand is a thread woken and the event loop woken by it, each behind whatever else is ready to run; SQLAlchemy's asynchronous engines send
five for a statement, and go through two coroutines for each where there is nothing to wait for. Under load that is what transactions are made of
(measured: with errands for statements, acknowledgements of a burst took twenty times as long; without the coroutines a read costs a third).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from typing import Any, TypeVar, cast

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import URL, CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import QueuePool

T = TypeVar("T")

BUSY_TIMEOUT_MS = 10_000
"""How long to wait for another process that writes."""

LONGEST_QUEUE = 120.0
"""Seconds to wait for this process's own writers."""

LOG_TIMEOUT_MS = 200
"""How long writers wait for whoever empties the log and finds a reader."""

BEGIN = "BEGIN IMMEDIATE"


class _Connection:
    """What rows ask of an AsyncConnection, of one that need not be waited for."""

    def __init__(self, connection: sqlalchemy.Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    async def execute(self, statement: Any, parameters: Any = None) -> CursorResult[Any]:
        return self._connection.execute(statement, parameters)

    async def exec_driver_sql(self, statement: str) -> CursorResult[Any]:
        return self._connection.exec_driver_sql(statement)

    @asynccontextmanager
    async def stream(self, statement: Any) -> AsyncIterator[AsyncIterator[Any]]:
        with self._connection.execute(statement) as found:
            yield _one_by_one(found)

    async def run_sync(self, act: Callable[[sqlalchemy.Connection], T]) -> T:
        return act(self._connection)


class SqliteFile:
    """One file: a connection that writes, for one transaction after the other, and some that refuse to."""

    def __init__(self, url: URL) -> None:
        self._writer = _engine(url)
        self._readers = _engine(url, read_only=True)
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, once those before it have ended: committed at the end, rolled back on an exception."""
        await self._my_turn()
        try:
            with closing(self._writer.connect()) as connection:
                await self._begin(connection)
                yield _as_asynchronous(connection)
                await self._errand(connection.commit)
        finally:
            self._turn.release()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One consistent look, at once."""
        with closing(self._readers.connect()) as connection:
            yield _as_asynchronous(connection)

    async def truncate_log(self) -> bool:
        """Empty the write-ahead log. False while a reader holds it."""
        await self._my_turn()
        try:
            return await self._errand(self._truncate_log)
        finally:
            self._turn.release()

    async def dispose(self) -> None:
        """Close every connection; the last to leave tidies the log up, if it may write."""
        self._readers.dispose()
        await self._errand(self._writer.dispose)
        self._thread.shutdown(wait=False)

    async def _my_turn(self) -> None:
        if self._turn.locked():
            async with asyncio.timeout(LONGEST_QUEUE):
                await self._turn.acquire()
        else:
            await self._turn.acquire()

    async def _begin(self, connection: sqlalchemy.Connection) -> None:
        """Only if somebody else writes is there a wait."""
        try:
            _driver(connection).execute(BEGIN)
        except sqlite3.OperationalError:
            await self._errand(lambda: _begin_patiently(connection))

    async def _errand(self, act: Callable[[], T]) -> T:
        """Let the thread do it. Whoever is cancelled waits nevertheless: the connection is not another's before the thread has let go of it."""
        errand = asyncio.get_running_loop().run_in_executor(self._thread, act)
        try:
            return await asyncio.shield(errand)
        except asyncio.CancelledError:
            while not errand.done():
                await _regardless(errand)
            raise

    def _truncate_log(self) -> bool:
        with closing(self._writer.raw_connection()) as connection:
            driver: Any = connection.driver_connection
            driver.execute(f"PRAGMA busy_timeout={LOG_TIMEOUT_MS}")
            try:
                busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                driver.execute("PRAGMA busy_timeout=0")
        return not busy


async def _one_by_one(found: CursorResult[Any]) -> AsyncIterator[Any]:
    for row in found:
        yield row


async def _regardless(errand: asyncio.Future[Any]) -> None:
    try:
        await asyncio.wait([errand])
    except asyncio.CancelledError:
        return  # told more than once, and it is known


def _as_asynchronous(connection: sqlalchemy.Connection) -> AsyncConnection:
    return cast("AsyncConnection", _Connection(connection))


def _driver(connection: sqlalchemy.Connection) -> sqlite3.Connection:
    """What is below SQLAlchemy, for which a BEGIN is a statement like any other: a third of a read."""
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def _begin_patiently(connection: sqlalchemy.Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    try:
        connection.exec_driver_sql(BEGIN)
    finally:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")


def _engine(url: URL, *, read_only: bool = False) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(
        url,
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=4 if read_only else 1,
        max_overflow=-1,  # nobody is kept waiting by the pool, which would stop the loop: writers have their own queue
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver would begin too late, and never IMMEDIATE
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("PRAGMA foreign_keys=ON")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
        else:
            connection.execute("PRAGMA busy_timeout=0")  # it waits in its thread, see _begin_patiently

    if read_only:

        @event.listens_for(engine, "begin")
        def _begin(connection: sqlalchemy.Connection) -> None:
            _driver(connection).execute("BEGIN")

    return engine
