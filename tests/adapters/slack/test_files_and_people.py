"""The bot token goes to Slack only, and who is an admin is asked anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.domain.chat import FileRef, MemberKind, UserRef
from app.errors import PlatformError
from tests.adapters.slack.wire import CHANNEL, SlackWire, slack_wire

FILE = FileRef("F1", "a.txt", "text/plain", 4)


@pytest.fixture
async def wire() -> AsyncIterator[SlackWire]:
    async with slack_wire() as wire:
        yield wire


@pytest.mark.parametrize(
    "url", ["https://evil.example/a.txt", "http://127.0.0.1:9/a.txt", "file:///etc/passwd", "//evil"]
)
async def test_the_token_is_sent_nowhere_else(wire: SlackWire, url: str) -> None:
    with pytest.raises(PlatformError, match="not at Slack"):
        await wire.platform.download("slack:T1", replace(FILE, url=url), 100)


async def test_a_file_in_a_shared_channel_is_looked_up_first(wire: SlackWire) -> None:
    shared = wire.slack.add_file("a.txt", "text/plain", b"data") | {"file_access": "check_file_info"}
    shared = {key: value for key, value in shared.items() if not key.startswith("url")}
    await wire.slack.say(CHANNEL, "UMEMBER", "<@UBOT> look", files=[shared])
    assert await wire.platform.download("slack:T1", wire.inbound.mentions[-1].files[0], 100) == b"data"


async def test_a_login_page_is_not_the_file(wire: SlackWire) -> None:
    url = f"{wire.slack.base_url}/files-pri/F404/a.txt"  # what Slack answers to a token without files:read
    with pytest.raises(PlatformError, match="files:read"):
        await wire.platform.download("slack:T1", replace(FILE, url=url), 100)
    with pytest.raises(PlatformError, match="not what Slack said"):
        await wire.platform.download("slack:T1", replace(FILE, url=url, media_type="text/html"), 100)


async def test_a_file_that_is_larger_than_it_said_is_refused(wire: SlackWire) -> None:
    url = wire.slack.add_file("a.txt", "text/plain", b"x" * 200_000)["url_private"]
    with pytest.raises(PlatformError, match="larger"):
        await wire.platform.download("slack:T1", replace(FILE, url=url), 1000)


async def test_guests_strangers_and_the_unresolvable(wire: SlackWire) -> None:
    kinds = {
        name: await wire.platform.member_kind(UserRef("slack:T1", name))
        for name in ("UGUEST", "USTRANGER", "UBOT", "U404")
    }
    assert kinds == {
        "UGUEST": MemberKind.GUEST,
        "USTRANGER": MemberKind.EXTERNAL,
        "UBOT": MemberKind.BOT,
        "U404": MemberKind.EXTERNAL,
    }
    assert await wire.platform.member_kind(UserRef("slack:T9", "UADMIN")) == MemberKind.EXTERNAL


async def test_trouble_at_slack_makes_nobody_an_admin(wire: SlackWire) -> None:
    wire.slack.fail("users.info", status=500)
    assert not await wire.platform.is_admin(wire.admin)
    assert await wire.platform.is_admin(wire.admin)  # and the doubt is not remembered


async def test_who_somebody_is_is_asked_once_in_a_while(wire: SlackWire) -> None:
    for _ in range(5):
        await wire.platform.is_admin(wire.admin)
        await wire.platform.display_name(wire.admin)
    assert len(wire.slack.calls("users.info")) == 1


async def test_a_long_thread_is_read_to_its_newest(wire: SlackWire) -> None:
    root = await wire.say(wire.member, "first")
    for n in range(250):
        wire.slack.world.post(CHANNEL, {"type": "message", "user": "UMEMBER", "text": f"m{n}", "thread_ts": root})
    wire.slack.world.post(
        CHANNEL, {"type": "message", "subtype": "channel_join", "user": "U1", "text": "", "thread_ts": root}
    )
    history = await wire.platform.history(wire.inbound.mentions[0].conversation, limit=3)
    assert [m.text for m in history] == ["m247", "m248", "m249"]
    gone = replace(wire.inbound.mentions[0].conversation, thread="1.000001")
    assert await wire.platform.history(gone) == ()


async def test_a_thread_is_read_although_slack_asks_to_wait(wire: SlackWire) -> None:
    await wire.say(wire.member, "what is the answer?")
    where = wire.inbound.mentions[-1].conversation
    wire.slack.fail("conversations.replies", status=429, retry_after=1)
    wire.slack.fail("conversations.replies", status=500)
    assert [m.text for m in await wire.platform.history(where)] == ["what is the answer?"]
    wire.slack.fail("conversations.replies", status=429, retry_after=300)
    with pytest.raises(PlatformError):
        await wire.platform.history(where)


async def test_an_app_that_posts_without_a_user_is_a_bot(wire: SlackWire) -> None:
    assert await wire.platform.member_kind(UserRef("slack:T1", "B0HOOK")) == MemberKind.BOT
