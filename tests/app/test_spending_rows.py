"""Sums over days, receipts in pages, and own prices: the same on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.domain.money import ZERO, Cost, TokenPrices
from app.domain.run import Usage
from app.domain.spend import Kind, Receipt
from app.store.receipts import CHUNK, Mark
from app.store.spending import Share
from app.store.unit_of_work import Database
from tests.app.bench import MEMBER, WORKSPACE
from tests.app.spent import NOON, keep, receipt, subjects
from tests.fakes.databases import TestClock

FIRST, LAST = "2026-11-01", "2026-11-30"
ALL = Share(WORKSPACE, Kind.AGENT)
OWN = Share(WORKSPACE, Kind.AGENT, MEMBER.id)


async def test_the_biggest_come_first_and_the_others_are_summed_up(any_database: Database) -> None:
    costs = {"a": "0.5", "b": "2", "c": "0.000000001", "d": "1", "e": "1"}
    calls = [receipt(at, agent_id=agent, cost=Decimal(cost)) for at, (agent, cost) in enumerate(costs.items())]
    await keep(any_database, [*calls, receipt(9, agent_id="e", cost=None)])
    async with any_database.read() as uow:
        shares = await uow.spending.by(ALL, FIRST, LAST, top=3)
        total = await uow.spending.total(ALL, FIRST, LAST)
    assert [(one.subject, one.cost) for one in shares.top] == [
        ("b", Cost(Decimal(2))), ("e", Cost(Decimal(1), floor=True)), ("d", Cost(Decimal(1))),
    ]  # fmt: skip
    assert shares.others
    assert (shares.number, shares.others.calls) == (2, 2)
    assert shares.others.cost == Cost(Decimal("0.500000001"))
    assert (total.calls, total.unpriced, total.cost) == (6, 1, Cost(Decimal("4.500000001"), floor=True))
    assert total.usage == Usage(6000, 600, 2400, 300, 120)


async def test_what_an_unknown_price_hides_among_the_others_shows_there(any_database: Database) -> None:
    await keep(any_database, [receipt(1, agent_id="a"), receipt(2, agent_id="b", cost=None)])
    async with any_database.read() as uow:
        shares = await uow.spending.by(ALL, FIRST, LAST, top=1)
    assert shares.top[0].cost == Cost(Decimal("0.01"))
    assert shares.others
    assert (shares.others.cost, shares.others.unpriced) == (Cost(ZERO, floor=True), 1)


async def test_nothing_spent_is_nothing(any_database: Database) -> None:
    async with any_database.read() as uow:
        assert (await uow.spending.by(ALL, FIRST, LAST, top=3)).top == ()
        assert (await uow.spending.total(OWN, FIRST, LAST)).calls == 0
        assert await uow.spending.by_day(ALL, FIRST, LAST, ["a"]) == {}


async def test_a_persons_own_are_theirs_by_agent_and_nobody_elses(any_database: Database) -> None:
    others = [receipt(3, asker="U2MEMBER/", agent_id="a"), receipt(4, asker="U2", agent_id="MEMBER/a")]
    mine = [receipt(1, agent_id="a", cost=Decimal(1)), receipt(2, agent_id="b", cost=Decimal(2))]
    elsewhere = receipt(5, workspace="slack:T2", agent_id="a")
    await keep(any_database, [*mine, *others, elsewhere])
    async with any_database.read() as uow:
        shares = await uow.spending.by(OWN, FIRST, LAST, top=1)
        days = await uow.spending.by_day(OWN, FIRST, LAST, ["a", "b"])
        total = await uow.spending.total(OWN, FIRST, LAST)
    assert [(one.subject, one.cost.amount) for one in shares.top] == [("b", Decimal(2))]
    assert shares.others
    assert (shares.others.cost.amount, shares.number) == (Decimal(1), 1)
    assert {key: one.cost.amount for key, one in days.items()} == {
        ("2026-11-23", None): 3, ("2026-11-23", "a"): 1, ("2026-11-23", "b"): 2,
    }  # fmt: skip
    assert total.cost.amount == 3


async def test_days_are_those_asked_for_both_ends_included(any_database: Database) -> None:
    await keep(any_database, [receipt(at, at=NOON + timedelta(days=at)) for at in range(5)])
    async with any_database.read() as uow:
        days = await uow.spending.by_day(ALL, "2026-11-24", "2026-11-26", ["agent_1"])
        total = await uow.spending.total(ALL, "2026-11-24", "2026-11-26")
    assert sorted({day for day, _ in days}) == ["2026-11-24", "2026-11-25", "2026-11-26"]
    assert total.calls == 3


@pytest.fixture(scope="module")
def on_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Database]:
    """One file for many examples, each in a workspace of its own."""
    path: Path = tmp_path_factory.mktemp("spent") / "latchkey.db"

    def opened() -> Database:
        return Database(f"sqlite:///{path}", TestClock())

    async def migrate() -> None:
        database = opened()
        await database.migrate()
        await database.dispose()

    asyncio.run(migrate())
    return opened


_WORKSPACES = count()
_CALLS = st.lists(
    st.builds(
        lambda who, agent, cost, days, tokens: receipt(
            0, asker=who, agent_id=agent, cost=cost, at=NOON + timedelta(hours=days),
            usage=Usage(tokens, tokens // 3, tokens // 2, 0, tokens // 7),
        ),
        st.sampled_from(["U1", "U2", "U3"]), st.sampled_from(["", "a", "b", "c", "d"]),
        st.none() | st.decimals(0, 50, places=9), st.integers(-80, 80), st.integers(0, 10**9),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(calls=_CALLS, top=st.integers(1, 4), kind=st.sampled_from(Kind))
def test_the_sum_of_the_table_is_the_sum_of_the_receipts(
    on_file: Callable[[], Database], calls: list[Receipt], top: int, kind: Kind
) -> None:
    workspace = f"slack:T{next(_WORKSPACES)}"
    named = [replace(one, workspace=workspace, id=f"{workspace}.{at}", asker=one.asker) for at, one in enumerate(calls)]
    asyncio.run(_check(on_file(), named, workspace, kind, top))


async def _check(database: Database, calls: list[Receipt], workspace: str, kind: Kind, top: int) -> None:
    try:
        await keep(database, calls, time_zone="Pacific/Auckland")
        for asker in ("", "U1"):
            whose = Share(workspace, kind, asker)
            meant = [one for one in calls if asker in {"", one.asker}]
            async with database.read() as uow:
                shares = await uow.spending.by(whose, "2026-01-01", "2026-12-31", top=top)
                total = await uow.spending.total(whose, "2026-01-01", "2026-12-31")
                named = [one.subject for one in shares.top]
                days = await uow.spending.by_day(whose, "2026-01-01", "2026-12-31", named)
            shown = [*shares.top, *([shares.others] if shares.others else [])]
            assert sum((one.cost.amount for one in shown), ZERO) == sum((one.cost or ZERO for one in meant), ZERO)
            assert sum(one.unpriced for one in shown) == sum(one.cost is None for one in meant) == total.unpriced
            assert total.usage == sum((one.usage for one in meant), Usage())
            by = Kind.AGENT if asker else kind
            assert len(shares.top) + shares.number == len({subjects(one)[by] for one in meant})
            assert sum(one.calls for (_, subject), one in days.items() if subject is None) == len(meant)
            of_days = [one.cost.amount for (_, subject), one in days.items() if subject is not None]
            assert sum(of_days, ZERO) == sum((one.cost.amount for one in shares.top), ZERO)
    finally:
        await database.dispose()


async def test_receipts_turn_pages_both_ways_however_many_share_a_moment(any_database: Database) -> None:
    calls = [receipt(at, at=NOON + timedelta(seconds=at // 3)) for at in range(8)]
    await keep(any_database, [*calls, receipt(90, workspace="slack:T2"), receipt(91, asker="U9")])
    async with any_database.read() as uow:
        first = await uow.receipts.newest(WORKSPACE, 3, asker=MEMBER.id)
        mark = Mark(first[-1].at, first[-1].id)
        second = await uow.receipts.newest(WORKSPACE, 3, asker=MEMBER.id, before=mark)
        back = await uow.receipts.next_newer(WORKSPACE, 3, Mark(second[0].at, second[0].id), asker=MEMBER.id)
        everybodys = await uow.receipts.newest(WORKSPACE, 99)
    assert [*first, *second] == list(reversed(calls))[:6]
    assert back == first
    assert len(everybodys) == 9


async def test_receipts_of_a_time_come_once_in_order_a_chunk_at_a_time(any_database: Database) -> None:
    calls = [receipt(at, at=NOON + timedelta(milliseconds=at // 2)) for at in range(CHUNK + 5)]
    await keep(any_database, calls)
    until = NOON + timedelta(milliseconds=501)
    async with any_database.read() as uow:
        first = await uow.receipts.between(WORKSPACE, NOON, until)
        mark = Mark(first[-1].at, first[-1].id)
        second = await uow.receipts.between(WORKSPACE, NOON, until, after=mark)
        none = await uow.receipts.between(WORKSPACE, NOON - timedelta(1), NOON)
    assert len(first) == CHUNK
    assert [*first, *second] == calls[:1002]
    assert none == ()


async def test_an_own_price_is_kept_changed_and_dropped(any_database: Database) -> None:
    async with any_database.begin() as uow:
        await uow.prices.put(WORKSPACE, "compatible", "m1", TokenPrices(Decimal(1), Decimal(2)), "U1")
        changed = TokenPrices(Decimal("0.25"), Decimal(2), Decimal("0.025"), Decimal("0.3"))
        await uow.prices.put(WORKSPACE, "compatible", "m1", changed, "U2")
        await uow.prices.put("slack:T2", "compatible", "m2", changed, "U2")
    async with any_database.begin() as uow:
        kept = await uow.prices.get(WORKSPACE, "compatible", "m1")
        assert kept
        assert (kept.prices, kept.set_by) == (changed, "U2")
        assert await uow.prices.all(WORKSPACE) == (kept,)
        assert await uow.prices.delete(WORKSPACE, "compatible", "m1")
        assert not await uow.prices.delete(WORKSPACE, "compatible", "m1")
        assert await uow.prices.get(WORKSPACE, "compatible", "m1") is None
