"""The process is killed again and again while it answers: every question gets one answer, and what is known to be paid for is not paid twice."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.acceptance.process import free_port, until
from tests.acceptance.service import Service
from tests.fakes.model_server import ModelServer
from tests.fakes.postgres import Postgres
from tests.fakes.slack_server import SlackServer

KEY = "sk-test-kill-good-1"
QUESTIONS, THREADS, KILLS = 100, 25, 10
MARKER = re.compile(r"M-\d+")
EVERY_FIFTH = 5  # calls a tool, so that its answer takes two model calls


@dataclass
class Questions:
    """What was asked where: markers by thread in order, and under which message ids."""

    threads: dict[str, list[str]] = field(default_factory=dict)
    message_of: dict[str, str] = field(default_factory=dict)

    def calls(self, marker: str) -> int:
        """How many model calls its answer takes."""
        return 2 if int(marker[2:]) % EVERY_FIFTH == 0 else 1


@dataclass(frozen=True)
class Death:
    """A moment at which the process was killed, and how many model calls of each question were remembered by then."""

    at: float
    remembered: dict[str, int]


@pytest.mark.timeout(240)
async def test_killed_at_random_moments_every_question_is_answered_exactly_once(tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1, 10**6)
    print(f"KILL_SEED={seed}")  # noqa: T201 - to play it again
    chance = random.Random(seed)
    async with _office(tmp_path) as (slack, models, service):
        questions = Questions()
        asking = asyncio.create_task(_ask(slack, questions, chance))
        deaths = []
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.1, 2.5))
            deaths.append(await _kill(service, questions))
            if chance.random() < 0.3:  # and once more while it takes up what was left
                await service.process.start()
                await asyncio.sleep(chance.uniform(0.2, 3))
                deaths.append(await _kill(service, questions))
            await service.start()
        await asking
        await slack.deliveries.settle()
        await until(lambda: _unanswered(slack, questions) == [], "every question is answered", 90)
        await until(lambda: _waiting(service.data) == 0, "nothing waits any more", 30)
        _check_answers(slack, questions, _came_in(service.data))
        _check_payments(models, questions, deaths)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
async def test_what_one_process_leaves_undone_the_next_one_does(
    kind: str, how: signal.Signals, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Postgres | None = request.getfixturevalue("postgres") if kind == "postgres" else None
    database = {"LATCHKEY_DATABASE_URL": server.create()} if server else {}
    async with _office(tmp_path, LATCHKEY_DRAIN_SECONDS="3", **database) as (slack, models, service):
        short = await slack.say("CGENERAL", "UMEMBER", "<@UBOT> M-1 [[delay:0.3]]")
        long = await slack.say("CGENERAL", "UMEMBER", "<@UBOT> M-2 [[words:8]] [[delay:1.0]]")
        await until(lambda: len(models.calls) == 2, "both are asked")
        if how is signal.SIGKILL:
            await until(lambda: "M-1" in _text(slack, short), "the short one is answered")
        code = await service.process.stop(how, seconds=15)
        assert code == (0 if how is signal.SIGTERM else -how)
        assert "M-1" in _text(slack, short), "it ended in time"
        assert "word7" not in _text(slack, long)
        await service.start()
        await until(lambda: "word7" in _text(slack, long), "the long one is answered", 40)
        assert [len(slack.replies("CGENERAL", root)) for root in (short, long)] == [1, 1]
        assert [len([call for call in models.calls if marker in call.said]) for marker in ("M-1", "M-2")] == [1, 2]
    if server:
        server.drop(database["LATCHKEY_DATABASE_URL"])


@asynccontextmanager
async def _office(folder: Path, **environment: str) -> AsyncIterator[tuple[SlackServer, ModelServer, Service]]:
    """A Slack and a model that live on, and a service, with a key, that may die."""
    port = free_port()
    async with (
        SlackServer(events_url=f"http://127.0.0.1:{port}/slack/events") as slack,
        ModelServer(keys={KEY}) as models,
    ):
        slack.deliveries.retry_delays = [
            1.0
        ] * 60  # Slack's own last as long, but are fewer: the process is mostly dead here
        environment |= {
            "LATCHKEY_SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "LATCHKEY_ANTHROPIC_BASE_URL": models.url,
            "LATCHKEY_LOG_LEVEL": "INFO",
        }
        async with Service(folder, port, environment) as service:
            await _set_key(slack)
            yield slack, models, service


def _text(slack: SlackServer, root: str) -> str:
    return " ".join(
        reply["text"] for reply in slack.replies("CGENERAL", root) if reply.get("streaming_state") != "in_progress"
    )


async def _set_key(slack: SlackServer) -> None:
    await slack.command("CGENERAL", "UADMIN", "/byok", "setkey anthropic")
    await until(lambda: slack.modal("UADMIN"), "the key form opens")
    await slack.submit("UADMIN", {"key": KEY})
    await until(lambda: slack.modal("UADMIN") is None, "the key is taken")


async def _ask(slack: SlackServer, questions: Questions, chance: random.Random) -> None:
    """A hundred questions over a quarter of a minute; four in each thread, in the order of their markers."""
    roots: dict[int, str] = {}
    for number in range(QUESTIONS):
        place, marker = number % THREADS, f"M-{number}"
        tool = "[[tool:current_time {}]] " if number % EVERY_FIFTH == 0 else ""
        text = f"<@UBOT> {marker} {tool}[[delay:{chance.uniform(0.02, 0.3):.2f}]]"
        ts = await slack.say("CGENERAL", "UMEMBER", text, thread_ts=roots.get(place))
        roots.setdefault(place, ts)
        questions.threads.setdefault(roots[place], []).append(marker)
        questions.message_of[marker] = ts
        await asyncio.sleep(chance.uniform(0, 0.3))


async def _kill(service: Service, questions: Questions) -> Death:
    os.kill(service.process.pid, signal.SIGKILL)
    await until(lambda: not service.process.running, "the process is dead")
    return Death(time.time(), _remembered(service.data, questions))


def _remembered(data: Path, questions: Questions) -> dict[str, int]:
    """How many model calls of each question stand in the engine's checkpoints (or were, before a finished run was erased)."""
    with sqlite3.connect(data / "latchkey.db") as ours:
        runs = {row[0]: (row[1], row[2]) for row in ours.execute("SELECT message_id, run_id, state FROM inbox")}
    with sqlite3.connect(data / "engine.db") as engine:
        steps = dict(
            engine.execute(
                "SELECT workflow_uuid, count(*) FROM operation_outputs WHERE function_name LIKE 'model:%' GROUP BY 1"
            )
        )
    found = {}
    for marker, message in questions.message_of.items():
        run, state = runs.get(message, ("", ""))
        workflow = "d:" + run.replace(".", ":")
        found[marker] = questions.calls(marker) if state == "done" else steps.get(workflow, 0)
    return found


