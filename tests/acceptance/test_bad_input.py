"""What nobody should send, sent to the service as it runs: the right status, nothing told, one log line, and it lives on."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import io
import json
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio

from tests.acceptance.local_slack import APP, BOT, GENERAL, MAX, SIGNING_SECRET, TEAM
from tests.acceptance.office import ANTHROPIC_KEY, Office, office_at
from tests.acceptance.process import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
TELLING = ("Traceback", "Error", "site-packages", "aiohttp", "Python", ".py", "File ")


def signed(body: bytes, *, secret: str = SIGNING_SECRET, at: float = 0) -> dict[str, str]:
    """Headers that make a body Slack's own, if the secret and the time are right (`at`: seconds from now)."""
    stamp = str(int(time.time() + at))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def envelope(event: Any, **more: Any) -> bytes:
    """An event as Slack wraps it."""
    authorization = {"team_id": TEAM, "user_id": BOT, "is_bot": True, "enterprise_id": None}
    whole = {
        "type": "event_callback",
        "team_id": TEAM,
        "api_app_id": APP,
        "event": event,
        "event_id": f"Ev{time.time_ns()}",
        "event_time": int(time.time()),
        "authorizations": [authorization],
    }
    return json.dumps(whole | more).encode()


def mention(**more: Any) -> dict[str, Any]:
    """A mention that would be answered."""
    ts = f"{time.time():.6f}"
    return {
        "type": "app_mention",
        "user": MAX,
        "text": f"<@{BOT}> hi",
        "ts": ts,
        "channel": GENERAL,
        "event_ts": ts,
        **more,
    }


@dataclass(frozen=True, slots=True)
class Bad:
    """A request, and how it should be met. `signature`: None for a genuine one."""

    name: str
    body: bytes
    status: int
    content_type: str = JSON
    signature: dict[str, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)


GOOD = envelope(mention())
LONG = b'{"type":"event_callback","event":{"type":"app_mention","text":"' + b"a" * (1 << 20) + b'"}}'
NESTED = b"[" * 200_000 + b"]" * 200_000
NESTED_FORM = urlencode({"payload": '{"a":' * 50_000 + "1" + "}" * 50_000}).encode()

