"""The fake Teams keeps the rules that the real one is known to have, so that what passes against it means something."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.teams.identity import APP_ID, PASSWORD, TENANT
from tests.fakes.teams.streams import Refused, Streams
from tests.fakes.teams.world import CHANNEL, Json
from tests.fakes.teams_server import TeamsServer


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def info(kind: str, sequence: int, stream: str = "") -> Json:
    return {"streamType": kind, "streamSequence": sequence} | ({"streamId": stream} if stream else {})


@pytest.fixture
async def teams() -> AsyncIterator[TeamsServer]:
    async with TeamsServer() as server:
        yield server


def test_a_stream_grows_and_ends() -> None:
    streams = Streams(Now())
    stream, begins = streams.chunk(info("informative", 1), "Searching…", "s1")
    assert begins
    assert not streams.chunk(info("streaming", 2, "s1"), "The", "unused")[1]
    streams.chunk(info("streaming", 3, "s1"), "The answer", "unused")
    streams.final({"streamType": "final", "streamId": "s1"}, "The answer is 42.")
    assert (stream.done, stream.texts[-1], streams.open) == (True, "The answer is 42.", [])
    with pytest.raises(Refused, match="already completed"):
        streams.chunk(info("streaming", 4, "s1"), "The answer is 42. And", "unused")


@pytest.mark.parametrize(
    ("chunk", "text", "status"),
    [
        (info("streaming", 1, "s1"), "The answer", 400),  # does not grow
        (info("streaming", 3, "s1"), "Another answer", 403),  # not cumulative
        (info("informative", 3, "s1"), "Searching…", 400),  # after content
        (info("streaming", 3, "s2"), "The answer", 404),  # no such stream
        (info("streaming", 1), "A second one", 403),  # one at a time
        (info("final", 3, "s1"), "The answer", 400),  # typing is never final
        ({"streamType": "streaming", "streamId": "s1"}, "The answer", 400),  # no sequence
    ],
)
def test_a_stream_is_held_to_its_rules(chunk: Json, text: str, status: int) -> None:
    streams = Streams(Now())
    streams.chunk(info("streaming", 2 - 1), "The", "s1")
    streams.chunk(info("streaming", 2, "s1"), "The ans", "unused")
    with pytest.raises(Refused) as refused:
        streams.chunk(chunk, text, "s9")
    assert refused.value.status == status


def test_a_stream_lasts_two_minutes_and_can_be_canceled() -> None:
    now = Now()
    streams = Streams(now, pace=1.0)
    first, _ = streams.chunk(info("streaming", 1), "The", "s1")
    with pytest.raises(Refused, match="quota"):
        streams.chunk(info("streaming", 2, "s1"), "The answer", "unused")
    now.at = 120.0
    with pytest.raises(Refused, match="exceeded streaming time"):
        streams.final({"streamType": "final", "streamId": "s1"}, "The answer")
    second, _ = streams.chunk(info("streaming", 1), "The", "s2")
    second.canceled = True
    now.at = 122.0
    with pytest.raises(Refused, match="canceled by user"):
        streams.chunk(info("streaming", 2, "s2"), "The answer", "unused")
    assert not first.done


async def test_the_connector_wants_a_token_of_the_login(teams: TeamsServer) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": APP_ID,
        "client_secret": PASSWORD,
        "scope": "https://api.botframework.com/.default",
    }
    url = f"{teams.service_url}v3/conversations/{CHANNEL}/activities"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json={"type": "message", "text": "hi"}) as answer:
            assert answer.status == 401
        async with session.post(f"{teams.login_url}/{TENANT}/oauth2/v2.0/token", data=form) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with session.post(url, json={"type": "message", "text": "hi"}, headers=headers) as answer:
            assert answer.status == 201
        async with session.post(url, json={"type": "message", "text": "x" * 30_000}, headers=headers) as answer:
            assert answer.status == 413
        teams.connector.limited = True
        statuses = []
        for _ in range(9):
            async with session.post(url, json={"type": "message", "text": "hi"}, headers=headers) as answer:
                statuses.append(answer.status)
        assert statuses == [201] * 7 + [429] * 2
    assert [a["text"] for a in teams.shown(CHANNEL)][:2] == ["hi", "hi"]
    assert teams.connector.over == 2
