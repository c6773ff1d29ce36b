"""What people and models say in Teams, and every key, is readable nowhere; what is remembered of it is sealed, and gone when the app is."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tests.acceptance.loopback_teams import bring, send_key, set_key, wiring
from tests.acceptance.needles import found_in
from tests.acceptance.process import free_port, until
from tests.acceptance.service import Service
from tests.adapters.tools.documents import samples
from tests.fakes.model_server import ModelServer
from tests.fakes.model_wire import pictures
from tests.fakes.teams.identity import PASSWORD
from tests.fakes.teams.world import CHANNEL, Chat
from tests.fakes.teams_server import TeamsServer

KEY, BAD_KEY = "sk-test-canary-GOODkfh2291zmqw", "sk-test-canary-BADwvb5520mmrt"
TYPED_KEY = "sk-" + "ant-canary-TYPEDhgf3317nnvc-0123456789abcdef"
MESSAGE, ARGUMENT = "canary-MESSAGE-qpw8823jdnc", "canary/ARGUMENT_rty9921ghfj"
PERSONAL, THREAD = "canary-PERSONAL-lkj6675bnvx", "canary-THREAD-vbn1187xcqw"
FILE, PIXELS = "canary-FILE-jzq8814mbvx", "canary-PIXELS-tws2093kdlc"
LETTER = "canary-LETTER-kpd4471qzwe"
DOT = b"\x89PNG\r\n\x1a\n" + PIXELS.encode()
SECRETS = {
    "the key": KEY, "the refused key": BAD_KEY, "the key typed in chat": TYPED_KEY, "the message": MESSAGE, "the tool's argument": ARGUMENT,
    "the personal message": PERSONAL, "the file": FILE, "the picture": PIXELS, "the letter": LETTER, "the thread": THREAD, "the bot's password": PASSWORD,
}  # fmt: skip


async def test_no_word_and_no_key_of_teams_is_readable_anywhere(tmp_path: Path) -> None:
    port = free_port()
    async with TeamsServer() as teams, ModelServer(keys={KEY}) as models:
        teams.bot_url = f"http://127.0.0.1:{port}/api/messages"
        environment = wiring(teams, models) | {"LATCHKEY_LOG_LEVEL": "DEBUG"}
        async with Service(tmp_path, port, environment) as service:
            await _live_a_little(teams, models)
            assert found_in(_left_by(service), SECRETS | _tokens(teams)) == []
            await until(lambda: _rows(service, "inbox", "payload IS NOT NULL") == 0, "no message waits", 90)
            assert _rows(service, "transcripts") > 0, "nothing was remembered, so nothing was shown"
            everything = _rows(service, "transcripts")
            await teams.install(teams.world.ann, CHANNEL, "remove")
            await until(
                lambda: 0 < _rows(service, "transcripts") < everything, "what was said in that team is gone", 30
            )
            assert _rows(service, "provider_keys", "sealed IS NOT NULL") == 1, "it is installed elsewhere still"
            await teams.install(teams.world.bob, teams.world.personal(teams.world.bob), "remove")
            await until(lambda: _rows(service, "transcripts") == 0, "what was remembered is gone", 30)
            assert _rows(service, "conversation_references", "key NOT LIKE 'gone:%'") == 0  # those, a minute later
            assert _rows(service, "provider_keys", "sealed IS NOT NULL") == 0
            assert _rows(service, "data_keys") == 0
        assert found_in(_left_by(service), SECRETS | _tokens(teams)) == [], "after the end"


async def _live_a_little(teams: TeamsServer, models: ModelServer) -> None:
    """Everything that touches content: keys good, bad and misplaced, questions, follow-ups, tools and their results."""
    ann, bob, channel = teams.world.ann, teams.world.bob, teams.world.chats[CHANNEL]
    chat = teams.world.personal(bob)
    for where in (channel, chat):
        await teams.install(bob if where is chat else ann, where)
    await set_key(teams, models, KEY)
    refused = await send_key(teams, BAD_KEY)
    assert "continue" in str(refused.body), "the bad key is refused in the dialog"
    await teams.say(bob, f"byok setkey anthropic {TYPED_KEY}")
    top = await bring(teams, bob, f"What of {MESSAGE}?", channel)
    await _answered(teams, channel, MESSAGE)
    await teams.say(ann, f"And what of {THREAD}?", channel, thread=top, mention=False)
    await _answered(teams, channel, THREAD)
    await bring(teams, bob, f"Here is a key: {TYPED_KEY}", channel, thread=top)
    await bring(teams, bob, f'Late? [[tool:current_time {{"time_zone": "{ARGUMENT}"}}]] [[words:3]]', channel)
    await until(lambda: any(ARGUMENT in str(call.body) for call in models.calls), "the tool's argument came back")
    text = teams.add_file("notes.txt", "text/plain", FILE.encode())
    picture = teams.add_file("dot.png", "image/png", DOT, inline=True)
    letter = teams.add_file("letter.docx", "application/octet-stream", samples.word(LETTER))
    await teams.say(bob, PERSONAL, chat, attachments=[text, picture, letter])
    await _answered(teams, chat, PERSONAL)
    assert FILE in str(models.calls[-1].body), "the text of the file has reached the model"
    assert LETTER in str(models.calls[-1].body), "the text of the letter, too"
    assert pictures(models.calls[-1].body) == [("image/png", DOT)], "and so has the picture"


async def _answered(teams: TeamsServer, where: Chat, text: str) -> None:
    def said() -> bool:
        return any(one["type"] == "message" and text in one.get("text", "") for one in teams.shown(where))

    await until(said, f"{text} is answered", 30)


def _tokens(teams: TeamsServer) -> dict[str, str]:
    """The bot's tokens for the connector, and one of the Bot Framework's for it."""
    return {f"token {number}": token for number, token in enumerate(sorted(teams.identity.issued))}


def _left_by(service: Service) -> Iterator[Path]:
    """Every file that the service wrote, its output among them."""
    yield from (file for file in service.data.rglob("*") if file.is_file())
    yield service.folder / "service.log"


def _rows(service: Service, table: str, where: str = "1 = 1") -> int:
    with contextlib.closing(sqlite3.connect(f"file:{service.data / 'latchkey.db'}?mode=ro", uri=True)) as database:
        return int(database.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0])
