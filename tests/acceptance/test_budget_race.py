"""Two hundred mentions at once against a budget for thirty-seven: thirty-seven are paid for, and nobody is refused wrongly."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from app.domain.money import ZERO
from tests.acceptance.process import until_told
from tests.acceptance.race import Race, racing
from tests.fakes.postgres import Postgres

MENTIONS, ROOM = 200, 37
PER_CALL = Decimal("0.0125")
REPEATS = 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("repeat", range(REPEATS))
async def test_of_two_hundred_at_once_exactly_as_many_are_paid_as_the_budget_holds(
    kind: str, repeat: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Postgres | None = request.getfixturevalue("postgres") if kind == "postgres" else None
    url = server.create() if server else ""
    async with racing(tmp_path, url, nodes=2 if server else 1) as race:
        await race.own_price(PER_CALL)
        await race.limit(PER_CALL * ROOM)
        await race.ask(MENTIONS)
        await race.ended()
        await check(race, ROOM, PER_CALL)
        assert await race.spent() == PER_CALL * ROOM
    if server:
        server.drop(url)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("repeat", range(REPEATS))
async def test_calls_that_may_cost_far_more_than_they_do_wait_for_each_other_and_are_not_refused(
    kind: str, repeat: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Postgres | None = request.getfixturevalue("postgres") if kind == "postgres" else None
    url = server.create() if server else ""
    async with racing(tmp_path, url, nodes=2 if server else 1) as race:
        most, real = await _prices(race)
        assert most > 5 * real
        await race.limit(race_budget := real * (ROOM + 1) + most - real / 2)  # the priming call is paid for, too
        await race.ask(MENTIONS)
        await race.ended()
        await check(race, ROOM + 1, real)
        assert await race.spent() == real * (ROOM + 1) <= race_budget
    if server:
        server.drop(url)


async def _prices(race: Race) -> tuple[Decimal, Decimal]:
    """What is set aside for a call by the list's price, and what it comes to."""

    async def aside() -> list[Decimal]:
        return await race.reserved()

    asking = asyncio.create_task(race.ask(1, "[[delay:0.50]]"))
    (most,) = await until_told(aside, "a call is being made")
    await asking
    await race.ended()
    return most, await race.spent()


async def check(race: Race, paid: int, real: Decimal) -> None:
    """So many calls were made, paid for and answered; all others were told why not, in words; nothing is left over."""
    answered = set(race.answered())
    refused = [marker for marker in race.asked if marker not in answered]
    assert len(race.models.calls) == paid, "the provider's count"
    assert await race.receipts() == [(real, False, "")] * paid
    assert len(answered) == paid
    told = [race.said(marker) for marker in refused]
    assert [words[:300] for words in told if "limit" not in words] == []
    assert race.working() == []
    assert await race.reserved() == []
    assert await race.spent() > ZERO
