"""What is being spent and what was: reservations, receipts and their sums. Money is moved from one to the other in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, exists, func, insert, select, union_all
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.money import ZERO, Cost, TokenPrices
from app.domain.run import Json, Usage
from app.domain.spend import Account, Kind, Purpose, Receipt, Reservation
from app.ports.clock import Clock
from app.store import tables

_RECEIPTS, _RESERVATIONS, _DAYS, _PROCESSES = (
    tables.receipts, tables.reservations, tables.spend_days, tables.processes,
)  # fmt: skip
_COUNTS = ("input_tokens", "output_tokens", "cached_read", "cached_write", "reasoning", "searches")
_SUMMED = ("calls", "unpriced", "cost", *_COUNTS)
_MOST_LOOKS = 50
"""Of one statement: SQLite takes no more than some hundreds."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a call is reckoned by: the workspace's settings, whether it has limits at all, and its own prices by model."""

    settings: Mapping[str, Json]
    limited: bool
    own: Mapping[str, TokenPrices]


@dataclass(frozen=True, slots=True)
class Open:
    """Money set aside, summed up by who spends it."""

    agent: str
    channel: str
    person: str
    amount: Decimal


class SpendRows:
    """Reservations, receipts and their sums. One transaction's view; whoever decides by it has called `ground` before."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def ground(self, workspace: str, provider: str) -> Ground:
        """What calls of a provider are reckoned by. Until this transaction ends no other one reserves or settles in this workspace."""
        found = await self._connection.execute(_GROUND, {"whose": workspace, "which": provider})
        rows = found.all()
        if not rows:
            return Ground({}, limited=False, own={})
        prices = {
            row.model: TokenPrices(row.input, row.output, row.cached_read, row.cached_write)
            for row in rows
            if row.model is not None
        }
        return Ground(rows[0].settings, limited=bool(rows[0].limited), own=prices)

    async def reserve(self, item: Reservation) -> None:
        """Set money aside."""
        account = item.account
        await self._connection.execute(
            _RESERVE,
            {
                "id": item.id, "workspace": account.workspace, "run_id": account.run, "agent_id": account.agent_id,
                "conversation_id": account.conversation, "channel": account.channel, "asker": account.asker,
                "purpose": account.purpose.value, "key_id": item.key_id, "fingerprint": item.fingerprint,
                "provider": item.provider, "model": _named(item.model), "origin": item.origin, "instead_of": _named(item.instead_of),
                "amount": item.amount, "input_tokens": item.usage.input_tokens, "output_tokens": item.usage.output_tokens,
                "searches": item.usage.searches, "process": item.process, "at": item.at,
            }
        )  # fmt: skip

    async def settle(self, receipt: Receipt, day: str) -> bool:
        """Put a receipt in the place of its reservation and add it to the sums of that day. False if that was done before: nothing changes."""
        gone = await self._connection.execute(_LET_GO, {"call": receipt.id})
        if not gone.rowcount:
            return False
        usage = {name: getattr(receipt.usage, name) for name in _COUNTS}
        await self._connection.execute(
            _KEEP,
            dict(
                id=receipt.id, workspace=receipt.workspace, run_id=receipt.run, agent_id=receipt.agent_id,
                conversation_id=receipt.conversation, channel=receipt.channel, asker=receipt.asker,
                purpose=receipt.purpose.value, key_id=receipt.key_id, fingerprint=receipt.fingerprint,
                provider=receipt.provider, model=_named(receipt.model), origin=receipt.origin, cost=receipt.cost,
                estimated=receipt.estimated, instead_of=_named(receipt.instead_of), outcome=receipt.outcome,
                at=receipt.at, **usage,
            )
        )  # fmt: skip
        values = {"calls": 1, "unpriced": int(receipt.cost is None), "cost": receipt.cost or ZERO, **usage}
        upsert = _UPSERTS[self._connection.dialect.name]
        rows = [
            {"workspace": receipt.workspace, "kind": kind.value, "day": day, "subject": subject, **values}
            for kind, subject in summed_by(receipt)
        ]
        await self._connection.execute(upsert, rows)
        return True

    async def settled(
        self, workspace: str, subjects: Iterable[tuple[Kind, str]], days: Sequence[str]
    ) -> dict[tuple[Kind, str, str], Cost]:
        """What these spent on these days, by kind, subject and day; nothing on a day that is not there."""
        wanted = tuple(dict.fromkeys(subjects))
        spent: dict[tuple[Kind, str, str], Cost] = {}
        for first in range(0, len(wanted), _MOST_LOOKS):
            some = wanted[first : first + _MOST_LOOKS]
            about: dict[str, Any] = {"whose": workspace, "days": list(days)}
            for at, (kind, subject) in enumerate(some):
                about |= {f"kind{at}": kind.value, f"subject{at}": subject}
            found = await self._connection.execute(_looks(len(some)), about)
            spent |= {(Kind(row.kind), row.subject, row.day): Cost(row.cost, floor=bool(row.unpriced)) for row in found}
        return spent

    async def reserved(self, workspace: str) -> tuple[Open, ...]:
        """What is set aside at this moment."""
        found = await self._connection.execute(_OPEN, {"whose": workspace})
        return tuple(Open(row.agent_id, row.channel, row.asker, row.amount or ZERO) for row in found)

    async def calls_under(self, workspace: str, key: str, since: datetime) -> tuple[int, int]:
        """How many calls are being made under a key, and how many were begun since, those included."""
        open_ = (
            await self._connection.execute(
                select(func.count().label("all"), func.count().filter(_RESERVATIONS.c.at > since).label("new")).where(
                    _RESERVATIONS.c.workspace == workspace, _RESERVATIONS.c.key_id == key
                )
            )
        ).one()
        ended = await self._connection.execute(
            select(func.count()).where(
                _RECEIPTS.c.workspace == workspace, _RECEIPTS.c.at > since, _RECEIPTS.c.key_id == key
            )
        )
        return int(open_.all), int(open_.new) + int(ended.scalar() or 0)

    async def of_run(self, run: str) -> tuple[int, Cost]:
        """The tokens and the money that a run used, the agents that it handed over to included."""
        columns = _RECEIPTS.c
        found = await self._connection.execute(
            select(
                func.sum(columns.input_tokens).label("read"),
                func.sum(columns.output_tokens).label("written"),
                func.sum(columns.cost, type_=tables.Money()).label("cost"),
                (func.count() - func.count(columns.cost)).label("unpriced"),
            ).where(columns.run_id == run)
        )
        row = found.one()
        return int(row.read or 0) + int(row.written or 0), Cost(row.cost or ZERO, floor=bool(row.unpriced))

    async def beat(self, process: str) -> None:
        """Note that a process lives."""
        dialect: Any = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        values = {"seen_at": self._clock.now()}
        await self._connection.execute(
            dialect.insert(_PROCESSES)
            .values(id=process, **values)
            .on_conflict_do_update(index_elements=["id"], set_=values)
        )

    async def leave(self, *, but: str = "", process: str = "", before: datetime | None = None) -> None:
        """Forget a process; or all but one; or those that were not seen since."""
        which = [] if before is None else [_PROCESSES.c.seen_at < before]
        which += [_PROCESSES.c.id == process] if process else [_PROCESSES.c.id != but]
        await self._connection.execute(delete(_PROCESSES).where(*which))

    async def abandoned(self, since: datetime, *, but: str) -> tuple[Reservation, ...]:
        """What is set aside for calls of processes that are not there any more, or were not seen since; never of the one that asks."""
        alive = select(_PROCESSES.c.id).where(_PROCESSES.c.seen_at >= since)
        found = await self._connection.execute(
            select(_RESERVATIONS)
            .where(_RESERVATIONS.c.process.not_in(alive), _RESERVATIONS.c.process != but)
            .order_by(_RESERVATIONS.c.workspace, _RESERVATIONS.c.id)
        )
        return tuple(_reservation(row) for row in found)


def summed_by(receipt: Receipt) -> tuple[tuple[Kind, str], ...]:
    """The sums that a receipt counts in."""
    return (
        (Kind.ALL, ""),
        (Kind.AGENT, receipt.agent_id),
        (Kind.USER, receipt.asker),
        (Kind.CHANNEL, receipt.channel),
        (Kind.MODEL, _named(f"{receipt.provider}/{receipt.model}")),
        (Kind.KEY, receipt.key_id),
        (Kind.ASKED, f"{receipt.asker}/{receipt.agent_id}"),
    )


def _upsert(dialect: Any) -> Any:
    statement = dialect.insert(_DAYS)
    more = {name: _DAYS.c[name] + statement.excluded[name] for name in _SUMMED}
    return statement.on_conflict_do_update(index_elements=["workspace", "kind", "day", "subject"], set_=more)


def _ground() -> Any:
    where, own = tables.workspaces, tables.own_prices
    limited = exists(select(tables.limits.c.id).where(tables.limits.c.workspace == bindparam("whose")))
    return (
        select(
            where.c.settings, limited.label("limited"),
            own.c.model, own.c.input, own.c.output, own.c.cached_read, own.c.cached_write,
        )
        .join_from(where, own, and_(own.c.workspace == where.c.id, own.c.provider == bindparam("which")), isouter=True)
        .where(where.c.id == bindparam("whose"))
        .with_for_update(of=where, key_share=True)  # who writes rows that belong to the workspace need not wait
    )  # fmt: skip


@cache
def _looks(count: int) -> Any:
    """What so many spent, each on its own days by the primary key: a year of others' rows is not read."""
    looks = [
        select(_DAYS.c.kind, _DAYS.c.subject, _DAYS.c.day, _DAYS.c.cost, _DAYS.c.unpriced).where(
            _DAYS.c.workspace == bindparam("whose"),
            _DAYS.c.kind == bindparam(f"kind{at}"),
            _DAYS.c.subject == bindparam(f"subject{at}"),
            _DAYS.c.day.in_(bindparam("days", expanding=True)),
        )
        for at in range(count)
    ]
    return union_all(*looks) if count > 1 else looks[0]


