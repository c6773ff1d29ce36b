"""The database that the settings name, and the vault that belongs to it: what the service and the command line open alike."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from adapters.kms import local
from app.settings import Settings
from app.store.unit_of_work import Database
from app.vault import Vault


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


def open_database(settings: Settings) -> Database:
    """The database of these settings; nothing is made or changed yet."""
    return Database(database_url(settings, "latchkey.db"), SystemClock())


def database_url(settings: Settings, file: str) -> str:
    """Where tables are: on the one server, or in this file of the data directory."""
    if settings.database_url:
        return settings.database_url.reveal()
    return f"sqlite:///{settings.data_dir.absolute() / file}"


def master_key_file(settings: Settings) -> Path:
    """Where the master key is kept unless the settings say otherwise."""
    return settings.data_dir / "master.key"


async def open_vault(settings: Settings, database: Database) -> Vault:
    """The vault, under the master key that belongs to this (migrated) database. Raises MasterKeyError."""
    async with database.read() as unit:
        sealed_before = bool(await unit.data_keys.checks())
    wrapper = local.load(
        settings.master_key, settings.master_key_file, master_key_file(settings), may_make=not sealed_before
    )
    vault = Vault(database, wrapper)
    await vault.check()
    return vault


async def look_at_database(settings: Settings) -> str:
    """What the database is, in words, if it can be used with the master key. Changes nothing. Raises as `build` does."""
    database = open_database(settings)
    kind = database.url.get_backend_name()
    try:
        if not await database.is_current():
            return f"{kind}, of another version: starting brings it up to date"
        async with database.read() as unit:
            sealed_before = bool(await unit.data_keys.checks())
        if sealed_before:
            await open_vault(settings, database)
        return f"{kind}, opens with the master key"
    finally:
        await database.dispose()
