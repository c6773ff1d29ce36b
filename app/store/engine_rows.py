"""The engine's own tables: in a file of their own on SQLite, used by one process at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO, Any

import sqlalchemy

from app.errors import SettingsError


def take_lock(path: Path) -> IO[str]:
    """Keep other processes out until it is closed. Raises SettingsError if one is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise SettingsError(
            f"Another Latchkey is at work on {path.parent}. Stop it first, or give this one its own LATCHKEY_DATA_DIR."
        ) from None
    return lock


def connections(url: str) -> sqlalchemy.Engine:
    """The engine's own connections. Errors of the driver never carry a statement's values."""
    target = sqlalchemy.make_url(url)
    if target.get_backend_name() != "sqlite":
        return sqlalchemy.create_engine(
            target.set(drivername="postgresql+psycopg"), hide_parameters=True, pool_size=10, pool_pre_ping=True
        )
    # A few connections, patiently waited for, are faster than many that spin on SQLite's lock.
    rows = sqlalchemy.create_engine(
        target.set(drivername="sqlite"), hide_parameters=True, pool_size=3, max_overflow=0, pool_timeout=120
    )

    @sqlalchemy.event.listens_for(rows, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in (
            "busy_timeout=30000",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "secure_delete=ON",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return rows


def truncate_log(rows: sqlalchemy.Engine) -> bool:
    """See that nothing erased lingers in SQLite's write-ahead log. False while a reader holds it."""
    with rows.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA busy_timeout=200")  # writers wait behind this one
        try:
            busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            driver.execute("PRAGMA busy_timeout=30000")
    return not busy
