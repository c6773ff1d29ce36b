"""What may be spent, what was granted on top, and who asked for more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, delete, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.money import ZERO
from app.domain.spend import EACH, Limit, LimitRequest, Period, RequestState, Scope
from app.ports.clock import Clock
from app.store import tables

_ROWS = tables.limits.c
_EXTRAS = tables.limit_extras.c
_ASKED = tables.limit_requests.c
_SCOPES = tuple(Scope)


class LimitRows:
    """Limits and requests for more. One transaction's view; whoever decides by it holds the workspace's lock."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def all(self, workspace: str) -> tuple[Limit, ...]:
        """Every limit: the workspace's, agents', channels', people's; with what was granted to its own subject."""
        found = await self._connection.execute(_limits(_ROWS.subject).where(_ROWS.workspace == workspace))
        return _in_order(_limit(row) for row in found)

    async def get(self, workspace: str, limit: str, subject: str = "") -> Limit | None:
        """A limit of this workspace, and of no other; one for EACH with what was granted to `subject`."""
        on = literal(subject) if subject else _ROWS.subject
        found = await self._connection.execute(_limits(on).where(_ROWS.workspace == workspace, _ROWS.id == limit))
        row = found.first()
        return _limit(row) if row else None

    async def find(self, workspace: str, scope: Scope, subject: str, period: Period) -> Limit | None:
        """The limit for exactly this."""
        found = await self._connection.execute(
            _limits(_ROWS.subject).where(*_exactly(workspace, scope, subject, period))
        )
        row = found.first()
        return _limit(row) if row else None

    async def put(self, limit: Limit, by: str, *, on_top: bool = False) -> Limit:
        """Keep a limit; where there is one for the same already, that one is changed and keeps its id. What was granted on top ends, unless `on_top`."""
        dialect = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        values = {"amount": limit.amount, "set_by": by, "set_at": self._clock.now()}
        statement = dialect.insert(tables.limits).values(
            id=limit.id, workspace=limit.workspace, scope=limit.scope.value, subject=limit.subject,
            period=limit.period.value, **values,
        )  # fmt: skip
        kept = await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["workspace", "scope", "subject", "period"], set_=values
            ).returning(_ROWS.id)
        )
        known = str(kept.scalar_one())
        if on_top:
            return replace(limit, id=known, set_by=by)
        await self._connection.execute(delete(tables.limit_extras).where(_EXTRAS.limit_id == known))
        return replace(limit, id=known, extra=ZERO, extra_for="", set_by=by)

    async def delete(self, workspace: str, limit: str) -> bool:
        """Drop it. False if it was not there."""
        dropped = await self._connection.execute(
            delete(tables.limits).where(_ROWS.workspace == workspace, _ROWS.id == limit).returning(_ROWS.id)
        )
        return dropped.first() is not None

    async def forget_agent(self, workspace: str, agent: str) -> None:
        """Drop those of an agent."""
        await self._connection.execute(
            delete(tables.limits).where(
                _ROWS.workspace == workspace, _ROWS.scope == Scope.AGENT.value, _ROWS.subject == agent
            )
        )

    async def applying(self, workspace: str, agent: str, channel: str, person: str) -> tuple[Limit, ...]:
        """What limits these: for each of them its own, and where it has none of that period the one for EACH."""
        subjects = {Scope.AGENT: agent, Scope.CHANNEL: channel, Scope.PERSON: person}
        known = {scope: subject for scope, subject in subjects.items() if subject}
        concerns: list[ColumnElement[bool]] = [_ROWS.scope == Scope.WORKSPACE.value]
        concerns += [and_(_ROWS.scope == scope.value, _ROWS.subject.in_((one, EACH))) for scope, one in known.items()]
        by_scope = {scope.value: literal(one) for scope, one in known.items()}
        concrete = case(by_scope, value=_ROWS.scope, else_="") if by_scope else literal("")
        found = await self._connection.execute(_limits(concrete).where(_ROWS.workspace == workspace, or_(*concerns)))
        limits = [_limit(row) for row in found]
        own = {(limit.scope, limit.period) for limit in limits if limit.subject != EACH}
        return _in_order(one for one in limits if one.subject != EACH or (one.scope, one.period) not in own)

    async def grant(self, limit: str, subject: str, period: str, amount: Decimal) -> None:
        """Let so much more be spent in this very period, on top of what was granted for it before."""
        dialect = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        statement = dialect.insert(tables.limit_extras).values(
            limit_id=limit, subject=subject, period=period, amount=amount
        )
        more = case(
            (_EXTRAS.period == period, _EXTRAS.amount + statement.excluded.amount), else_=statement.excluded.amount
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["limit_id", "subject"], set_={"period": period, "amount": more}
            )
        )

    async def ask(self, request: LimitRequest) -> None:
        """Keep a new request."""
        await self._connection.execute(
            insert(tables.limit_requests).values(
                id=request.id, workspace=request.workspace, limit_id=request.limit, subject=request.subject,
                run_id=request.run, asker=request.asker, amount=request.amount, raise_to=request.raise_to,
                state=request.state.value, asked_at=self._clock.now(),
            )
        )  # fmt: skip

    async def request(self, workspace: str, request: str) -> LimitRequest | None:
        """A request of this workspace, and of no other."""
        found = await self._connection.execute(_requests(workspace).where(_ASKED.id == request))
        row = found.first()
        return _request(row) if row else None

    async def asked(self, workspace: str, run: str) -> LimitRequest | None:
        """What was asked for because of this run."""
        found = await self._connection.execute(_requests(workspace).where(_ASKED.run_id == run).limit(1))
        row = found.first()
        return _request(row) if row else None

    async def forget_request(self, workspace: str, request: str) -> None:
        """Drop a request that reached nobody."""
        await self._connection.execute(
            delete(tables.limit_requests).where(_ASKED.workspace == workspace, _ASKED.id == request)
        )

    async def forget_requests(self, older_than: timedelta) -> None:
        """Drop what was asked for longer ago than this."""
        await self._connection.execute(
            delete(tables.limit_requests).where(_ASKED.asked_at < self._clock.now() - older_than)
        )

    async def decide(self, request: LimitRequest, state: RequestState, by: str) -> bool:
        """Of all who decide, one is told True."""
        done = await self._connection.execute(
            update(tables.limit_requests)
            .where(_ASKED.id == request.id, _ASKED.state == RequestState.PENDING.value)
            .values(state=state.value, decided_by=by, decided_at=self._clock.now())
            .returning(_ASKED.id)
        )
        return done.first() is not None


