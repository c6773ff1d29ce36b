"""Prices that a workspace entered itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.money import OwnPrice, TokenPrices
from app.ports.clock import Clock
from app.store import tables

_ROWS = tables.own_prices.c


class OwnPriceRows:
    """Own prices. One transaction's view."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def get(self, workspace: str, provider: str, model: str) -> OwnPrice | None:
        """The workspace's own price of this very model."""
        found = await self._connection.execute(select(tables.own_prices).where(*_of(workspace, provider, model)))
        row = found.first()
        return _price(row) if row else None

    async def all(self, workspace: str) -> tuple[OwnPrice, ...]:
        """All of a workspace's, by provider and model."""
        query = select(tables.own_prices).where(_ROWS.workspace == workspace).order_by(_ROWS.provider, _ROWS.model)
        return tuple(_price(row) for row in await self._connection.execute(query))

    async def put(self, workspace: str, provider: str, model: str, prices: TokenPrices, by: str) -> None:
        """Keep a price; it takes the place of what was entered before."""
        values = {
            "input": prices.input,
            "output": prices.output,
            "cached_read": prices.cached_read,
            "cached_write": prices.cached_write,
            "set_by": by,
            "set_at": self._clock.now(),
        }
        dialect: Any = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        await self._connection.execute(
            dialect.insert(tables.own_prices)
            .values(workspace=workspace, provider=provider, model=model, **values)
            .on_conflict_do_update(index_elements=["workspace", "provider", "model"], set_=values)
        )

    async def delete(self, workspace: str, provider: str, model: str) -> bool:
        """Drop a price. False if there was none."""
        done = await self._connection.execute(
            delete(tables.own_prices).where(*_of(workspace, provider, model)).returning(_ROWS.model)
        )
        return done.first() is not None


def _of(workspace: str, provider: str, model: str) -> tuple[Any, ...]:
    return (_ROWS.workspace == workspace, _ROWS.provider == provider, _ROWS.model == model)


def _price(row: Row[Any]) -> OwnPrice:
    prices = TokenPrices(row.input, row.output, row.cached_read, row.cached_write)
    return OwnPrice(row.workspace, row.provider, row.model, prices, row.set_by, row.set_at.date())
