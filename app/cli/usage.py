"""What was spent, for spreadsheets, while the service runs or not."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, TextIO

import click

from app.cli.data import Load, chosen, in_workspace, with_database
from app.errors import SettingsError

if TYPE_CHECKING:
    from app.store.unit_of_work import Database


@click.group()
def usage() -> None:
    """Look at what models were called for and what that cost."""


_DAY = click.DateTime(["%Y-%m-%d"])


@usage.command("export")
@in_workspace
@click.option(
    "--from", "first", type=_DAY, help="The first day, such as 2026-11-01. Without it, the first of this month."
)
@click.option("--to", "last", type=_DAY, help="The last day. Without it, today.")
@click.option(
    "--output",
    "-o",
    type=click.File("w", encoding="utf-8", lazy=True),
    default="-",
    help="A file instead of standard output.",
)
@click.pass_obj
def export(load: Load, workspace: str, first: datetime | None, last: datetime | None, output: TextIO) -> None:
    """Write the receipts of these days (both included, in the workspace's time zone) as CSV, oldest first.

    A receipt has ids and numbers, and nothing of what was said. docs/guides/spending.md explains the columns.
    """

    async def work(database: Database) -> None:
        from app.database import SystemClock
        from app.services.exports import Exports, Span

        exports, where = Exports(database), await chosen(database, workspace)
        today = date.fromisoformat((await exports.calendar(where)).day(SystemClock().now()))
        span = Span(where, first.date() if first else today.replace(day=1), last.date() if last else today)
        if span.last_day < span.first_day:
            raise SettingsError(f"There are no days from {span.first_day} to {span.last_day}.")
        async for piece in exports.csv(span):
            output.write(piece)

    with_database(load(), work)
