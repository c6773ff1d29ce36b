"""What was spent, summed up by the database from a workspace's days: never row by row of what was called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, cast, func, literal, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.money import ZERO, Cost
from app.domain.run import Usage
from app.domain.spend import Kind, Spent
from app.ports.clock import Clock
from app.store import tables
from app.store.tables.base import Money

_ROWS = tables.spend_days.c
_COUNTED = (
    "calls",
    "unpriced",
    "input_tokens",
    "output_tokens",
    "cached_read",
    "cached_write",
    "reasoning",
    "searches",
)


@dataclass(frozen=True, slots=True)
class Share:
    """Whose spending by what: all of a workspace's by some kind; or, with an `asker`, that person's own, and by agent whatever the kind."""

    workspace: str
    kind: Kind
    asker: str = ""

    @property
    def all_kind(self) -> Kind:
        """What is summed up of this, and of nothing else, in one row a day."""
        return Kind.USER if self.asker else Kind.ALL


@dataclass(frozen=True, slots=True)
class Shares:
    """The biggest spenders, biggest first; all that the others spent together, and how many those are."""

    top: tuple[Spent, ...]
    others: Spent | None
    number: int  # of others


class SpendingRows:
    """Sums over days, both ends included and written `2026-11-23`. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def total(self, whose: Share, first_day: str, last_day: str) -> Spent:
        """Everything together."""
        query = select(literal("").label("subject"), *_sums()).where(*_all_of(whose, first_day, last_day))
        return _spent((await self._connection.execute(query)).one())

    async def by(self, whose: Share, first_day: str, last_day: str, *, top: int) -> Shares:
        """By subject; with an asker by agent."""
        parts = await self._parts(whose, first_day, last_day)
        sums = select(_name(whose).label("subject"), *_sums()).where(*parts).group_by(_ROWS.subject).subquery()
        order = (sums.c.cost.desc(), sums.c.calls.desc(), sums.c.subject)
        ranked = select(sums, func.count().over().label("subjects")).order_by(*order).limit(top)
        rows = (await self._connection.execute(ranked)).all()
        biggest = tuple(_spent(row) for row in rows)
        number = int(rows[0].subjects) - len(biggest) if rows else 0
        if number <= 0:
            return Shares(biggest, None, 0)
        rest = await self.total(whose, first_day, last_day)
        for one in biggest:
            rest = _less(rest, one)
        return Shares(biggest, rest, number)

    async def by_day(
        self, whose: Share, first_day: str, last_day: str, subjects: Iterable[str]
    ) -> Mapping[tuple[str, str | None], Spent]:
        """What these subjects spent each day, and (under None) all together, by day and subject; without those that spent nothing."""
        chosen = [_subject(whose, one) for one in subjects]
        together = select(_ROWS.day, literal("").label("subject"), *_sums()).group_by(_ROWS.day)
        days = await self._connection.execute(together.where(*_all_of(whose, first_day, last_day)))
        found: dict[tuple[str, str | None], Spent] = {
            (row.day, None): replace(_spent(row), day=row.day) for row in days
        }
        if chosen:
            parts = (*_days_of(whose, _kind(whose), first_day, last_day), _ROWS.subject.in_(chosen))
            each = select(_ROWS.day, _name(whose).label("subject"), *_sums()).group_by(_ROWS.day, _ROWS.subject)
            for row in await self._connection.execute(each.where(*parts)):
                found[row.day, row.subject] = replace(_spent(row), day=row.day)
        return found

    async def _parts(self, whose: Share, first_day: str, last_day: str) -> tuple[ColumnElement[bool], ...]:
        """The rows that make up a share. A person's are looked up one by one, which no order of letters can lead astray."""
        days = _days_of(whose, _kind(whose), first_day, last_day)
        if not whose.asker:
            return days
        agents = select(_ROWS.subject).where(*_days_of(replace(whose, asker=""), Kind.AGENT, first_day, last_day))
        known = (await self._connection.execute(agents.distinct())).scalars()
        return (*days, _ROWS.subject.in_([_subject(whose, one) for one in known]))


def _sums() -> tuple[ColumnElement[Any], ...]:
    """Sums as whole numbers, also where the database would make a number of its own kind of them."""
    cost = cast(func.coalesce(func.sum(_ROWS.cost, type_=BigInteger), 0), BigInteger)
    counted = [
        cast(func.coalesce(func.sum(_ROWS[name], type_=BigInteger), 0), BigInteger).label(name) for name in _COUNTED
    ]
    return (type_coerce(cost, Money).label("cost"), *counted)


def _days_of(whose: Share, kind: Kind, first_day: str, last_day: str) -> tuple[ColumnElement[bool], ...]:
    """Where only some subjects are wanted, day by day: the key has the day before the subject, and so leads straight to them."""
    day = _ROWS.day.in_(_days(first_day, last_day)) if whose.asker else _ROWS.day.between(first_day, last_day)
    return (_ROWS.workspace == whose.workspace, _ROWS.kind == kind.value, day)


def _all_of(whose: Share, first_day: str, last_day: str) -> tuple[ColumnElement[bool], ...]:
    return (*_days_of(whose, whose.all_kind, first_day, last_day), _ROWS.subject == whose.asker)


def _kind(whose: Share) -> Kind:
    return Kind.ASKED if whose.asker else whose.kind


def _subject(whose: Share, name: str) -> str:
    """As it is kept."""
    return f"{whose.asker}/{name}" if whose.asker else name


def _name(whose: Share) -> ColumnElement[str]:
    """As whoever asks knows it."""
    if not whose.asker:
        return _ROWS.subject
    return func.substr(_ROWS.subject, len(whose.asker) + 2, type_=_ROWS.subject.type)


def _days(first_day: str, last_day: str) -> list[str]:
    first, last = date.fromisoformat(first_day), date.fromisoformat(last_day)
    return [f"{first + timedelta(days=after)}" for after in range((last - first).days + 1)]


def _spent(row: Row[Any]) -> Spent:
    usage = Usage(
        row.input_tokens, row.output_tokens, row.cached_read, row.cached_write, row.reasoning, row.searches
    )  # fmt: skip
    return Spent("", row.subject, row.calls, Cost(row.cost, row.unpriced > 0), usage, row.unpriced)


def _less(one: Spent, other: Spent) -> Spent:
    """What is left of `one` without `other`, which is part of it."""
    unpriced = one.unpriced - other.unpriced
    cost = Cost(max(one.cost.amount - other.cost.amount, ZERO), unpriced > 0)
    fewer = Usage(*(getattr(one.usage, name.name) - getattr(other.usage, name.name) for name in fields(Usage)))
    return Spent("", "", one.calls - other.calls, cost, fewer, unpriced)