# Statements that are made once: to make them for each call would take longer than to execute them.
_GROUND = _ground()
_BY = (_RESERVATIONS.c.agent_id, _RESERVATIONS.c.channel, _RESERVATIONS.c.asker)
_OPEN = (
    select(*_BY, func.sum(_RESERVATIONS.c.amount, type_=tables.Money()).label("amount"))
    .where(_RESERVATIONS.c.workspace == bindparam("whose"))
    .group_by(*_BY)
)
_RESERVE, _KEEP = insert(_RESERVATIONS), insert(_RECEIPTS)
_LET_GO = delete(_RESERVATIONS).where(_RESERVATIONS.c.id == bindparam("call"))
_UPSERTS = {"sqlite": _upsert(sqlite), "postgresql": _upsert(postgresql)}


def _named(model: str) -> str:
    """A model's name as its provider tells it, whatever that is."""
    return model.replace("\x00", "").encode(errors="replace").decode()[:200]


def _reservation(row: Row[Any]) -> Reservation:
    account = Account(
        row.workspace, row.run_id, row.conversation_id, row.channel, row.asker, row.agent_id, Purpose(row.purpose)
    )
    usage = Usage(row.input_tokens, row.output_tokens, searches=row.searches)
    return Reservation(
        row.id, account, row.key_id, row.fingerprint, row.provider, row.model, row.origin, row.amount, usage,
        row.process, row.at, row.instead_of,
    )  # fmt: skip
