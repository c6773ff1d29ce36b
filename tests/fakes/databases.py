"""Fixtures: a fresh, migrated database for a test, on SQLite or on both kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.store.unit_of_work import Database
from tests.fakes.postgres import Postgres


class TestClock:
    """Stands still unless moved."""

    __test__ = False

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def forward(self, **parts: float) -> None:
        self.moment += timedelta(**parts)


@pytest.fixture
def clock() -> TestClock:
    """A clock that the test moves."""
    return TestClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for the whole session, started by the first test that asks."""
    with Postgres() as server:
        yield server


@pytest.fixture
async def database(tmp_path: Path, clock: TestClock) -> AsyncIterator[Database]:
    """A migrated SQLite database."""
    database = Database(f"sqlite:///{tmp_path / 'latchkey.db'}", clock)
    await database.migrate()
    yield database
    await database.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
async def any_database(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> AsyncIterator[Database]:
    """A migrated database, once of each kind: for everything that SQL is written for."""
    server: Postgres | None = request.getfixturevalue("postgres") if request.param == "postgres" else None
    url = server.create() if server else f"sqlite:///{tmp_path / 'latchkey.db'}"
    database = Database(url, clock)
    await database.migrate()
    yield database
    await database.dispose()
    if server:
        server.drop(url)
