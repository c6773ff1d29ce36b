"""How the tables came to be as they are. Alembic is heavy, so it is imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from app.errors import SettingsError

HEAD = "0004"
"""The schema this code expects; a test holds it to the newest migration."""

_LOCK = 0x6C6B6D67  # any number, as long as every node takes the same


def version(connection: Connection) -> str:
    """The schema's version, empty for a database without one; the cheap look that every start takes."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def upgrade(connection: Connection) -> None:
    """Bring the schema to HEAD, within the caller's transaction. Raises SettingsError for a database of a newer Latchkey."""
    if version(connection) == HEAD:
        return
    if connection.dialect.name == "postgresql":  # two nodes that start together must not both make tables
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if version(connection) == HEAD:
            return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise SettingsError(
            f"The database has schema {version(connection) or 'none'}, which this version of Latchkey does not know. "
            "It was probably made by a newer one: install that, or point LATCHKEY_DATABASE_URL elsewhere."
        ) from error
