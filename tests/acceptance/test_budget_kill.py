"""The process is killed in the middle of a race for a budget: what the provider was asked for is on receipts, and nothing stays set aside."""

from __future__ import annotations

import asyncio
import os
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from app.services.meter import INTERRUPTED
from tests.acceptance.process import until, until_told
from tests.acceptance.race import racing
from tests.fakes.postgres import Postgres

MENTIONS, ROOM, KILLS = 60, 25, 2
PER_CALL = Decimal("0.0125")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_killed_in_the_middle_every_call_is_on_a_receipt_and_the_budget_holds(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Postgres | None = request.getfixturevalue("postgres") if kind == "postgres" else None
    url = server.create() if server else ""
    async with racing(tmp_path, url, most_runs=6) as race:
        (service,) = race.services
        await race.own_price(PER_CALL)
        await race.limit(PER_CALL * ROOM)
        asking = asyncio.create_task(race.ask(MENTIONS, "[[delay:0.30]]"))
        for kill in range(1, KILLS + 1):
            began = len(race.models.calls)
            await until(lambda: len(race.models.calls) >= began + 4, "calls are being made", 60)  # noqa: B023
            await until_told(race.reserved, "money is set aside")
            os.kill(service.process.pid, signal.SIGKILL)
            await until(lambda: not service.process.running, "the process is dead")
            assert await race.reserved() != [], f"killed {kill} times"
            await service.start()
        await asking
        await race.ended(150)

        paid = await race.receipts()
        whole = [one for one in paid if not one[1]]
        cut = [one for one in paid if one[1]]
        made = race.models.calls
        assert cut != []
        assert {outcome for _, _, outcome in cut} == {INTERRUPTED}
        assert {cost for cost, _, _ in paid} == {PER_CALL}, "a call that was cut counts as all that was set aside"
        finished = [call for call in made if call.finished]
        assert len(whole) <= len(finished) <= len(whole) + len(cut), "what was delivered whole may not have been heard"
        assert len(made) <= len(paid), "nothing that the provider bills is missing"
        assert len(paid) - len(made) <= len(cut), "what is there besides was set aside, and cut before it was asked"
        assert await race.reserved() == []
        assert await race.spent() == PER_CALL * len(paid) <= PER_CALL * ROOM
        assert len(paid) == ROOM, "and all of the room was used"
        assert race.working() == []
    if server:
        server.drop(url)
