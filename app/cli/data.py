"""Looking after what is stored, while the service runs or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

import click

from app.domain.chat import UserRef
from app.errors import LatchkeyError, SettingsError
from app.settings import Settings

if TYPE_CHECKING:
    from app.domain.keys import ProviderKey
    from app.store.unit_of_work import Database

T = TypeVar("T")
Load = Callable[..., Settings]

OPERATOR = "operator"
"""The actor that the audit trail names for what is done here."""

in_workspace = click.option(
    "--workspace", "-w", default="", help="Such as slack:T0123; may be left out where there is only one."
)


@click.command()
@click.pass_obj
def migrate(load: Load) -> None:
    """Bring the database to this version's tables. Starting the service does so too."""
    from app.database import open_database

    async def work() -> None:
        database = open_database(load())
        try:
            await database.migrate()
        finally:
            await database.dispose()

    asyncio.run(work())
    click.echo("The database is up to date.")


@click.group()
def agents() -> None:
    """Carry agents to and from a file."""


@agents.command("export")
@in_workspace
@click.pass_obj
def export_agents(load: Load, workspace: str) -> None:
    """Print a workspace's agents as YAML. There are no keys in it."""

    async def work(database: Database) -> str:
        from app.services import agent_files

        async with database.read() as unit:
            return agent_files.export(await unit.agents.all(await chosen(database, workspace)))

    click.echo(with_database(load(), work), nl=False)


@agents.command("import")
@in_workspace
@click.argument("file", type=click.File())
@click.pass_obj
def import_agents(load: Load, workspace: str, file: TextIO) -> None:
    """Create and change agents as FILE says (- reads standard input). Those that it does not name stay as they are."""
    text = file.read()

    async def work(database: Database) -> tuple[int, int]:
        from app.database import SystemClock
        from app.services import agent_files
        from app.services.agents import Agents

        drafts = agent_files.parse(text)
        where = await chosen(database, workspace)
        return await Agents(database, SystemClock()).keep_all(where, drafts, UserRef(where, OPERATOR))

    created, changed = with_database(load(), work)
    click.echo(f"{created} created, {changed} changed.")


@click.group()
def keys() -> None:
    """Look at provider keys."""


@keys.command("list")
@click.pass_obj
def list_keys(load: Load) -> None:
    """List every workspace's keys: what tells them apart and how they are, never the keys themselves."""

    async def work(database: Database) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = []
        async with database.read() as unit:
            for workspace in await unit.workspaces.all():
                spares = await unit.spare_keys.all(workspace.id)
                for key in await unit.keys.all(workspace.id):
                    rows.append(_key_row(key, key.label, key.status.value + (", default" if key.is_default else "")))
                    rows += [
                        _key_row(
                            one.of(key), f"{key.label} ({one.which})", f"kept until {one.keep_until:%Y-%m-%d %H:%M}"
                        )
                        for one in spares
                        if one.key_id == key.id
                    ]
        return rows

    rows = with_database(load(), work)
    heads = ("WORKSPACE", "PROVIDER", "LABEL", "ENDS IN", "PRINT", "STATUS", "SET BY", "WHEN (UTC)")
    click.echo(
        _table(heads, rows) if rows else "No workspace has a key yet. An admin sets one with /byok setkey in the chat."
    )


@click.group()
def audit() -> None:
    """Read and verify the audit trail."""


@audit.command("show")
@in_workspace
@click.option(
    "--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many, newest first."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with every detail.")
@click.pass_obj
def show_audit(load: Load, workspace: str, limit: int, as_json: bool) -> None:
    """Print who did what, newest first."""

    async def work(database: Database) -> list[dict[str, object]]:
        where = await chosen(database, workspace)
        async with database.read() as unit:
            entries = await unit.audit.last(where, limit)
        return [
            {
                "at": entry.at.isoformat() if entry.at else "",
                "seq": entry.seq,
                "actor": entry.actor,
                "action": entry.action,
                "object": entry.object,
                "details": dict(entry.details),
            }
            for entry in entries
        ]

    for entry in with_database(load(), work):
        line = "{at:.19}  {seq:>6}  {actor:<16}  {action:<20}  {object}".format_map(entry)
        click.echo(json.dumps(entry, ensure_ascii=False) if as_json else line)


@audit.command("verify")
@click.pass_obj
def verify_audit(load: Load) -> None:
    """See that nobody edited the trail. Ends with status 1 where somebody did."""

    async def work(database: Database) -> list[tuple[str, str, int]]:
        found = []
        async with database.read() as unit:
            for workspace in await unit.audit.workspaces():
                broken = await unit.audit.verify(workspace)
                last = await unit.audit.last(workspace, 1)
                found.append(
                    (workspace, f"row {broken.seq}: {broken.reason}" if broken else "", last[0].seq if last else 0)
                )
        return found

    trails = with_database(load(), work)
    for workspace, complaint, last in trails:
        click.echo(f"{workspace}: {complaint or f'{last} rows, whole'}")
    if any(complaint for _, complaint, _ in trails):
        raise LatchkeyError(
            "The audit trail is not what was written. Restore the database from a backup, and find out who has access to it."
        )


def with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do something with the database of a service that has been started before. Raises SettingsError."""

    async def run() -> T:
        async with existing_database(settings) as database:
            return await work(database)

    return asyncio.run(run())


@asynccontextmanager
async def existing_database(settings: Settings) -> AsyncIterator[Database]:
    """The database of a service that has been started before. Raises SettingsError."""
    from app.database import open_database

    if settings.sqlite_file and not settings.sqlite_file.exists():
        raise SettingsError(
            f"There is no database in {settings.data_dir} yet. `latchkey serve` or `latchkey demo` makes one; "
            "--data-dir says where it is, should it be elsewhere (the demo's is data/demo)."
        )
    database = open_database(settings)
    try:
        await database.migrate()
        yield database
    finally:
        await database.dispose()


def _key_row(key: ProviderKey, label: str, status: str) -> tuple[str, ...]:
    ending = f"…{key.last_four}" if key.last_four else "-"
    return (
        key.workspace, key.provider, label, ending, key.fingerprint[:8], status, key.set_by, f"{key.set_at:%Y-%m-%d %H:%M}",
    )  # fmt: skip


async def chosen(database: Database, workspace: str) -> str:
    """The workspace that was meant: the one named, or the only one. Raises SettingsError."""
    async with database.read() as unit:
        known = [found.id for found in await unit.workspaces.all()]
    if workspace in known:
        return workspace
    if not workspace and len(known) == 1:
        return known[0]
    raise SettingsError(f"Choose one with --workspace: {', '.join(known)}." if known else "There is no workspace yet.")


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (heads, *rows)
    )
