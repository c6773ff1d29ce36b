"""This month in the home tab: what was spent beside what may be, with the numbers that the next call is held to."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.chat import UserRef
from app.domain.money import ZERO
from app.domain.run import Usage
from app.domain.spend import EACH, Account, Limit, Period, Reservation, Scope
from app.services.limits import Limits
from app.services.workspaces import WorkspaceSettings
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, Bench, words
from tests.app.spent import NOON, keep, receipt
from tests.app.till import Till


@pytest.fixture
def till(bench: Bench) -> Till:
    return Till(bench)


async def limit(bench: Bench, scope: Scope, subject: str, amount: str, period: Period = Period.MONTH) -> None:
    async with bench.database.begin() as uow:
        await uow.limits.put(Limit(f"{scope}-{period}", WORKSPACE, scope, subject, period, Decimal(amount)), ADMIN.id)


async def section(till: Till, user: UserRef = ADMIN) -> str:
    return words(await till.costs.usage_desk.section(user, admin=user == ADMIN))


async def test_admins_see_what_this_month_cost_and_the_agents_that_spent_most(till: Till) -> None:
    agent = await till.bench.agent()
    calls = [receipt(at, agent_id=f"agent_{at}", cost=Decimal(at)) for at in range(1, 8)]
    mine = receipt(20, agent_id=agent.id, cost=Decimal(40))
    before = receipt(21, agent_id=agent.id, cost=Decimal(99), at=NOON - timedelta(days=23))
    await keep(till.bench.database, [*calls, mine, before])
    told = await section(till)
    assert "This month $68.00 for 8 calls of models" in told
    assert "assistant · $40.00 · 1 call" in told
    assert told.index("assistant") < told.index("$7.00") < told.index("$6.00")
    assert "3 other agents: $6.00" in told
    assert told in words(await till.home.view(ADMIN))


async def test_each_stands_beside_its_budget_and_what_is_being_spent_counts(till: Till) -> None:
    bench, agent = till.bench, await till.bench.agent()
    await limit(bench, Scope.WORKSPACE, "", "100")
    await limit(bench, Scope.AGENT, EACH, "10")
    await limit(bench, Scope.AGENT, EACH, "2", Period.DAY)
    await limit(bench, Scope.PERSON, EACH, "1")
    await keep(
        bench.database,
        [
            receipt(1, agent_id=agent.id, cost=Decimal("1.5")),
            receipt(2, agent_id=agent.id, cost=Decimal(2), at=NOON - timedelta(2)),
        ],
    )
    account = Account(WORKSPACE, agent_id=agent.id, asker=MEMBER.id)
    making = Reservation("r1", account, "k", "f", "anthropic", "m", "", Decimal("0.5"), Usage(), "p", NOON)
    async with bench.database.begin() as uow:
        await uow.spend.reserve(making)
    told = await section(till)
    assert "▰▱▱▱▱▱▱▱▱▱ $3.50 and $0.50 in the making of $100.00 this month" in told
    assert "assistant · 2 calls" in told
    assert "▰▰▰▰▱▱▱▱▱▱ $3.50 and $0.50 in the making of $10.00 this month" in told
    assert "▰▰▰▰▰▰▰▰▰▰ $1.50 and $0.50 in the making of $2.00 today" in told
    assert "$1.00" not in told, "people's are their own"
    for standing in await Limits(bench.database, bench.clock).all(WORKSPACE):
        if standing.subject == agent.id and standing.limit.period is Period.MONTH:
            assert (standing.spent.amount, standing.reserved) == (Decimal("3.5"), Decimal("0.5"))


async def test_a_floor_is_a_floor_in_the_home_tab_too(till: Till) -> None:
    await keep(
        till.bench.database,
        [receipt(1, cost=Decimal("1.2")), receipt(2, cost=None), receipt(3, cost=None, agent_id="b")],
    )
    told = await section(till)
    assert "≥ $1.20 for 3 calls of models · 2 calls without a known price" in told
    assert "price unknown" in told


async def test_a_member_sees_a_line_of_their_own_where_costs_are_shown_to_members(till: Till) -> None:
    await keep(till.bench.database, [receipt(1, cost=Decimal("0.25")), receipt(2, asker=ADMIN.id, cost=Decimal(9))])
    assert await section(till, MEMBER) == ""
    await till.bench.workspaces.change(WORKSPACE, WorkspaceSettings(footer_cost=True), ADMIN)
    told = await section(till, MEMBER)
    assert "What you asked this month cost $0.25 (1 call of models)" in told
    assert "$9" not in told
    assert told in words(await till.home.view(MEMBER))


async def test_a_member_whom_a_limit_concerns_sees_it(till: Till) -> None:
    await limit(till.bench, Scope.PERSON, EACH, "2")
    await limit(till.bench, Scope.WORKSPACE, "", "500")
    assert await section(till, MEMBER) == "", "as long as they have spent nothing"
    await keep(till.bench.database, [receipt(1, cost=Decimal("0.25"))])
    told = await section(till, MEMBER)
    assert "▰▱▱▱▱▱▱▱▱▱ $0.25 of $2.00 this month" in told
    assert "500" not in told


async def test_a_budget_of_nothing_is_full(till: Till) -> None:
    await limit(till.bench, Scope.WORKSPACE, "", "0")
    await keep(till.bench.database, [receipt(1, cost=ZERO)])
    assert "▰▰▰▰▰▰▰▰▰▰ $0.00 of $0.00 this month" in await section(till)
