"""A key is rotated, its rotation undone, and a next key rejected by its provider, all while people ask: no answer fails."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.process import free_port, until
from tests.acceptance.service import Service
from tests.app.processes.command import run
from tests.fakes.model_server import Call, ModelServer
from tests.fakes.postgres import Postgres
from tests.fakes.slack_server import SlackServer

FIRST, SECOND, THIRD = "sk-test-rotation-aaaa", "sk-test-rotation-bbbb", "sk-test-rotation-cccc"
ADMIN, PLACE = "UADMIN", "CGENERAL"
EVERY = 0.08
"""Seconds between two questions; an answer takes several times that, so some are always being made."""

PATIENCE = 40
"""Seconds: a machine that is busy with other tests takes its time."""

MANY, AT_ONCE = 20, 8
"""Calls that are waited for, and how many may have opened their key before it changed and come later."""

MARKER = re.compile(r"M-\d+")


@dataclass
class Questions:
    """What was asked: the roots of the threads by marker."""

    roots: dict[str, str] = field(default_factory=dict)
    going: bool = True


@dataclass(frozen=True)
class Scene:
    """All that takes part."""

    slack: SlackServer
    models: ModelServer
    questions: Questions
    service: Service

    async def rotate(self, key: str) -> None:
        """Ana rotates the key by the form; returns when she reads that it is done."""
        await self.slack.command(PLACE, ADMIN, "/byok", "rotate")
        await until(lambda: self.slack.modal(ADMIN), "the form opens", PATIENCE)
        await self.slack.submit(ADMIN, {"key": key, "hours": "24"})
        await self.reads(f"new calls use ••••{key[-4:]}")

    async def reads(self, text: str) -> None:
        """Return when the admin was told this privately; each is told once here."""
        await until(lambda: text in self.told(), f"the admin reads {text!r}", PATIENCE)

    def told(self) -> str:
        """All that the admin was told privately."""
        direct = self.slack.world.direct(ADMIN, "T1").id
        return " ".join(_texts([*self.slack.ephemerals(ADMIN), *self.slack.messages(direct)]))

    def calls(self) -> list[Call]:
        """The model calls, oldest first."""
        return list(self.models.calls)

    async def more(self, calls: int) -> None:
        """Return when so many more calls were made."""
        before = len(self.models.calls)
        await until(lambda: len(self.models.calls) >= before + calls, "people go on asking", PATIENCE)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_no_answer_fails_while_a_key_is_rotated_undone_and_rejected(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Postgres | None = request.getfixturevalue("postgres") if kind == "postgres" else None
    database = {"LATCHKEY_DATABASE_URL": server.create()} if server else {}
    async with _scene(tmp_path, database) as scene:
        await scene.more(MANY)
        first = len(scene.calls())

        await scene.rotate(SECOND)
        rotated = len(scene.calls())
        await scene.more(MANY)
        listed = await asyncio.to_thread(run, tmp_path, "keys", "list", env=scene.service.environment)
        assert re.search(r"main +…bbbb", listed.stdout), listed.stdout
        assert re.search(r"main \(previous\) +…aaaa .* kept until ", listed.stdout), listed.stdout
        second = len(scene.calls())

        await scene.slack.command(PLACE, ADMIN, "/byok", "rotate undo")
        await scene.reads("••••aaaa is in use again")
        undone = len(scene.calls())
        scene.models.keys = {FIRST, THIRD}  # whoever had the second in hand is turned down
        await scene.more(MANY)
        third = len(scene.calls())

        await scene.rotate(THIRD)
        again = len(scene.calls())
        await asyncio.sleep(1)  # for so long, at least, the provider takes it
        await scene.more(MANY)
        turned_down = len(scene.calls())
        scene.models.keys = {FIRST}
        await scene.reads("rejected the new key")
        back = len(scene.calls())
        await scene.more(MANY)

        scene.questions.going = False
        await until(lambda: _unanswered(scene) == [], "every question is answered", PATIENCE)
        calls = scene.calls()
    assert {call.key for call in calls} == {FIRST, SECOND, THIRD}
    _under(calls[:first], FIRST)
    _under(calls[rotated + AT_ONCE : second], SECOND)
    _under(calls[undone + AT_ONCE : third], FIRST)
    _under(calls[again + AT_ONCE : turned_down], THIRD)
    _under(calls[back + AT_ONCE :], FIRST)
    _check_answers(scene, calls)
    if server:
        server.drop(database["LATCHKEY_DATABASE_URL"])


def _under(calls: list[Call], key: str) -> None:
    assert {call.key for call in calls} == {key}


def _check_answers(scene: Scene, calls: list[Call]) -> None:
    """Every question has one whole answer, and one call that was paid for; what a key was turned down for was asked again under another."""
    refused: set[str] = set()
    for marker, root in scene.questions.roots.items():
        [answer] = scene.slack.replies(PLACE, root)
        assert f"You said: {marker}" in answer["text"], answer["text"]
        asked = [call for call in calls if MARKER.findall(call.said)[-1:] == [marker]]
        assert [call.finished for call in asked] == [False] * (len(asked) - 1) + [True]
        refused |= {call.key for call in asked[:-1]}
    assert THIRD in refused, "the rejection met at least one call"
    assert refused <= {SECOND, THIRD}


@asynccontextmanager
async def _scene(folder: Path, environment: dict[str, str]) -> AsyncIterator[Scene]:
    port = free_port()
    async with (
        SlackServer(events_url=f"http://127.0.0.1:{port}/slack/events") as slack,
        ModelServer(keys={FIRST, SECOND, THIRD}) as models,
    ):
        environment = environment | {
            "LATCHKEY_SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "LATCHKEY_ANTHROPIC_BASE_URL": models.url,
            "LATCHKEY_LOG_LEVEL": "INFO",
        }
        async with Service(folder, port, environment) as service:
            await slack.command(PLACE, ADMIN, "/byok", "setkey anthropic")
            await until(lambda: slack.modal(ADMIN), "the key form opens")
            await slack.submit(ADMIN, {"key": FIRST})
            await until(lambda: slack.modal(ADMIN) is None, "the key is taken")
            scene = Scene(slack, models, Questions(), service)
            asking = asyncio.create_task(_ask(slack, scene.questions))
            try:
                yield scene
                await asking
            finally:
                asking.cancel()


async def _ask(slack: SlackServer, questions: Questions) -> None:
    number = 0
    while questions.going:
        number += 1
        marker = f"M-{number}"
        questions.roots[marker] = await slack.say(PLACE, "UMEMBER", f"<@UBOT> {marker} [[delay:0.08]]")
        await asyncio.sleep(EVERY)


def _unanswered(scene: Scene) -> list[str]:
    return [
        marker
        for marker, root in scene.questions.roots.items()
        if not any(reply.get("streaming_state") != "in_progress" for reply in scene.slack.replies(PLACE, root))
    ]


def _texts(thing: Any) -> list[str]:
    if isinstance(thing, list):
        return [text for part in thing for text in _texts(part)]
    if isinstance(thing, dict):
        return [
            text
            for name, part in thing.items()
            for text in ([part] if name == "text" and isinstance(part, str) else _texts(part))
        ]
    return []
