"""A conversation in the whole service: tools beside each other, thoughts said back, what is cached, and a cut answer that goes on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from app.services.continuing import CONTINUE
from app.store.tables import receipts
from app.store.unit_of_work import Database
from tests.acceptance import test_approval as approval
from tests.acceptance import test_kill as kill
from tests.acceptance import test_teams_kill as teams_kill
from tests.acceptance.loopback_teams import bring
from tests.acceptance.process import until
from tests.acceptance.service import Service
from tests.fakes.model_server import Answer, ModelServer, Tool
from tests.fakes.teams.world import CHANNEL

CLOCKS = tuple(Tool("current_time", {"time_zone": zone}, id=f"c-{zone}") for zone in ("UTC", "Europe/Rome"))
FOLD = "2 steps: looking at the clock ×2"


class WallClock:
    """The machine's own."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def script(models: ModelServer) -> None:
    """Two tools at once, an answer that is cut, and the rest of it."""
    models.caching = True
    models.script(
        Answer(thinking="Two clocks.", tools=CLOCKS),
        Answer("Noon in London, ", "one", stop="length"),
        Answer("in Rome."),
        marker="M-1",
    )
    models.script(Answer("in Rome."), marker="cut off at its length limit")


def said_back(models: ModelServer) -> None:
    """The fake took each request: no thought was changed. Both results came in one message, and the cut answer before what is asked then."""
    _, second, third = models.calls
    results = [block for block in second.body["messages"][-1]["content"] if block["type"] == "tool_result"]
    assert [block["tool_use_id"] for block in results] == ["c-UTC", "c-Europe/Rome"]
    assert second.body["messages"][1]["content"][0]["type"] == "thinking"
    assert [message["role"] for message in third.body["messages"]] == ["user", "assistant", "user"]
    assert "Noon in London, one" in json.dumps(third.body["messages"][1])


async def cached(service: Service) -> list[int]:
    """What each of the three calls read from the vendor's cache, by its receipt."""
    database = Database(f"sqlite:///{service.data / 'latchkey.db'}", WallClock())
    async with database.read() as uow:
        rows = (
            await uow.connection.execute(select(receipts.c.cached_read).order_by(receipts.c.at, receipts.c.id))
        ).all()
    await database.dispose()
    return [row.cached_read for row in rows][-3:]


async def test_in_slack(tmp_path: Path) -> None:
    async with kill._office(tmp_path) as (slack, models, service):
        script(models)
        root = await slack.say("CGENERAL", "UMEMBER", "<@UBOT> M-1 What time is it?")
        await until(lambda: f'"{CONTINUE}"' in json.dumps(slack.replies("CGENERAL", root)), "the button is there")
        (answer,) = slack.replies("CGENERAL", root)
        assert "Noon in London, one" in json.dumps(answer)
        assert FOLD in json.dumps(answer, ensure_ascii=False)
        await slack.press("UGUEST", CONTINUE, where=answer)
        assert "Only the person who asked" in json.dumps(slack.ephemerals("UGUEST"))
        for _ in range(2):
            await slack.press("UMEMBER", CONTINUE, where=answer)
        await until(lambda: "in Rome." in json.dumps(slack.replies("CGENERAL", root)), "it goes on")
        await until(lambda: kill._waiting(service.data) == 0, "nothing waits any more")
        before, after = slack.replies("CGENERAL", root)
        assert "Noon in London, one" in json.dumps(before)
        assert "in Rome." in json.dumps(after)
        said_back(models)
        assert [count > 0 for count in await cached(service)] == [False, True, True]


async def test_in_teams(tmp_path: Path) -> None:
    async with teams_kill.office(tmp_path) as (teams, models, service):
        script(models)
        bob, gus = teams.world.bob, teams.world.gus
        root = await bring(teams, bob, "M-1 What time is it?", teams.world.chats[CHANNEL])

        def card() -> dict[str, object] | None:
            found = [one for one in teams.shown(CHANNEL, root) if '"Continue"' in json.dumps(one)]
            return found[0] if found else None

        button = await until(card, "the button is there")
        shown = json.dumps(teams.shown(CHANNEL, root), ensure_ascii=False)
        assert "Noon in London, one" in shown
        assert FOLD in shown
        assert "Only the person who asked" in await approval._pressed(teams, gus, button, CONTINUE)
        for _ in range(2):
            await approval._pressed(teams, bob, button, CONTINUE)
        await until(lambda: "in Rome." in json.dumps(teams.shown(CHANNEL, root)), "it goes on")
        await until(lambda: kill._waiting(service.data) == 0, "nothing waits any more")
        assert "Noon in London, one" in json.dumps(teams.shown(CHANNEL, root))
        said_back(models)
        assert [count > 0 for count in await cached(service)] == [False, True, True]
