"""A key is revoked while two processes answer with it: both stop within a second or so, and no call is made with it any more."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.acceptance.process import until
from tests.acceptance.race import Race, racing
from tests.fakes.postgres import Postgres

QUESTIONS = 6


@pytest.mark.timeout(180)
async def test_what_a_revoked_key_pays_for_is_cut_in_every_process(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.create()
    async with racing(tmp_path, url, nodes=2) as race:
        for _ in range(QUESTIONS):
            await race.ask(1, "[[words:400]] [[delay:0.2]]")
            await race.slack.command(
                "CGENERAL", "UMEMBER", "/byok", "help"
            )  # so that the next one's turn is the other process's
        await until(lambda: len(race.models.calls) == QUESTIONS, "all are being answered", 30)
        assert not [call for call in race.models.calls if call.aborted]

        await race.slack.command("CGENERAL", "UADMIN", "/byok", "revoke")
        asked = await until(lambda: _with(race, "key_revoke"), "it is asked first")
        await race.slack.press("UADMIN", "key_revoke", where=asked)
        await until(lambda: "is revoked and destroyed here" in str(race.slack.ephemerals("UADMIN")), "it is revoked")
        revoked = time.monotonic()
        await until(lambda: all(call.aborted for call in race.models.calls), "every call is cut", 10)
        took = time.monotonic() - revoked
        assert took < 2.5, f"it took {took:.1f} s"
        await race.ended(30)
        for marker in race.asked:
            assert "was revoked while it was being answered" in race.said(marker)
            assert "asked again by itself" in race.said(marker)
        ended = [service.process.printed.count("run ended") for service in race.services]
        assert all(ended), f"each process answered some: {ended}"

        await race.ask(2, "And now?")
        await race.ended(30)
        await asyncio.sleep(1)
        assert len(race.models.calls) == QUESTIONS, "no call is made with it any more"
        assert race.working() == []
    postgres.drop(url)


def _with(race: Race, action: str) -> dict[str, object] | None:
    found = [message for message in race.slack.ephemerals("UADMIN") if action in str(message)]
    return found[-1] if found else None