REFUSED = (
    Bad("forged", GOOD, 401, signature=signed(GOOD, secret="somebody else's")),
    Bad("unsigned", GOOD, 401, signature={}),
    Bad("signed for another body", GOOD, 401, signature=signed(b"{}")),
    Bad("stale", GOOD, 401, signature=signed(GOOD, at=-301)),
    Bad("from the future", GOOD, 401, signature=signed(GOOD, at=600)),
    Bad("with words for a time", GOOD, 401, signature=signed(GOOD) | {"X-Slack-Request-Timestamp": "yesterday"}),
    Bad("with an endless time", GOOD, 401, signature=signed(GOOD) | {"X-Slack-Request-Timestamp": "9" * 400}),
    Bad("with an empty signature", GOOD, 401, signature=signed(GOOD) | {"X-Slack-Signature": ""}),
    Bad("oversized", LONG, 413),
    Bad("not JSON", b"\x00\xff not json", 400),
    Bad("empty", b"", 400),
    Bad("cut off", GOOD[: len(GOOD) // 2], 400),
    Bad("a list", b"[1, 2, 3]", 400),
    Bad("a number", b"17", 400),
    Bad("null", b"null", 400),
    Bad("deeply nested", NESTED, 400),
    Bad("deeply nested in a form", NESTED_FORM, 400, content_type=FORM),
    Bad("an interaction that is not JSON", urlencode({"payload": "{nope"}).encode(), 400, content_type=FORM),
    Bad("not in UTF-8", b'{"type": "\xff\xfe"}', 400),
    Bad("JSON called text", GOOD, 415, content_type="text/plain"),
    Bad("JSON called XML", GOOD, 415, content_type="application/xml"),
    Bad("in parts", GOOD, 415, content_type="multipart/form-data; boundary=x"),
    Bad("compressed", gzip.compress(GOOD), 415, headers={"Content-Encoding": "gzip"}),
)

IGNORED = (
    Bad("an event that nobody knows", envelope({"type": "moon_landed", "channel": GENERAL}), 200),
    Bad("an event without a type", envelope({"channel": GENERAL}), 200),
    Bad("an event that is a string", envelope("app_mention"), 200),
    Bad("a mention without a user", envelope(mention(user=None)), 200),
    Bad("a mention whose text is a list", envelope(mention(text=["a"])), 200),
    Bad("a mention in no channel", envelope(mention(channel="")), 200),
    Bad("a mention with odd ids", envelope(mention(ts="../../etc", thread_ts={"a": 1})), 200),
    Bad("a mention of another workspace", envelope(mention(), team_id="T0OTHER"), 200),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with office_at(tmp_path_factory.mktemp("bad-input"), "http") as office:
        await office.set_key("Anthropic", ANTHROPIC_KEY)
        yield office


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def sent(http: aiohttp.ClientSession, office: Office, bad: Bad) -> tuple[int, str]:
    """The status and the text of the answer."""
    headers = {"Content-Type": bad.content_type, **bad.headers}
    headers |= signed(bad.body) if bad.signature is None else bad.signature
    async with http.post(f"{office.service.url}/slack/events", data=io.BytesIO(bad.body), headers=headers) as response:
        return response.status, await response.text()


def logged(office: Office, since: int) -> list[str]:
    return office.service.process.printed[since:].splitlines()


@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.name)
async def test_what_is_refused_gets_its_status_and_one_log_line(
    place: Office, http: aiohttp.ClientSession, bad: Bad
) -> None:
    before = len(place.service.process.printed)
    status, text = await sent(http, place, bad)
    assert status == bad.status
    assert not [word for word in TELLING if word in text]
    await until(lambda: logged(place, before), "it is logged")
    await asyncio.sleep(0.1)  # more lines would be too many
    lines = logged(place, before)
    assert len(lines) == 1, lines
    assert str(bad.status) in lines[0]


@pytest.mark.parametrize("bad", IGNORED, ids=lambda bad: bad.name)
async def test_what_is_genuine_but_makes_no_sense_is_taken_and_nothing_follows(
    place: Office, http: aiohttp.ClientSession, bad: Bad
) -> None:
    before, messages = len(place.service.process.printed), len(place.slack.messages(GENERAL))
    status, text = await sent(http, place, bad)
    assert status == bad.status, "Slack would send it again"
    assert not [word for word in TELLING if word in text]
    assert "Traceback" not in place.service.process.printed[before:]
    assert len(place.slack.messages(GENERAL)) == messages


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/slack/events", 405), ("PUT", "/slack/events", 405), ("GET", "/nowhere", 404), ("GET", "/slack/../data", 404),
])  # fmt: skip
async def test_other_ways_in_are_closed(
    place: Office, http: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    async with http.request(method, place.service.url + path) as response:
        assert response.status == status
        assert not [word for word in TELLING if word in await response.text()]


@pytest.mark.parametrize("raw", [
    b"nonsense\r\n\r\n",
    b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /slack/events HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n",
], ids=["no request", "a negative length", "two lengths", "an endless header"])  # fmt: skip
async def test_broken_http_is_answered_with_400_and_the_connection_closed(place: Office, raw: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", place.service.port)
    writer.write(raw)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert not [word for word in TELLING if word.encode() in answer]


async def test_a_body_that_never_comes_is_not_waited_for(place: Office) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", place.service.port)
    writer.write(
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    answer = await asyncio.wait_for(reader.read(), 15)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408")


async def test_noise_never_gets_more_than_a_refusal(place: Office, http: aiohttp.ClientSession) -> None:
    chance = random.Random(20261123)
    before = len(place.service.process.printed)
    for _ in range(100):
        body = bytearray(GOOD if chance.random() < 0.7 else chance.randbytes(chance.randrange(400)))
        for _ in range(chance.randrange(1, 8)):
            body[chance.randrange(len(body) or 1) : chance.randrange(len(body) or 1) + 3] = chance.randbytes(2)
        kind = chance.choice((JSON, FORM))
        status, text = await sent(http, place, Bad("noise", bytes(body), 0, content_type=kind))
        assert status in {200, 400, 415}, bytes(body)
        assert not [word for word in TELLING if word in text]
    assert "Traceback" not in place.service.process.printed[before:]
    assert "request failed" not in place.service.process.printed[before:]


async def test_after_all_that_it_lives_and_answers(place: Office) -> None:
    asked = await place.mention(MAX, "Are you well?")
    await place.answered(asked, "A short answer.")
    assert place.service.process.running