def _marker(text: str) -> str:
    """Which question this is about: the last one. What somebody asked before, and Slack brings later, is its context."""
    found: list[str] = MARKER.findall(text)
    return found[-1] if found else ""


def _unanswered(slack: SlackServer, questions: Questions) -> list[str]:
    said = {
        _marker(message["text"])
        for message in slack.messages("CGENERAL")
        if message.get("bot_id") and message.get("streaming_state") != "in_progress"
    }
    return [marker for marker in questions.message_of if marker not in said]


def _waiting(data: Path) -> int:
    with sqlite3.connect(data / "latchkey.db") as ours:
        return int(ours.execute("SELECT count(*) FROM inbox WHERE state != 'done'").fetchone()[0])


def _came_in(data: Path) -> list[str]:
    """The messages in the order in which they were kept; Slack brings what was not taken later, after newer ones."""
    with sqlite3.connect(data / "latchkey.db") as ours:
        return [row[0] for row in ours.execute("SELECT message_id FROM inbox ORDER BY id")]


def _check_answers(slack: SlackServer, questions: Questions, came_in: list[str]) -> None:
    for root, asked in questions.threads.items():
        replies = slack.replies("CGENERAL", root)
        markers = sorted(asked, key=lambda marker: came_in.index(questions.message_of[marker]))
        assert [_marker(reply["text"]) for reply in replies] == markers
        assert all("You said:" in reply["text"] for reply in replies)
    still_streaming = [stream.ts for stream in slack.api.streams.all.values() if not stream.ended]
    assert still_streaming == []
    assert "processing" not in slack.api.chat.sessions.values()


def _check_payments(models: ModelServer, questions: Questions, deaths: list[Death]) -> None:
    """Within one life of the process, no question takes more calls than it still needed at the life's beginning."""
    lives = [Death(0.0, {}), *deaths]
    ends = [death.at for death in deaths] + [time.time()]
    for life, end in zip(lives, ends, strict=True):
        made: dict[str, int] = {}
        for call in models.calls:
            if life.at < call.at <= end:
                marker = _marker(call.said)
                made[marker] = made.get(marker, 0) + 1
        for marker, count in made.items():
            needed = questions.calls(marker) - life.remembered.get(marker, 0)
            assert count <= needed, f"{marker} was paid for {count} times where {needed} calls were left to make"
