"""Money is set aside before a call and settled after it: who fits, who waits, who is refused, and what a crash leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import select

from adapters.models.prices import ListPrices
from app.domain.money import ZERO, Cost, TokenPrices
from app.domain.run import Usage
from app.domain.spend import EACH, Account, Kind, Limit, Period, Purpose, Receipt, Scope
from app.errors import OverLimit, PriceUnknown, RunLimit
from app.services.meter import GONE, INTERRUPTED, Crossed, Meter, Reserved, Wanted
from app.services.pricing import Pricing
from app.store.tables import receipts, reservations, spend_days
from app.store.unit_of_work import Database
from tests.fakes.databases import TestClock

W = "slack:T1"
DOLLAR = Usage(output_tokens=1_000_000)
"""What costs a dollar of a model with this test's own price."""

ACCOUNT = Account(W, "run_1", "conv_1", "C1", "U1", "agent_1")
WANTED = Wanted(ACCOUNT, "key_1", "f" * 32, "anthropic", "m", "https://api.example", DOLLAR)


class Office:
    """A workspace with a price and a meter, and what its meter tells of."""

    def __init__(self, database: Database, clock: TestClock) -> None:
        self.database = database
        self.clock = clock
        self.crossed: list[tuple[str, int]] = []
        self.meter = self.another()

    def another(self) -> Meter:
        """As another process has it."""
        return Meter(self.database, Pricing(ListPrices()), self.clock, crossed=self._heard)

    async def limit(
        self, dollars: str, scope: Scope = Scope.WORKSPACE, subject: str = "", period: Period = Period.DAY
    ) -> None:
        limit = Limit(f"limit_{scope}_{subject}_{period}", W, scope, subject, period, Decimal(dollars))
        async with self.database.begin() as uow:
            await uow.limits.put(limit, "U9")

    async def reserved(self, wanted: Wanted = WANTED, meter: Meter | None = None) -> Reserved:
        meter = meter or self.meter

        async def waits(_: object) -> None:
            self.crossed.append(("waits", 0))

        return await meter.patiently(wanted.account.workspace, lambda place: meter.reserve_alone(wanted, place), waits)

    async def spend(self, wanted: Wanted = WANTED, usage: Usage = DOLLAR) -> Receipt:
        return await self.meter.settle(await self.reserved(wanted), usage)

    async def rows(self, kind: Kind) -> dict[tuple[str, str], tuple[int, Decimal]]:
        """The sums: calls and cost by subject and day."""
        async with self.database.read() as uow:
            found = await uow.connection.execute(select(spend_days).where(spend_days.c.kind == kind.value))
            return {(row.subject, row.day): (row.calls, row.cost) for row in found}

    async def open(self) -> int:
        async with self.database.read() as uow:
            return len((await uow.connection.execute(select(reservations.c.id))).all())

    async def kept(self) -> list[tuple[Decimal | None, bool, str]]:
        async with self.database.read() as uow:
            found = await uow.connection.execute(select(receipts).order_by(receipts.c.id))
            return [(row.cost, row.estimated, row.outcome) for row in found]

    async def _heard(self, crossed: object) -> None:
        assert isinstance(crossed, tuple)
        self.crossed += [(one.standing.limit.id, one.percent) for one in crossed if isinstance(one, Crossed)]


@pytest.fixture
async def office(any_database: Database, clock: TestClock) -> AsyncIterator[Office]:
    async with any_database.begin() as uow:
        await uow.workspaces.add(W, "Acme")
        await uow.prices.put(W, "anthropic", "m", TokenPrices(ZERO, Decimal(1)), "U9")
    office = Office(any_database, clock)
    await office.meter.begin()
    yield office
    await office.meter.leave()


async def stays(work: Awaitable[object]) -> asyncio.Task[object]:
    """It waits, as far as a moment tells."""
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0.1)
    assert not task.done()
    return task


async def test_a_receipt_takes_the_reservations_place_and_is_in_every_sum(office: Office) -> None:
    reserved = await office.reserved()
    assert await office.open() == 1
    receipt = await office.meter.settle(reserved, replace(DOLLAR, output_tokens=500_000), model="m-2026-09")
    assert (receipt.cost, receipt.model, await office.open()) == (Decimal("0.5"), "m-2026-09", 0)
    day = "2026-11-23"
    for kind, subject in (
        (Kind.ALL, ""), (Kind.AGENT, "agent_1"), (Kind.USER, "U1"), (Kind.CHANNEL, "C1"), (Kind.KEY, "key_1"),
        (Kind.MODEL, "anthropic/m-2026-09"), (Kind.ASKED, "U1/agent_1"),
    ):  # fmt: skip
        assert await office.rows(kind) == {(subject, day): (1, Decimal("0.5"))}
    await office.spend()
    assert await office.rows(Kind.ALL) == {("", day): (2, Decimal("1.5"))}


