"""Receipts as CSV: one line each, for spreadsheets that must not take anything in it for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from app.domain.spend import Receipt
from app.services.calendar import Calendar
from app.services.screens.receipts import PURPOSES, outcome
from app.services.workspaces import WorkspaceSettings
from app.store.receipts import CHUNK, Mark
from app.store.unit_of_work import Database

COLUMNS = (
    "time_utc", "day", "receipt", "agent", "agent_id", "asker", "channel", "conversation", "run", "what_for", "outcome",
    "provider", "model", "instead_of", "key", "key_fingerprint", "host", "input_tokens", "cached_read_tokens",
    "cached_write_tokens", "output_tokens", "reasoning_tokens", "web_searches", "cost_usd", "estimated",
)  # fmt: skip
"""What each is stands in docs/guides/spending.md."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Span:
    """Days of a workspace's calendar, both included; with an `asker`, what that person caused."""

    workspace: str
    first_day: date
    last_day: date
    asker: str = ""


class Exports:
    """Writes receipts as they are read, in chunks: however many there are, few are in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def calendar(self, workspace: str) -> Calendar:
        """The workspace's."""
        async with self._database.read() as uow:
            row = await uow.workspaces.get(workspace)
        return Calendar.of(WorkspaceSettings.of(row.settings if row else {}).time_zone)

    async def csv(self, span: Span) -> AsyncIterator[str]:
        """The file, piece by piece, with its heads first; oldest receipts first."""
        calendar = await self.calendar(span.workspace)
        async with self._database.read() as uow:
            agents = {agent.id: agent.name for agent in await uow.agents.all(span.workspace)}
            keys = {key.id: f"{key.provider}/{key.label}" for key in await uow.keys.all(span.workspace)}
        yield _lines([COLUMNS])
        since, until = _begins(span.first_day, calendar), _begins(span.last_day + timedelta(days=1), calendar)
        after: Mark | None = None
        while True:
            async with (
                self._database.read() as uow
            ):  # one for each chunk: whoever reads slowly keeps nobody from tidying
                chunk = await uow.receipts.between(span.workspace, since, until, asker=span.asker, after=after)
            if chunk:
                yield _lines(_cells(one, calendar, agents, keys) for one in chunk)
                after = Mark(chunk[-1].at, chunk[-1].id)
            if len(chunk) < CHUNK:
                return


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _lines(rows: Iterable[Iterable[str]]) -> str:
    """As RFC 4180 has it."""
    made = io.StringIO()
    csv.writer(made, lineterminator="\r\n").writerows([[neutral(cell) for cell in row] for row in rows])
    return made.getvalue()


def _cells(one: Receipt, calendar: Calendar, agents: Mapping[str, str], keys: Mapping[str, str]) -> tuple[str, ...]:
    usage = one.usage
    numbers = (
        usage.input_tokens, usage.cached_read, usage.cached_write, usage.output_tokens, usage.reasoning, usage.searches,
    )  # fmt: skip
    return (
        one.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), calendar.day(one.at), one.id,
        agents.get(one.agent_id, ""), one.agent_id, one.asker, one.channel, one.conversation, one.run,
        PURPOSES[one.purpose], outcome(one), one.provider, one.model, one.instead_of, keys.get(one.key_id, ""),
        one.fingerprint, one.origin, *map(str, numbers), _plain(one.cost), "yes" if one.estimated else "",
    )  # fmt: skip


def _plain(cost: Decimal | None) -> str:
    return "" if cost is None else f"{cost.normalize():f}" if cost else "0"


def _begins(day: date, calendar: Calendar) -> datetime:
    """The moment at which a day begins, also where its midnight comes twice or is left out."""
    return datetime.combine(day, time(), calendar.zone).astimezone(UTC)
