"""Transactions. Whoever needs rows asks the database for a unit of work, and there is no commit in sight."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy.engine import make_url
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.errors import SettingsError
from app.ports.clock import Clock
from app.store import migrations
from app.store.agents import AgentRows
from app.store.approvals import ApprovalRows
from app.store.audit import AuditTrail
from app.store.data_keys import DataKeyRows
from app.store.inbox import InboxRows
from app.store.keys import KeyRows
from app.store.limits import LimitRows
from app.store.mcp import McpRows
from app.store.notes import NoteRows
from app.store.own_prices import OwnPriceRows
from app.store.parked import ParkedRows
from app.store.receipts import ReceiptRows
from app.store.references import ReferenceRows
from app.store.runs import RunRows
from app.store.schedules import ScheduleRows
from app.store.spare_keys import SpareKeyRows
from app.store.spend import SpendRows
from app.store.spending import SpendingRows
from app.store.sqlite_driver import SqliteFile
from app.store.told import ToldRows
from app.store.tool_uses import ToolUseRows
from app.store.transcripts import TranscriptRows
from app.store.workspaces import WorkspaceRows

DATA_ERRORS = (DataError, IntegrityError, ValueError, OverflowError)
"""Raised because of what was to be written; the last two by drivers. All else is the database's own trouble, and another row's too."""


class UnitOfWork:
    """Everything that is read and written in one transaction. Never keep it across a network or a vault call."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self.connection = connection
        self.workspaces = WorkspaceRows(connection, clock)
        self.keys = KeyRows(connection, clock)
        self.spare_keys = SpareKeyRows(connection, clock)
        self.agents = AgentRows(connection, clock)
        self.inbox = InboxRows(connection, clock)
        self.runs = RunRows(connection, clock)
        self.approvals = ApprovalRows(connection, clock)
        self.tool_uses = ToolUseRows(connection, clock)
        self.mcp = McpRows(connection, clock)
        self.transcripts = TranscriptRows(connection, clock)
        self.notes = NoteRows(connection, clock)
        self.schedules = ScheduleRows(connection, clock)
        self.limits = LimitRows(connection, clock)
        self.parked = ParkedRows(connection, clock)
        self.told = ToldRows(connection, clock)
        self.references = ReferenceRows(connection, clock)
        self.data_keys = DataKeyRows(connection, clock)
        self.receipts = ReceiptRows(connection, clock)
        self.prices = OwnPriceRows(connection, clock)
        self.spend = SpendRows(connection, clock)
        self.spending = SpendingRows(connection, clock)
        self.audit = AuditTrail(connection, clock)


class Database:
    """SQLite (`sqlite:///path`) or PostgreSQL (`postgresql://…`). Errors of the driver never carry a statement's values."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = _parsed(url)
        self._clock = clock
        self._file: SqliteFile | None = None
        self._server: AsyncEngine | None = None
        self._writing: Callable[[], AbstractAsyncContextManager[AsyncConnection]]
        self._reading: Callable[[], AbstractAsyncContextManager[AsyncConnection]]
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._file = SqliteFile(self.url)
            self._writing, self._reading = self._file.writing, self._file.reading
        else:
            self._server = create_async_engine(self.url, hide_parameters=True, pool_size=10, pool_pre_ping=True)
            self._writing = self._server.begin
            self._reading = self._server.execution_options(postgresql_readonly=True).connect

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        """One write transaction: commits at the end, rolls back on an exception."""
        async with self._writing() as connection:
            yield UnitOfWork(connection, self._clock)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[UnitOfWork]:
        """One consistent look; the database refuses to be written through it."""
        async with self._reading() as connection:
            yield UnitOfWork(connection, self._clock)

    async def migrate(self) -> None:
        """Bring the tables to what this version of the code expects; quick when they are. Raises SettingsError."""
        if not await self.is_current():
            async with self._writing() as connection:
                await connection.run_sync(migrations.upgrade)

    async def is_current(self) -> bool:
        """Whether the tables are what this version of the code expects. Raises SettingsError when the database cannot be used."""
        try:
            async with self._reading() as connection:
                return await connection.run_sync(migrations.version) == migrations.HEAD
        except DBAPIError as error:
            place = (
                self.url.database if self.is_sqlite else f"{self.url.host}:{self.url.port or 5432}/{self.url.database}"
            )
            raise SettingsError(
                f"The database {place} cannot be used ({type(error.orig).__name__}). "
                + ("Is it a file that this user may write?" if self.is_sqlite else "Look at LATCHKEY_DATABASE_URL.")
            ) from None

    async def truncate_log(self) -> bool:
        """See that nothing deleted lingers in SQLite's write-ahead log. False while a reader holds it: try again later."""
        return await self._file.truncate_log() if self._file else True

    async def dispose(self) -> None:
        """Close every connection."""
        if self._file:
            await self._file.dispose()
        if self._server:
            await self._server.dispose()


def _parsed(url: str) -> URL:
    try:
        given = make_url(url)
    except ArgumentError:
        given = URL.create("unknown")
    driver = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}.get(
        given.drivername
    )
    if driver is None:
        raise SettingsError(
            "LATCHKEY_DATABASE_URL: should be postgresql://user:password@host/database, or sqlite:///file."
        )
    return given.set(drivername=driver)
