"""The migrations make exactly the tables that the code speaks of, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.errors import SettingsError
from app.store import migrations
from app.store.tables import metadata
from app.store.unit_of_work import Database


def differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def test_migrating_makes_the_tables_that_the_code_knows(any_database: Database) -> None:
    async with any_database.begin() as unit:
        assert await unit.connection.run_sync(differences) == []


def test_the_code_expects_the_newest_migration() -> None:
    folder = Path(migrations.__file__).parent
    assert ScriptDirectory(str(folder)).get_current_head() == migrations.HEAD


async def test_migrating_twice_changes_nothing(any_database: Database) -> None:
    await any_database.migrate()
    async with any_database.read() as unit:
        assert await unit.connection.run_sync(migrations.version) == migrations.HEAD


async def test_a_database_of_a_newer_version_stops_the_start(any_database: Database) -> None:
    async with any_database.begin() as unit:
        await unit.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SettingsError, match="9999"):
        await any_database.migrate()