async def test_settled_twice_it_counts_once(office: Office) -> None:
    reserved = await office.reserved()
    for _ in range(2):
        await office.meter.settle(reserved, DOLLAR)
    assert await office.rows(Kind.ALL) == {("", "2026-11-23"): (1, Decimal(1))}
    assert len(await office.kept()) == 1


async def test_a_server_that_counts_without_sense_breaks_nothing(office: Office) -> None:
    receipt = await office.spend(usage=Usage(10**30, -5, 10**12))
    assert (receipt.usage.input_tokens, receipt.usage.output_tokens) == (2_000_000_000, 0)
    await office.spend(usage=Usage(10**30, 10**30))
    assert await office.open() == 0
    async with office.database.read() as uow:
        assert (await uow.spend.of_run("run_1"))[0] == 6_000_000_000, (
            "a run with a limit is not stopped by what does not fit"
        )


@pytest.mark.parametrize("name", ["m\ud800", "m\x00", "m" * 5000])
async def test_a_server_that_names_its_model_without_sense_is_paid_for_all_the_same(office: Office, name: str) -> None:
    await office.meter.settle(await office.reserved(), DOLLAR, model=name)
    assert await office.kept() == [(Decimal(1), False, "")]
    assert await office.open() == 0


async def test_the_day_is_that_of_the_workspaces_zone_when_the_call_began(office: Office) -> None:
    async with office.database.begin() as uow:
        await uow.workspaces.keep_settings(W, {"time_zone": "Pacific/Auckland"})
    office.clock.forward(hours=-2)  # 23:00 there
    reserved = await office.reserved()
    office.clock.forward(hours=2)
    await office.meter.settle(reserved, DOLLAR)
    await office.spend()
    assert set(await office.rows(Kind.ALL)) == {("", "2026-11-23"), ("", "2026-11-24")}


async def test_of_many_at_once_as_many_are_let_through_as_there_is_room_for(office: Office) -> None:
    await office.limit("7")
    other = office.another()
    await other.begin()

    async def one(number: int) -> bool:
        meter = (office.meter, other)[number % 2]
        try:
            reserved = await office.reserved(meter=meter)
        except OverLimit:
            return False
        await asyncio.sleep(0.01)
        await meter.settle(reserved, DOLLAR)
        return True

    through = await asyncio.gather(*(one(number) for number in range(30)))
    assert sum(through) == 7
    assert await office.rows(Kind.ALL) == {("", "2026-11-23"): (7, Decimal(7))}
    await other.leave()


async def test_who_does_not_fit_beside_calls_that_are_being_made_waits_for_them(office: Office) -> None:
    await office.limit("1.50")
    first = await office.reserved()
    second = await stays(office.reserved())
    assert office.crossed == [("waits", 0)]
    await office.meter.settle(first, replace(DOLLAR, output_tokens=400_000))
    assert isinstance(await second, Reserved)


async def test_who_waits_is_refused_as_soon_as_what_was_spent_leaves_no_room(office: Office) -> None:
    await office.limit("1.50")
    first = await office.reserved()
    second = await stays(office.reserved())
    await office.meter.settle(first, DOLLAR)
    with pytest.raises(OverLimit) as refused:
        await second
    assert refused.value.limit == "limit_workspace__day"
    assert str(refused.value.resets_at) == "2026-11-24 00:00:00+00:00"


async def test_the_first_who_waits_is_the_first_to_get_room(office: Office) -> None:
    await office.limit("10")
    begun = [await office.reserved() for _ in range(10)]
    order: list[int] = []

    async def one(number: int) -> None:
        reserved = await office.reserved()
        order.append(number)
        await office.meter.settle(reserved, Usage())

    waiting = [await stays(one(number)) for number in range(5)]
    for reserved in begun[:2]:
        await office.meter.settle(reserved, Usage())
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3, 4]


async def test_who_is_stopped_while_waiting_leaves_nothing_behind(office: Office) -> None:
    await office.limit("1")
    first = await office.reserved()
    gone, next_ = await stays(office.reserved()), await stays(office.reserved())
    gone.cancel()
    await office.meter.settle(first, Usage())
    assert isinstance(await next_, Reserved)
    assert await office.open() == 1


