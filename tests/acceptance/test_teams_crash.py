"""The process is killed between Teams' answer to a request and the save of what it says, and another one goes on: no answer stands twice.

Deterministic, where test_teams_kill is by chance: the fake connector does what it is asked, kills the process, and hangs up.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance import test_kill as kill
from tests.acceptance.loopback_teams import bring
from tests.acceptance.process import until
from tests.acceptance.service import Service
from tests.acceptance.test_teams_kill import is_promise, office
from tests.fakes.teams.connector import Call
from tests.fakes.teams.world import GROUP, Chat, Json, Member
from tests.fakes.teams_server import TeamsServer

FIRST, MORE = "🔑 assistant has read this.", "The answer goes on."
WORDS = 2_000


@dataclass
class Place:
    """Where it is asked, and what is running."""

    teams: TeamsServer
    service: Service

    def dies_at(self, when: Callable[[Call], bool]) -> None:
        """The next request of this kind is carried out, and the process never hears of it."""

        def murder() -> None:
            os.kill(self.service.process.pid, signal.SIGKILL)

        self.teams.connector.fail(0, when=when, done=True, meanwhile=murder)

    async def asked(self, chat: Chat, who: Member, text: str) -> list[Json]:
        """What the bot has in the chat in the end, after one death."""
        before = {one["id"] for one in self.teams.shown(chat)}
        await bring(self.teams, who, text, chat)
        await until(lambda: not self.service.process.running, "the process is dead", 30)
        await self.service.start()
        await until(lambda: kill._waiting(self.service.data) == 0, "it is answered", 60)
        return [one for one in self.teams.shown(chat) if one["id"] not in before]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with office(tmp_path) as (teams, _, service):
        await until(lambda: kill._waiting(service.data) == 0, "what was asked to warm up is answered")
        yield Place(teams, service)


def info(call: Call) -> Json:
    return next((one for one in call.body.get("entities", []) if one.get("type") == "streaminfo"), {})


def begins(text: str) -> Callable[[Call], bool]:
    return lambda call: call.verb == "POST" and call.body.get("text", "").endswith(text) and not info(call)


@pytest.mark.parametrize("chat", ["group", "personal"])
async def test_killed_with_the_first_message_posted_and_its_id_unsaved(place: Place, chat: str) -> None:
    ann = place.teams.world.ann
    where = place.teams.world.chats[GROUP] if chat == "group" else place.teams.world.personal(ann)
    place.teams.connector.streams(where.id).allowed = False
    place.dies_at(begins("has read this."))
    left, answer = await place.asked(where, ann, "M-1 please")
    assert is_promise(left), (left, answer)
    assert answer["text"].count("You said: M-1 please") == 1


async def test_killed_with_a_second_part_posted_and_its_id_unsaved(place: Place) -> None:
    where = place.teams.world.chats[GROUP]
    place.dies_at(begins(MORE))
    stand = await place.asked(where, place.teams.world.ann, f"M-1 [[words:{WORDS}]]")
    assert [is_promise(one) for one in stand] == [False, True, False]
    _whole(stand)


async def test_killed_with_the_answer_put_into_its_message(place: Place) -> None:
    where = place.teams.world.chats[GROUP]
    place.dies_at(lambda call: call.verb == "PUT" and "You said:" in call.body.get("text", ""))
    (answer,) = await place.asked(where, place.teams.world.ann, "M-1 please")
    assert answer["text"].count("You said: M-1 please") == 1


async def test_killed_with_a_stream_begun_and_its_id_unsaved(place: Place) -> None:
    ann = place.teams.world.ann
    where = place.teams.world.personal(ann)
    place.dies_at(lambda call: info(call).get("streamType") == "informative")
    (answer,) = await place.asked(where, ann, "M-1 please")
    assert answer["text"].count("You said: M-1 please") == 1
    lost, *_ = place.teams.connector.streams(where.id).open
    assert (lost.informed, lost.texts) == ([FIRST], [])


async def test_killed_with_a_stream_ended_and_nobody_told(place: Place) -> None:
    ann = place.teams.world.ann
    where = place.teams.world.personal(ann)
    place.dies_at(lambda call: info(call).get("streamType") == "final")
    (answer,) = await place.asked(where, ann, "M-1 please")
    assert answer["text"].count("You said: M-1 please") == 1
    assert not place.teams.connector.streams(where.id).open


async def test_killed_with_a_streams_second_part_posted_and_its_id_unsaved(place: Place) -> None:
    ann = place.teams.world.ann
    place.dies_at(begins(MORE))
    stand = await place.asked(place.teams.world.personal(ann), ann, f"M-1 [[words:{WORDS}]]")
    assert [is_promise(one) for one in stand] == [False, True, False]
    _whole(stand)


def _whole(stand: list[Json]) -> None:
    words = " ".join(one["text"] for one in stand).split()
    assert [word for word in words if word.startswith("word")] == [f"word{n}" for n in range(WORDS)]
