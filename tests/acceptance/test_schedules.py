"""Schedules in the whole service: set up in Slack's forms, begun once whatever is killed and however many processes look."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from app.store.tables import schedules
from app.store.unit_of_work import Database
from tests.acceptance import test_kill as kill
from tests.acceptance.process import free_port, until
from tests.acceptance.service import Service
from tests.fakes.postgres import Postgres
from tests.fakes.slack.world import Json
from tests.fakes.slack_server import SlackServer

CHANNEL = "CRANDOM"


class WallClock:
    """The machine's own."""

    def now(self) -> datetime:
        return datetime.now(UTC)


async def set_up(slack: SlackServer, text: str) -> None:
    """An admin sets one up that is due once a year."""
    await slack.command("CGENERAL", "UADMIN", "/byok", "schedules")
    listed = await until(lambda: slack.ephemerals("UADMIN"), "the schedules are listed")
    await slack.press("UADMIN", "schedule_new", where=listed[-1])
    await until(lambda: slack.modal("UADMIN"), "the form opens")
    values = {"channel": [CHANNEL], "text": text, "every": "cron", "cron": "0 0 1 1 *", "time_zone": "UTC"}
    await slack.submit("UADMIN", values)
    modal = slack.modal("UADMIN")
    assert modal is None, modal and modal.get("errors")


async def make_due(url: str) -> None:
    """As if the year had come round."""
    database = Database(url, WallClock())
    async with database.begin() as uow:
        await uow.connection.execute(update(schedules).values(next_at=datetime.now(UTC) - timedelta(seconds=1)))
    await database.dispose()


async def settled(url: str) -> bool:
    """Whether nothing of it is under way any more, as far as is known."""
    database = Database(url, WallClock())
    async with database.read() as uow:
        found = await uow.schedules.running()
        due = await uow.schedules.due(datetime.now(UTC), 10)
    await database.dispose()
    return not found and not due


async def is_settled(url: str, seconds: float = 40) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not await settled(url):
        assert asyncio.get_running_loop().time() < deadline, "it does not end"
        await asyncio.sleep(0.2)


def roots(slack: SlackServer) -> list[Json]:
    return [one for one in slack.messages(CHANNEL) if "Scheduled" in json.dumps(one.get("blocks"))]


def answers(slack: SlackServer, root: Json) -> list[str]:
    return [one["text"] for one in slack.replies(CHANNEL, root["ts"]) if one.get("streaming_state") != "in_progress"]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_killed_while_it_answers_a_schedule_has_one_thread_and_one_answer(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Postgres | None = request.getfixturevalue("postgres") if kind == "postgres" else None
    database: Mapping[str, str] = {"LATCHKEY_DATABASE_URL": server.create()} if server else {}
    async with kill._office(tmp_path, **database) as (slack, models, service):
        url = database.get("LATCHKEY_DATABASE_URL", f"sqlite:///{service.data / 'latchkey.db'}")
        slack.world.add_channel(CHANNEL, "random")
        await set_up(slack, "M-1 [[words:8]] [[delay:1.0]]")
        await make_due(url)
        await until(lambda: models.calls, "the model is asked", 20)
        await _die(service)
        await service.start()
        await until(lambda: roots(slack) and any("word7" in text for text in answers(slack, roots(slack)[0])), "it is answered", 60)  # fmt: skip
        await is_settled(url)
        (root,) = roots(slack)
        assert len(answers(slack, root)) == 1
        assert len([call for call in models.calls if "M-1" in call.said]) == 2, (
            "only the call that was cut short is made again"
        )
        assert slack.pings() == []
    if server:
        server.drop(database["LATCHKEY_DATABASE_URL"])


@pytest.mark.timeout(180)
async def test_what_was_due_while_the_service_was_down_is_made_up_for_once(tmp_path: Path) -> None:
    async with kill._office(tmp_path) as (slack, models, service):
        url = f"sqlite:///{service.data / 'latchkey.db'}"
        slack.world.add_channel(CHANNEL, "random")
        await set_up(slack, "M-1 good morning")
        await _die(service)
        await make_due(url)
        await service.start()
        await until(lambda: roots(slack) and answers(slack, roots(slack)[0]), "it is made up for", 30)
        await is_settled(url)
        assert len(roots(slack)) == 1
        assert len([call for call in models.calls if "M-1" in call.said]) == 1


@pytest.mark.timeout(180)
async def test_two_processes_on_one_database_start_it_once(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.create()
    (tmp_path / "one").mkdir()
    async with kill._office(tmp_path / "one", LATCHKEY_DATABASE_URL=url) as (slack, models, service):
        slack.world.add_channel(CHANNEL, "random")
        await set_up(slack, "M-1 good morning")
        environment = dict(service.environment) | {"LATCHKEY_DATA_DIR": str(tmp_path / "two" / "data")}
        key = service.data / "master.key"
        environment["LATCHKEY_MASTER_KEY_FILE"] = str(key)
        (tmp_path / "two").mkdir()
        port = free_port()
        async with Service(tmp_path / "two", port, environment | {"LATCHKEY_PORT": str(port)}) as other:
            assert other.process.running
            await make_due(url)
            await until(lambda: roots(slack) and answers(slack, roots(slack)[0]), "it is answered", 30)
            await is_settled(url)
            await asyncio.sleep(6)  # longer than either of them waits between two looks
            assert len(roots(slack)) == 1
            assert len([call for call in models.calls if "M-1" in call.said]) == 1
    postgres.drop(url)


async def _die(service: Service) -> None:
    os.kill(service.process.pid, signal.SIGKILL)
    await until(lambda: not service.process.running, "the process is dead")
