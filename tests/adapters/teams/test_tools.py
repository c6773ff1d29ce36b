"""What Teams does for tools and approvals: steps, screens, channels, posts and files, and how it refuses."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest

from adapters.teams.handle import Consent
from adapters.teams.uploads import Uploads
from app.domain.chat import UserRef
from app.domain.events import Addressed, Mention
from app.domain.run import MadeFile
from app.domain.views import Channel, Person, Text, View, rich
from app.errors import NotReachable, PlatformError, PlatformUnavailable
from app.ports.platform import Step, StepState
from tests.adapters.teams.wire import WORKSPACE, TeamsWire, teams_wire
from tests.conformance.asking import PERSONA, Parts, asked, target, until
from tests.fakes.teams.world import CHANNEL, Json

RUNNING = Step("1", "Searched #general", StepState.RUNNING)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
async def wire() -> AsyncIterator[TeamsWire]:
    async with teams_wire() as wire:
        yield wire


def made(name: str, data: bytes, media_type: str = "text/csv") -> MadeFile:
    return MadeFile(name, media_type, base64.b64encode(data).decode())


def informed(wire: TeamsWire) -> list[str]:
    """What was said in streams before there was any text."""
    entities = [
        (call.body.get("text", ""), one)
        for call in wire.teams.connector.of("POST")
        for one in call.body.get("entities", [])
    ]
    return [text for text, one in entities if one.get("streamType") == "informative"]


async def offered(wire: TeamsWire) -> tuple[Mention, Json]:
    """A file is offered in the member's own chat."""
    event = await asked(wire, to=Addressed.DIRECT)
    await wire.platform.upload(target(event), made("counts.csv", b"1,2"))
    (card,) = [one for one in wire.teams.shown(wire.chat(wire.member)) if _consent(one)]
    return event, card


def _consent(activity: Json) -> bool:
    return any(one["contentType"].endswith("file.consent") for one in activity.get("attachments", []))


async def test_in_a_stream_steps_are_told_before_there_is_text_and_folded_beneath_it(wire: TeamsWire) -> None:
    event = await asked(wire, to=Addressed.DIRECT)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.steps((RUNNING,))
    await until(lambda: any("⏳ Searched #general" in text for text in informed(wire)))
    await reply.append("It is done. ")
    await until(lambda: any("It is done." in text for text in wire.answers(event.conversation)))
    await reply.steps((Step("1", "Searched #general", StepState.DONE),))
    await reply.finish("It is done. Really.")
    (answer,) = wire.answers(event.conversation)
    assert "It is done. Really." in answer
    assert "1 step: searched #general" in answer


async def test_elsewhere_the_step_stands_under_the_text_while_it_is_done(wire: TeamsWire) -> None:
    event = await asked(wire)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.append("Let me look. ")
    await until(lambda: any("Let me look." in text for text in wire.answers(event.conversation)))
    await reply.steps((RUNNING,))
    await until(lambda: any("⏳ Searched #general" in text for text in wire.answers(event.conversation)))
    await reply.finish("Let me look. Found.")
    (answer,) = wire.answers(event.conversation)
    assert "⏳" not in answer
    assert "1 step: searched #general (failed)" in answer


async def test_the_first_channel_of_a_team_is_called_general(wire: TeamsWire) -> None:
    await asked(wire)
    for name in ("general", "#General", CHANNEL):
        found = await wire.platform.find_channel(wire.member, name)
        assert found is not None
        assert (found.id, found.name, found.open) == (CHANNEL, "General", False)


async def test_a_screen_calls_a_channel_as_it_was_last_listed(wire: TeamsWire) -> None:
    event = await asked(wire)
    view = View(blocks=(Text(rich(Person(wire.member), " may post in ", Channel(CHANNEL), ".")),))
    before = await wire.platform.post_view(event.conversation, view, PERSONA)
    assert f"#{CHANNEL}" in wire.shown(before)
    await wire.platform.find_channel(wire.member, "general")
    after = await wire.platform.post_view(event.conversation, view, PERSONA)
    assert "may post in #General." in wire.shown(after)
    two = Text(rich(Person(UserRef("teams:another", "u1"))))
    elsewhere = await wire.platform.post_view(event.conversation, View(blocks=(*view.blocks, two)), PERSONA)
    assert "#General" not in wire.shown(elsewhere), "whose screen it is, is not clear"


async def test_a_team_that_no_longer_answers_is_passed_over(wire: TeamsWire) -> None:
    await asked(wire)
    wire.teams.connector.fail(403, when=lambda call: "/v3/teams/" in call.path)
    assert await wire.platform.find_channel(wire.member, "general") is None


async def test_people_of_other_tenants_make_a_channel_shared(wire: TeamsWire) -> None:
    await asked(wire)
    readers = await wire.platform.readers(WORKSPACE, CHANNEL)
    assert readers.shared  # Eve is of another tenant
    wire.teams.world.chats[CHANNEL].members.remove(wire.teams.world.eve)
    assert not (await wire.platform.readers(WORKSPACE, CHANNEL)).shared


