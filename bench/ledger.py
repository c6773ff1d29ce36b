"""What metering costs for each call of a model: money set aside before it, its receipt and sums after it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from adapters.models.prices import ListPrices
from app.domain.run import Usage
from app.domain.spend import EACH, Account, Limit, Period, Scope
from app.services.meter import Meter, Wanted
from app.services.pricing import Pricing
from app.store.unit_of_work import Database
from bench.report import Part, Row, under
from tests.fakes.postgres import Postgres

CALLS, AT_ONCE = 300, 200
W = "slack:T1"
WANTED = Wanted(
    Account(W, "run_1", "conv_1", "C1", "U1", "agent_1"), "key_1", "f" * 32, "anthropic", "claude-opus-5-5",
    "https://api.anthropic.com", Usage(2_000, 4_096),
)  # fmt: skip
USED = Usage(1_000, 300, cached_read=800)


class Clock:
    """The machine's own."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


class Counted:
    """Statements and transactions of every database from here on."""

    def __init__(self) -> None:
        self.statements = self.transactions = 0
        event.listen(Engine, "before_cursor_execute", self._statement)
        event.listen(Engine, "commit", self._commit)

    def _statement(self, _connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        self.statements += not statement.startswith("BEGIN")

    def _commit(self, _connection: Connection) -> None:
        self.transactions += 1


async def measure() -> list[Part]:
    """On SQLite, and on PostgreSQL as tests start it (which waits for no disk)."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        rows += await _on("SQLite", f"sqlite:///{Path(folder) / 'latchkey.db'}")
    with Postgres() as server:
        url = server.create()
        rows += await _on("PostgreSQL", url)
        server.drop(url)
    how = (
        f"{CALLS} calls one after another, each set aside and settled in two transactions; then {AT_ONCE} at once. The statement and the "
        "transaction that write the use of the key down are there anyway, and not counted; setting aside joins that transaction in a run."
    )
    return [Part("The ledger, for each call of a model", how, rows)]


async def _on(name: str, url: str) -> list[Row]:
    rows: list[Row] = []
    for title, limits in (("no limits", 0), ("4 limits", 4)):
        async with _meter(url, limits) as (meter, counted):
            for _ in range(20):
                await _call(meter)
            statements, transactions, began = counted.statements, counted.transactions, time.perf_counter()
            for _ in range(CALLS):
                await _call(meter)
            each = (time.perf_counter() - began) / CALLS * 1e6
            rows.append(under(f"{name}, {title}: time for each", each, "µs"))
            queries = (counted.statements - statements) / CALLS
            written = (counted.transactions - transactions) / CALLS
            rows.append(Row(f"{name}, {title}: statements, transactions for each", f"{queries:.1f}, {written:.1f}"))
            began = time.perf_counter()
            await asyncio.gather(*(_call(meter) for _ in range(AT_ONCE)))
            rows.append(
                Row(f"{name}, {title}: {AT_ONCE} at once", f"{AT_ONCE / (time.perf_counter() - began):,.0f} a second")
            )
    return rows


@contextlib.asynccontextmanager
async def _meter(url: str, limits: int) -> AsyncIterator[tuple[Meter, Counted]]:
    database = Database(url, Clock())
    await database.migrate()
    scopes = ((Scope.WORKSPACE, ""), (Scope.AGENT, EACH), (Scope.CHANNEL, EACH), (Scope.PERSON, EACH))
    async with database.begin() as uow:
        await uow.workspaces.add(W, "Acme")
        for scope, subject in scopes[:limits]:
            await uow.limits.put(Limit(f"limit_{scope}", W, scope, subject, Period.MONTH, Decimal(1_000_000)), "U9")
    meter = Meter(database, Pricing(ListPrices()), Clock())
    await meter.begin()
    yield meter, Counted()
    await meter.leave()
    await database.dispose()


async def _call(meter: Meter) -> None:
    async def waits(_: object) -> None:
        return None

    reserved = await meter.patiently(W, lambda place: meter.reserve_alone(WANTED, place), waits)
    await meter.settle(reserved, USED)