async def test_a_limit_that_is_raised_lets_them_in_at_once(office: Office) -> None:
    await office.limit("1")
    await office.reserved()
    waiting = await stays(office.reserved())
    await office.limit("2")
    async with asyncio.timeout(2):
        await waiting


@pytest.mark.parametrize(
    ("scope", "subject", "other"),
    [
        (Scope.AGENT, "agent_1", replace(ACCOUNT, agent_id="agent_2")),
        (Scope.CHANNEL, "C1", replace(ACCOUNT, channel="C2")),
        (Scope.PERSON, "U1", replace(ACCOUNT, asker="U2")),
        (Scope.PERSON, EACH, replace(ACCOUNT, asker="U2")),
    ],
)
async def test_a_limit_of_one_leaves_others_alone(office: Office, scope: Scope, subject: str, other: Account) -> None:
    await office.limit("1", scope, subject)
    await office.spend()
    with pytest.raises(OverLimit):
        await office.reserved()
    assert (await office.spend(replace(WANTED, account=other))).cost == Decimal(1)


async def test_a_month_sums_its_days_up_and_begins_anew(office: Office) -> None:
    await office.limit("2", period=Period.MONTH)
    await office.spend()
    office.clock.forward(days=3)
    await office.spend()
    with pytest.raises(OverLimit) as refused:
        await office.reserved()
    assert str(refused.value.resets_at) == "2026-12-01 00:00:00+00:00"
    office.clock.forward(days=7)
    await office.spend()


async def test_without_a_price_there_is_no_call_under_a_limit_and_an_unknown_cost_without_one(office: Office) -> None:
    unknown = replace(WANTED, model="nobody-knows")
    assert (await office.spend(unknown)).cost is None
    await office.limit("5")
    with pytest.raises(PriceUnknown) as refused:
        await office.reserved(unknown)
    assert refused.value.waits_for == "anthropic/nobody-knows"


async def test_what_nobody_used_costs_nothing_even_where_the_price_is_unknown(office: Office) -> None:
    assert (await office.spend(replace(WANTED, model="nobody-knows"), Usage())).cost == ZERO


async def test_a_call_is_paid_for_also_where_nobody_can_be_told_of_its_limit(office: Office) -> None:
    async def fails(_: object) -> None:
        raise OSError

    await office.limit("1")
    office.meter.crossed = fails
    assert (await office.spend()).cost == Decimal(1)
    assert await office.open() == 0


async def test_marks_are_told_of_when_they_are_crossed(office: Office) -> None:
    await office.limit("4")
    await office.spend()
    assert office.crossed == []
    await office.spend()
    assert office.crossed == [("limit_workspace__day", 50)]
    await office.spend()
    await office.spend()
    assert office.crossed[1:] == [("limit_workspace__day", 80), ("limit_workspace__day", 100)]


async def test_a_run_keeps_to_its_own_limits(office: Office) -> None:
    costs = replace(WANTED, account=replace(ACCOUNT, run_cost=Decimal("1.50")))
    await office.spend(costs)
    with pytest.raises(RunLimit) as refused:
        await office.reserved(costs)
    assert refused.value.limit == "$1.50"
    tokens = replace(WANTED, account=replace(ACCOUNT, run_tokens=2_500_000))
    await office.spend(tokens)
    with pytest.raises(RunLimit, match="2,500,000 tokens"):
        await office.reserved(tokens)
    await office.spend(replace(tokens, account=replace(tokens.account, run="run_2", purpose=Purpose.SUMMARY)))


async def test_what_a_dead_process_had_set_aside_counts_as_spent_once_it_is_not_seen_any_more(office: Office) -> None:
    dead = office.another()
    await dead.begin()
    await office.reserved(meter=dead)
    alive = await office.reserved()
    await office.meter.tidy()
    assert await office.kept() == []
    office.clock.forward(seconds=GONE.total_seconds() + 1)
    await office.meter.tidy()
    await office.meter.tidy()
    assert await office.kept() == [(Decimal(1), True, INTERRUPTED)]
    await office.meter.settle(alive, Usage())
    assert await office.open() == 0
    async with office.database.read() as uow:
        assert await uow.spend.of_run("run_1") == (1_000_000, Cost(Decimal(1)))


async def test_the_only_process_settles_what_was_left_behind_as_it_starts(office: Office) -> None:
    dead = office.another()
    await dead.begin()
    await office.reserved(meter=dead)
    await office.meter.alone()
    assert await office.kept() == [(Decimal(1), True, INTERRUPTED)]
    assert await office.open() == 0