def _limits(subject: ColumnElement[Any]) -> Select[Any]:
    extras = and_(_EXTRAS.limit_id == _ROWS.id, _EXTRAS.subject == subject)
    return select(tables.limits, _EXTRAS.amount.label("extra"), _EXTRAS.period.label("extra_for")).join_from(
        tables.limits, tables.limit_extras, extras, isouter=True
    )


def _exactly(workspace: str, scope: Scope, subject: str, period: Period) -> tuple[ColumnElement[bool], ...]:
    return (
        _ROWS.workspace == workspace, _ROWS.scope == scope.value, _ROWS.subject == subject,
        _ROWS.period == period.value,
    )  # fmt: skip


def _requests(workspace: str) -> Select[Any]:
    return select(tables.limit_requests).where(_ASKED.workspace == workspace)


def _in_order(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    return tuple(sorted(limits, key=lambda one: (_SCOPES.index(one.scope), one.subject, one.period)))


def _limit(row: Row[Any]) -> Limit:
    return Limit(
        id=row.id,
        workspace=row.workspace,
        scope=Scope(row.scope),
        subject=row.subject,
        period=Period(row.period),
        amount=row.amount,
        extra=row.extra or ZERO,
        extra_for=row.extra_for or "",
        set_by=row.set_by,
    )


def _request(row: Row[Any]) -> LimitRequest:
    return LimitRequest(
        id=row.id,
        workspace=row.workspace,
        limit=row.limit_id,
        subject=row.subject,
        run=row.run_id,
        asker=row.asker,
        amount=row.amount,
        raise_to=row.raise_to,
        state=RequestState(row.state),
        decided_by=row.decided_by,
    )
