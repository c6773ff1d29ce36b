"""People in Teams, with the whole service: who installs is the first admin and names the next, what comes twice is answered once, and what
is told late undoes nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.acceptance.loopback_teams import set_key, wiring
from tests.acceptance.process import free_port, until
from tests.acceptance.service import Service
from tests.adapters.teams.wire import text_of
from tests.fakes.model_server import ModelServer
from tests.fakes.teams.world import CHANNEL, Chat, Json, Member
from tests.fakes.teams_server import TeamsServer

KEY = "sk-test-people-in-teams-0001"

Office = tuple[TeamsServer, ModelServer, Service]


@asynccontextmanager
async def _office(folder: Path) -> AsyncIterator[Office]:
    """Nobody is an admin by the operator's word."""
    port = free_port()
    async with TeamsServer() as teams, ModelServer(keys={KEY}) as models:
        teams.bot_url = f"http://127.0.0.1:{port}/api/messages"
        environment = wiring(teams, models) | {"LATCHKEY_ADMINS": ""}
        async with Service(folder, port, environment) as service:
            yield teams, models, service


async def test_who_installs_is_the_first_admin_and_names_the_next_by_a_mention(tmp_path: Path) -> None:
    async with _office(tmp_path) as (teams, _, _):
        ann, bob = teams.world.ann, teams.world.bob
        hers, his = teams.world.personal(ann), teams.world.personal(bob)
        await teams.install(ann, hers)
        await until(lambda: "byok help" in _said(teams, hers), "Ann is greeted")
        await teams.install(bob, his)
        await teams.say(bob, "byok setkey anthropic", his)
        await until(lambda: "Ann" in _said(teams, his), "Bob is told whom to ask", 15)
        assert "Open" not in _lines(teams, his)

        await teams.post(teams.activity(ann, CHANNEL, **_mentioning(teams, "byok admins add @", bob)))
        await until(lambda: "Bob is an admin" in _said(teams, hers), "Ann is told in her chat", 15)
        assert teams.shown(CHANNEL) == []
        await teams.say(bob, "byok setkey anthropic", his)
        await until(lambda: "Open" in _lines(teams, his), "Bob may open the form", 15)

        await teams.post(teams.activity(ann, CHANNEL, **_mentioning(teams, "byok admins remove @", bob)))
        await until(lambda: _said(teams, hers).count("Bob") > 1, "Ann is told again", 15)
        answers = len(teams.shown(his))
        await teams.say(bob, "byok setkey anthropic", his)
        await until(lambda: len(teams.shown(his)) > answers, "Bob is answered", 15)
        assert "Open" not in _lines(teams, his, since=answers)


async def test_what_comes_again_is_answered_once(tmp_path: Path) -> None:
    async with _office(tmp_path) as (teams, models, service):
        ann = teams.world.ann
        await teams.install(ann, CHANNEL)
        await set_key(teams, models, KEY)
        question = teams.activity(ann, CHANNEL, **teams.words("only once, please", mention=True))
        told = await asyncio.gather(*(teams.post(question) for _ in range(5)))
        assert {one.status for one in told} == {200}
        await until(lambda: "only once" in _said(teams, teams.world.chats[CHANNEL]), "it is answered", 15)
        await service.process.stop()
        await service.start()
        assert (await teams.post(question)).status == 200  # Teams had not heard our 200, say
        await teams.install(ann, CHANNEL, "remove")
        await teams.install(ann, CHANNEL)
        assert (await teams.post(question)).status == 200
        await teams.say(ann, "last words", CHANNEL)
        await until(lambda: _answers(teams) == 3, "all that was asked is answered", 15)
        assert sum("only once" in str(call.body["messages"][-1]) for call in models.calls) == 1


async def test_a_removal_told_late_leaves_the_keys(tmp_path: Path) -> None:
    async with _office(tmp_path) as (teams, models, service):
        ann = teams.world.ann
        await teams.install(ann, CHANNEL)
        await teams.install(ann, CHANNEL, "remove")
        await teams.install(ann, CHANNEL)
        await set_key(teams, models, KEY)
        late = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
        await teams.post(teams.activity(ann, type="installationUpdate", action="remove", timestamp=late))
        assert _keys(service) == 1
        await teams.install(ann, CHANNEL, "remove")
        await until(lambda: _keys(service) == 0, "the key is shredded", 15)


def _mentioning(teams: TeamsServer, words: str, who: Member) -> Json:
    """Words to the app that mention a person as Teams does it: by the id that this app alone knows them by."""
    said = teams.words(words.replace("@", f"<at>{who.name}</at>"), mention=True)
    entity = {"type": "mention", "text": f"<at>{who.name}</at>", "mentioned": {"id": who.id, "name": who.name}}
    return said | {"entities": [*said["entities"], entity]}


def _said(teams: TeamsServer, chat: Chat) -> str:
    return "\n".join(text_of(one) for one in teams.shown(chat))


def _lines(teams: TeamsServer, chat: Chat, *, since: int = 0) -> list[str]:
    """What is read there line by line, each button being one."""
    return [line for one in teams.shown(chat)[since:] for line in text_of(one).splitlines()]


def _answers(teams: TeamsServer) -> int:
    return len(teams.shown(CHANNEL))


def _keys(service: Service) -> int:
    connection = sqlite3.connect(service.data / "latchkey.db")
    try:
        found = connection.execute("SELECT count(*) FROM provider_keys WHERE sealed IS NOT NULL").fetchone()
    finally:
        connection.close()
    return int(found[0])
