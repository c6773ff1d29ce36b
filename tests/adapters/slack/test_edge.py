"""What may come to /slack/events, and what is said to it."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
import structlog

from app.domain.events import Open, Private
from app.domain.views import Text, View, rich
from app.errors import SettingsError
from tests.adapters.slack.wire import CHANNEL, SlackWire, slack_wire
from tests.conformance.chat_platform import CANARY, FILLED, FORM
from tests.fakes.slack.world import Json

JSON = {"Content-Type": "application/json"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def wire() -> AsyncIterator[SlackWire]:
    async with slack_wire() as wire:
        yield wire


def mention(wire: SlackWire, text: str = "<@UBOT> hi") -> bytes:
    event: Json = {
        "type": "app_mention",
        "user": "UMEMBER",
        "text": text,
        "ts": "1783000000.000100",
        "channel": CHANNEL,
    }
    return json.dumps(wire.slack.envelope(event, wire.slack.world.workspaces["T1"])).encode()


async def test_slack_may_verify_the_address(wire: SlackWire) -> None:
    body = b'{"type":"url_verification","challenge":"c-123"}'
    answer = await wire.slack.deliveries.post(body, JSON | wire.slack.deliveries.sign(body))
    assert (answer.status, answer.json()) == (200, {"challenge": "c-123"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": "now", "X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Request-Timestamp": "9" * 5000, "X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Request-Timestamp": "1783000000", "X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Request-Timestamp": "-178300000", "X-Slack-Signature": "v0=é"},
        {"X-Slack-Request-Timestamp": "١٧٨٣٠٠٠٠٠٠", "X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v0=" + "0" * 64},
    ],
)
async def test_odd_signatures_are_refused_without_a_fuss(wire: SlackWire, headers: dict[str, str]) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await wire.slack.deliveries.post(mention(wire, CANARY), JSON | headers)
    assert (answer.status, answer.body) == (401, "")
    assert len(lines) == 1
    assert CANARY not in str(lines)
    assert wire.inbound.quiet


async def test_a_signed_body_that_is_not_what_it_should_be_is_refused(wire: SlackWire) -> None:
    deep = b'{"type":"event_callback","event":' + b"[" * 80 + b"]" * 80 + b"}"
    cases: list[tuple[bytes, dict[str, str], int]] = [
        (mention(wire)[:-20], JSON, 400),
        (b"not json", JSON, 400),
        (b"[1, 2]", JSON, 400),
        (b"\xff\xfe", JSON, 400),
        (deep, JSON, 400),
        (b"[" * 200_000, JSON, 400),
        (b"payload=%7Bnope", FORM_TYPE, 400),
        (b"&".join(b"a%d=1" % n for n in range(300)), FORM_TYPE, 400),
        (mention(wire), {"Content-Type": "text/plain"}, 415),
        (mention(wire), {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        (gzip.compress(mention(wire)), JSON | {"Content-Encoding": "gzip"}, 415),
        (b'{"a":"' + b"x" * 2**20 + b'"}', JSON, 413),
    ]
    for body, headers, status in cases:
        with structlog.testing.capture_logs() as lines:
            answer = await wire.slack.deliveries.post(body, headers | wire.slack.deliveries.sign(body))
        assert (answer.status, answer.body, len(lines)) == (status, "", 1), (body[:40], headers, lines)
    assert wire.inbound.quiet
    await wire.say(wire.member, "still there?")
    assert wire.inbound.mentions


async def test_an_oversized_body_is_not_read_to_its_end(wire: SlackWire) -> None:
    body = b"x" * (8 * 2**20)
    answer = await wire.slack.deliveries.post(body, JSON | wire.slack.deliveries.sign(body))
    assert answer.status in {0, 413}  # 0: the connection was closed while the rest was still being sent
    assert wire.inbound.quiet


@pytest.mark.parametrize("text", ["describe the payload", "payload=1", "a&payload={}"])
async def test_a_command_with_the_word_payload_is_a_command(wire: SlackWire, text: str) -> None:
    wire.inbound.outcome = Private(View(blocks=(Text(rich("I heard you")),)))
    wire.slack.world.channels[CHANNEL].name = "payload-team"
    await wire.command(wire.member, text)
    assert (wire.last_status, wire.inbound.commands[-1].text) == (200, text)
    assert "I heard you" in wire.private(wire.member)[-1]


async def test_the_same_command_twice_is_one(wire: SlackWire) -> None:
    form = {"command": "/byok", "text": "keys", "team_id": "T1", "user_id": "UMEMBER", "channel_id": CHANNEL}
    body = urlencode(form).encode()
    headers = FORM_TYPE | wire.slack.deliveries.sign(body)
    answers = [await wire.slack.deliveries.post(body, headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert len(wire.inbound.commands) == 1


@pytest.mark.parametrize("team", ["T2", "", None, 7])
async def test_another_workspace_is_not_ours(wire: SlackWire, team: object) -> None:
    envelope = json.loads(mention(wire))
    envelope |= {"team_id": team, "authorizations": [{"team_id": team}]}
    answer = await wire.slack.deliveries.bring("event", envelope)
    assert answer.status == 200
    assert wire.inbound.quiet


async def test_the_team_inside_an_event_is_not_believed(wire: SlackWire) -> None:
    envelope = json.loads(mention(wire))
    envelope["event"]["team"] = "T999"
    await wire.slack.deliveries.bring("event", envelope)
    assert wire.inbound.mentions[-1].workspace == "slack:T1"


async def test_another_app_is_not_us(wire: SlackWire) -> None:
    envelope = json.loads(mention(wire)) | {"api_app_id": "A0SOMEBODYELSE"}
    assert (await wire.slack.deliveries.bring("event", envelope)).status == 200
    assert wire.inbound.quiet


async def test_nothing_that_was_typed_is_logged_at_debug(
    wire: SlackWire, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.inbound.outcome = Open(FORM)
    await wire.command(wire.admin, f"setkey {CANARY}")
    await wire.submit(wire.admin, FILLED)
    await wire.say(wire.member, CANARY)
    body = mention(wire, CANARY)
    await wire.slack.deliveries.post(body, JSON | wire.slack.deliveries.sign(body, secret="wrong"))
    wire.inbound.broken = True
    await wire.say(wire.member, CANARY)
    out = capsys.readouterr()
    own = [r.getMessage() for r in caplog.records if not r.name.startswith(("asyncio", "tests"))]
    assert CANARY not in out.out + out.err + "\n".join(own)


async def test_who_we_are_is_asked_once(wire: SlackWire) -> None:
    for _ in range(5):
        await wire.say(wire.member, "hello")
        await wire.command(wire.member, "keys")
    assert len(wire.slack.calls("auth.test")) == 1


async def test_a_client_id_in_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")  # bolt reads these by itself, and turns OAuth on
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "s")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xo" + "xb-of-the-environment")
    async with slack_wire() as wire:
        await wire.say(wire.member, "hello")
        assert wire.inbound.mentions
        assert len({call.token for call in wire.slack.calls()}) == 1


async def test_a_retried_event_is_taken_although_it_is_a_retry(wire: SlackWire) -> None:
    wire.slack.configure(retry_delays=[0.01, 0.01])
    wire.inbound.broken = True
    await wire.say(wire.member, "hello")
    wire.inbound.broken = False
    await wire.slack.deliveries.settle()
    assert {d.retry[0] for d in wire.slack.deliveries.log if d.retry and d.ok} <= {1, 2}
    assert wire.inbound.mentions


@pytest.mark.parametrize("order", [("message", "app_mention"), ("app_mention", "message")])
async def test_both_events_of_a_mention_are_the_same_mention(wire: SlackWire, order: tuple[str, str]) -> None:
    await wire.slack.say(CHANNEL, "UMEMBER", "<@UBOT> hello", order=order)
    first, second = wire.inbound.mentions
    assert first.event_id != second.event_id
    assert (first.conversation, first.message_id, first.text, first.user, first.at) == (
        second.conversation, second.message_id, second.text, second.user, second.at,
    )  # fmt: skip


async def test_an_event_is_not_lost_when_slack_cannot_say_who_we_are() -> None:
    async with slack_wire(before=lambda slack: slack.fail("auth.test", times=2, status=500)) as wire:
        await wire.say(wire.member, "hello")
        assert [d.status for d in wire.slack.deliveries.log] == [500, 200]  # Slack brings the first one again
        assert [m.text for m in wire.inbound.mentions] == ["hello"]


async def test_a_refused_token_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN"):
        async with slack_wire(before=lambda slack: slack.fail("auth.test", error="invalid_auth")):
            pass


async def test_a_refused_app_token_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN"):
        async with slack_wire(
            socket=True, before=lambda slack: slack.fail("apps.connections.open", error="invalid_auth")
        ):
            pass


async def test_a_dropped_socket_is_opened_again() -> None:
    async with slack_wire(socket=True) as wire:
        (old,) = wire.slack.sockets.connections
        await wire.slack.refresh_sockets()
        await wire.slack.until(lambda: [c for c in wire.slack.sockets.connections if c is not old], seconds=15)
        await wire.say(wire.member, "still there?")
        assert wire.inbound.mentions
