"""Rows of limits and of requests for more, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.spend import EACH, Limit, LimitRequest, Period, RequestState, Scope
from app.store.unit_of_work import Database
from tests.fakes.databases import TestClock

W = "slack:T1"


def limit(number: int, scope: Scope, subject: str = "", period: Period = Period.DAY, amount: str = "5") -> Limit:
    return Limit(f"limit_{number}", W, scope, subject, period, Decimal(amount))


@pytest.fixture
async def rows(any_database: Database) -> Database:
    async with any_database.begin() as uow:
        await uow.workspaces.add(W, "Acme")
        for one in (
            limit(1, Scope.WORKSPACE, period=Period.MONTH, amount="100"),
            limit(2, Scope.PERSON, EACH),
            limit(3, Scope.PERSON, EACH, Period.MONTH, "20"),
            limit(4, Scope.PERSON, "U1", amount="7.50"),
            limit(5, Scope.AGENT, "agent_1"),
            limit(6, Scope.CHANNEL, "C9"),
        ):
            await uow.limits.put(one, "U0")
        await uow.limits.put(Limit("limit_7", "slack:T2", Scope.WORKSPACE, "", Period.DAY, Decimal(1)), "U0")
    return any_database


async def applying(database: Database, agent: str = "", channel: str = "", person: str = "") -> list[str]:
    async with database.read() as uow:
        return [one.id for one in await uow.limits.applying(W, agent, channel, person)]


async def test_own_limits_count_before_the_one_for_each_of_the_same_period(rows: Database) -> None:
    assert await applying(rows, "agent_1", "C1", "U1") == ["limit_1", "limit_5", "limit_3", "limit_4"]
    assert await applying(rows, "agent_2", "C9", "U2") == ["limit_1", "limit_6", "limit_2", "limit_3"]


async def test_what_nobody_asked_for_is_under_no_limit_for_each_person(rows: Database) -> None:
    assert await applying(rows) == ["limit_1"]


async def test_a_limit_set_again_keeps_its_id_and_ends_what_was_granted(rows: Database) -> None:
    async with rows.begin() as uow:
        await uow.limits.grant("limit_4", "U1", "2026-11-23", Decimal(2))
        again = await uow.limits.put(limit(8, Scope.PERSON, "U1", amount="9"), "U0")
        assert (again.id, again.amount) == ("limit_4", Decimal(9))
        assert await uow.limits.get(W, "limit_4") == again
        assert await uow.limits.find(W, Scope.PERSON, "U1", Period.DAY) == again
        assert await uow.limits.find(W, Scope.PERSON, "U1", Period.MONTH) is None


async def test_what_is_granted_of_a_limit_for_each_is_one_persons_for_one_period(rows: Database) -> None:
    async with rows.begin() as uow:
        await uow.limits.grant("limit_2", "U2", "2026-11-23", Decimal(2))
        await uow.limits.grant("limit_2", "U2", "2026-11-23", Decimal("0.25"))
    async with rows.read() as uow:
        (theirs,) = [one for one in await uow.limits.applying(W, "", "", "U2") if one.id == "limit_2"]
        (others,) = [one for one in await uow.limits.applying(W, "", "", "U3") if one.id == "limit_2"]
        assert await uow.limits.get(W, "limit_2", "U2") == theirs
    assert theirs.within("2026-11-23") == Decimal("7.25")
    assert theirs.within("2026-11-24") == others.within("2026-11-23") == Decimal(5)
    async with rows.begin() as uow:
        await uow.limits.grant("limit_2", "U2", "2026-11-24", Decimal(1))
        again = await uow.limits.get(W, "limit_2", "U2")
    assert again
    assert again.within("2026-11-24") == Decimal(6)


async def test_a_limit_that_is_dropped_takes_along_what_was_granted(rows: Database) -> None:
    async with rows.begin() as uow:
        await uow.limits.grant("limit_4", "U1", "2026-11-23", Decimal(2))
        assert await uow.limits.delete(W, "limit_4")
        assert not await uow.limits.delete(W, "limit_4")
        assert not await uow.limits.delete(W, "limit_7")  # another workspace's
        await uow.limits.forget_agent(W, "agent_1")
    assert await applying(rows, "agent_1", "C1", "U1") == ["limit_1", "limit_2", "limit_3"]
    async with rows.read() as uow:
        assert len(await uow.limits.all(W)) == 4


async def test_of_two_who_decide_one_is_told_so(rows: Database) -> None:
    request = LimitRequest("ask_1", W, "limit_2", "U2", "run_1", "U2", Decimal(2), Decimal(7))
    async with rows.begin() as uow:
        await uow.limits.ask(request)
        assert await uow.limits.asked(W, "run_1") == request
        assert await uow.limits.request("slack:T2", "ask_1") is None

    async def decide(state: RequestState, by: str) -> bool:
        async with rows.begin() as uow:
            return await uow.limits.decide(request, state, by)

    done = await asyncio.gather(decide(RequestState.GRANTED, "U8"), decide(RequestState.REFUSED, "U9"))
    assert sorted(done) == [False, True]
    async with rows.read() as uow:
        after = await uow.limits.request(W, "ask_1")
    assert after
    assert (after.state, after.decided_by) == (
        (RequestState.GRANTED, "U8") if done[0] else (RequestState.REFUSED, "U9")
    )


async def test_requests_are_dropped_after_a_while(rows: Database, clock: TestClock) -> None:
    for number in range(2):
        clock.forward(days=number)
        async with rows.begin() as uow:
            await uow.limits.ask(
                LimitRequest(f"ask_{number}", W, "limit_2", "U2", f"run_{number}", "U2", Decimal(2), Decimal(7))
            )
    async with rows.begin() as uow:
        await uow.limits.forget_requests(timedelta(hours=12))
        assert await uow.limits.request(W, "ask_0") is None
        assert await uow.limits.request(W, "ask_1")
