"""Receipts for tests, kept as the ledger keeps them: each with its share of every sum of its day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.run import Usage
from app.domain.spend import Kind, Purpose, Receipt
from app.services.calendar import Calendar
from app.store import tables
from app.store.unit_of_work import Database, UnitOfWork
from tests.app.bench import MEMBER, WORKSPACE

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def receipt(number: int, **changed: Any) -> Receipt:
    """An answer of `agent_1` for MEMBER, by a model whose price is known; the clock of tests stands at that moment."""
    usual = Receipt(
        id=f"r{number:06}", workspace=WORKSPACE, run=f"run-{number}", conversation="c1", channel="C1", asker=MEMBER.id,
        agent_id="agent_1", purpose=Purpose.ANSWER, key_id="key_1", fingerprint="f1", provider="anthropic",
        model="claude-fine", origin="https://models.example", usage=Usage(1000, 100, 400, 50, 20), cost=Decimal("0.01"),
        at=NOON,
    )  # fmt: skip
    return replace(usual, **changed)


async def keep(database: Database, receipts: Iterable[Receipt], *, time_zone: str = "UTC") -> None:
    """Write them down, in the days of that zone."""
    async with database.begin() as uow:
        for one in receipts:
            await _keep(uow, one, Calendar.of(time_zone).day(one.at))


async def _keep(uow: UnitOfWork, one: Receipt, day: str) -> None:
    usage = one.usage
    counted = {
        "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "cached_read": usage.cached_read,
        "cached_write": usage.cached_write, "reasoning": usage.reasoning, "searches": usage.searches,
    }  # fmt: skip
    await uow.connection.execute(
        insert(tables.receipts).values(
            id=one.id, workspace=one.workspace, run_id=one.run, agent_id=one.agent_id, conversation_id=one.conversation,
            channel=one.channel, asker=one.asker, purpose=one.purpose.value, key_id=one.key_id, at=one.at,
            fingerprint=one.fingerprint, provider=one.provider, model=one.model, origin=one.origin, cost=one.cost,
            estimated=one.estimated, instead_of=one.instead_of, outcome=one.outcome, **counted,
        )
    )  # fmt: skip
    dialect: Any = sqlite if uow.connection.dialect.name == "sqlite" else postgresql
    sums = {"calls": 1, "unpriced": int(one.cost is None), "cost": one.cost or Decimal(0), **counted}
    for kind, subject in subjects(one).items():
        row = dialect.insert(tables.spend_days).values(
            workspace=one.workspace, kind=kind.value, day=day, subject=subject, **sums
        )
        more = {name: tables.spend_days.c[name] + row.excluded[name] for name in sums}
        key = ["workspace", "kind", "day", "subject"]
        await uow.connection.execute(row.on_conflict_do_update(index_elements=key, set_=more))


def subjects(one: Receipt) -> dict[Kind, str]:
    """What a receipt counts for, of each kind."""
    return {
        Kind.ALL: "", Kind.AGENT: one.agent_id, Kind.USER: one.asker, Kind.CHANNEL: one.channel,
        Kind.MODEL: f"{one.provider}/{one.model}", Kind.KEY: one.key_id, Kind.ASKED: f"{one.asker}/{one.agent_id}",
    }  # fmt: skip