async def test_a_post_is_a_new_thread_under_the_agents_name(wire: TeamsWire) -> None:
    await asked(wire)
    posted = await wire.platform.post(WORKSPACE, CHANNEL, "News.", PERSONA)
    shown = wire.teams.world.chats[CHANNEL].shown[posted.id]
    assert shown["conversation"]["id"] == CHANNEL
    assert shown["text"] == "**🦊 Researcher**\n\nNews."


@pytest.mark.parametrize("status", [500, 502, 504, 0])
async def test_a_post_with_an_unclear_end_is_not_made_again(wire: TeamsWire, status: int) -> None:
    await asked(wire)
    wire.teams.connector.fail(status, verb="POST", done=True)
    with pytest.raises(PlatformUnavailable):
        await wire.platform.post(WORKSPACE, CHANNEL, "News.", PERSONA)
    assert sum("News." in text for text in wire.public()) == 1


async def test_a_post_that_teams_puts_off_is_made_once_it_may_be(wire: TeamsWire) -> None:
    await asked(wire)
    wire.teams.connector.fail(429, verb="POST", headers={"Retry-After": "0.1"})
    await wire.platform.post(WORKSPACE, CHANNEL, "News.", PERSONA)
    assert sum("News." in text for text in wire.public()) == 1


async def test_a_screen_can_be_replaced_in_a_one_to_one_chat_too(wire: TeamsWire) -> None:
    event = await asked(wire, to=Addressed.DIRECT)
    posted = await wire.platform.post_view(event.conversation, View(blocks=(Text(rich("May it?")),)), PERSONA)
    await wire.platform.replace_view(posted, View(blocks=(Text(rich("It may.")),)))
    assert "It may." in wire.shown(posted)


async def test_a_file_that_is_taken_goes_to_the_persons_drive_and_the_offer_goes(wire: TeamsWire) -> None:
    _, card = await offered(wire)
    await wire.teams.consent(wire.who(wire.member), card)
    await wire.settled()
    assert wire.teams.drive == {"counts.csv": b"1,2"}
    (shown,) = [one for one in wire.teams.shown(wire.chat(wire.member)) if one.get("attachments")]
    (info,) = shown["attachments"]
    assert (info["contentType"].rpartition(".")[2], info["content"]["fileType"]) == ("info", "csv")


async def test_a_file_that_is_not_wanted_is_forgotten(wire: TeamsWire) -> None:
    _, card = await offered(wire)
    await wire.teams.consent(wire.who(wire.member), card, "decline")
    await wire.settled()
    assert card["id"] not in wire.chat(wire.member).shown
    await wire.teams.consent(wire.who(wire.member), card)  # the same offer, on another device
    await wire.settled()
    assert wire.teams.drive == {}
    assert any("is not here any more" in text for text in wire.private(wire.member))


async def test_nobody_else_can_take_a_file(wire: TeamsWire) -> None:
    _, card = await offered(wire)
    await wire.teams.consent(wire.who(wire.admin), card)
    await wire.settled()
    assert wire.teams.drive == {}
    await wire.teams.consent(wire.who(wire.member), card)
    await wire.settled()
    assert wire.teams.drive == {"counts.csv": b"1,2"}


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x",
        "http://tenant.sharepoint.com/x",
        "https://tenant.sharepoint.com:8443/x",
        "https://user@tenant.sharepoint.com/x",
        "https://tenant.sharepoint.com.evil.example/x",
        "file:///etc/passwd",
        "",
    ],
)
async def test_a_file_is_put_at_microsofts_and_nowhere_else(wire: TeamsWire, url: str) -> None:
    event, card = await offered(wire)
    token = card["attachments"][0]["content"]["acceptContext"]["latchkey"]
    uploads = wire.platform._uploads
    assert isinstance(uploads, Uploads)
    place = await wire.platform._addresses.at(event.conversation, event.hints)
    with pytest.raises(PlatformError, match="not at Microsoft"):
        await uploads.answered(Consent(token, agreed=True, url=url), wire.member, place)


async def test_a_picture_that_is_too_large_for_a_message_is_offered_as_a_file_or_refused(wire: TeamsWire) -> None:
    large = made("chart.png", PNG + b"x" * 1_000_001, "image/png")
    with pytest.raises(NotReachable, match="one-to-one"):
        await wire.platform.upload(target(await asked(wire)), large)
    event = await asked(wire, to=Addressed.DIRECT)
    await wire.platform.upload(target(event), large)
    assert any(_consent(one) for one in wire.teams.shown(wire.chat(wire.member)))


async def test_what_only_calls_itself_a_picture_is_not_shown_as_one(wire: TeamsWire) -> None:
    with pytest.raises(NotReachable):
        await wire.platform.upload(target(await asked(wire)), made("chart.png", b"<svg onload=x>", "image/png"))
