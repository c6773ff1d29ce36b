"""aiosqlite with fewer errands to its thread: SQLAlchemy sends five for a statement, here a whole transaction takes one.

An errand is a thread woken and the event loop woken by it, each behind whatever else is ready to run: under load that is what transactions
are made of (measured: with errands for statements, acknowledgements of a burst took twenty times as long). Reads send none: in WAL mode
they wait for nobody.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Self

import aiosqlite

CHUNK = 64

BUSY_TIMEOUT_MS = 10_000
"""How long to wait for another process that writes."""


class _Cursor:
    """A statement is executed and its rows are fetched in one go; the rest is remembering."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        if sql.startswith("BEGIN"):
            await self._connection.begin(sql)
            return self
        return await self._do(lambda cursor: cursor.execute(sql, parameters))

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Self:
        return await self._do(lambda cursor: cursor.executemany(sql, parameters))

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        count = size or self.arraysize
        rows, self._rows = self._rows[:count], self._rows[count:]
        return rows

    async def close(self) -> None:
        """The cursor beneath is closed already."""

    async def _do(self, act: Callable[[sqlite3.Cursor], object]) -> Self:
        self._rows = await self._connection.at_once(self._act, act)
        return self

    def _act(self, connection: sqlite3.Connection, act: Callable[[sqlite3.Cursor], object]) -> list[Any]:
        cursor = connection.cursor()
        try:
            act(cursor)
            rows = cursor.fetchall() if cursor.description else []
            self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()
        return rows


class _Connection(aiosqlite.Connection):
    """For writing. What waits is an errand of its thread, one at a time: for the disk to commit, for another process to begin.

    All else only touches memory, and is done in the event loop itself: a transaction takes one errand, however many statements it has.
    """

    _sent = 0  # counted by the loop alone
    _done = 0  # counted by the thread alone

    def cursor(self) -> Any:
        return _Cursor(self)

    async def begin(self, sql: str) -> None:
        """Begin a transaction; only if somebody else writes is there a wait."""
        begun = False
        if self._sent == self._done:
            with contextlib.suppress(sqlite3.OperationalError):
                self._begin_within(0, sql)
                begun = True
        if not begun:
            await self._execute(self._begin_within, BUSY_TIMEOUT_MS, sql)

    def _begin_within(self, milliseconds: int, sql: str) -> None:
        self._conn.execute(f"PRAGMA busy_timeout={milliseconds}")
        self._conn.execute(sql)

    async def at_once(self, act: Callable[..., Any], *arguments: Any) -> Any:
        if self._sent == self._done and self._conn.in_transaction:
            return act(self._conn, *arguments)
        return await self._execute(partial(act, self._conn), *arguments)

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def errand() -> Any:
            try:
                return fn(*args, **kwargs)
            finally:
                self._done += 1  # also when whoever sent it has been cancelled

        execute: Callable[..., Awaitable[Any]] = super()._execute
        self._sent += 1
        return await execute(errand)


class _Reader(_Connection):
    """In the event loop itself: for reading, which waits for nobody."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)


def writing(*arguments: Any, **options: Any) -> aiosqlite.Connection:
    """For `async_creator_fn` of a SQLAlchemy engine: a connection that is about to be awaited."""
    return _connection(_Connection, *arguments, **options)


def reading(*arguments: Any, **options: Any) -> aiosqlite.Connection:
    """The same, for an engine that only reads."""
    return _connection(_Reader, *arguments, **options)


def _connection(kind: type[_Connection], *arguments: Any, **options: Any) -> _Connection:
    connection = kind(partial(sqlite3.connect, *arguments, **(options | {"check_same_thread": False})), CHUNK)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does: a forgotten connection must not keep the process
    return connection
