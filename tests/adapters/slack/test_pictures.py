"""Charts in Slack: files that nobody is shown but in the screen that names them, and numbers where Slack will not have them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.slack import pictures
from adapters.slack.pictures import NAME, Pictures
from app.domain.events import Close, Open, Outcome, Private, Replace
from app.domain.views import Button, Buttons, Text, TextInput, View, rich
from app.errors import NotReachable
from tests.adapters.slack.wire import SlackWire, slack_wire, text_of
from tests.conformance.asking import asked, until
from tests.conformance.chat_charts import DAYS, SPENT
from tests.fakes.charts import picture

FORM = View((TextInput("x", "X"),), title="Ask", id="ask", submit="Send")


@pytest.fixture(name="wire")
async def _wire() -> AsyncIterator[SlackWire]:
    async with slack_wire() as wire:
        yield wire


async def usage(wire: SlackWire) -> None:
    wire.inbound.outcome = Private(SPENT)
    await wire.command(wire.admin, "usage")
    assert wire.last_status == 200
    await until(lambda: wire.private(wire.admin))


async def test_a_command_is_acknowledged_before_anything_is_painted(wire: SlackWire) -> None:
    wire.slack.configure(delays={"files.completeUploadExternal": 0.5})
    wire.inbound.outcome = Private(SPENT)
    await wire.command(wire.admin, "usage")
    told = wire.slack.deliveries.log[-1]
    assert (told.status, told.body, wire.private(wire.admin)) == (200, "", [])
    assert await wire.seen(wire.admin) == [(picture(DAYS), DAYS.alt)]


async def test_the_file_is_shared_nowhere(wire: SlackWire) -> None:
    await usage(wire)
    (file,) = wire.slack.world.files.values()
    assert (file.name, file.shared) == (NAME, False)
    (done,) = wire.slack.calls("files.completeUploadExternal")
    assert "channel_id" not in done.args


async def test_a_file_is_named_once_slack_knows_that_it_is_a_picture(wire: SlackWire) -> None:
    await usage(wire)
    assert len(wire.slack.calls("files.info")) == 2
    assert len(wire.slack.api.views.responses) == 1


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal", "files.info"])
async def test_what_slack_does_not_take_is_shown_as_numbers(wire: SlackWire, method: str) -> None:
    wire.slack.fail(method, times=9, error="missing_scope")
    await usage(wire)
    said = wire.private(wire.admin)[-1]
    assert "researcher" in said
    assert "After it" in said


async def test_a_picture_that_slack_refuses_twice_gives_way_to_its_numbers(
    wire: SlackWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_PAUSE", 0.01)
    event = await asked(wire)
    wire.slack.fail("chat.postEphemeral", times=2, error="invalid_blocks")
    await wire.platform.whisper(wire.member, SPENT, event.conversation)
    assert await wire.seen(wire.member, None) == []
    assert "$1.50" in wire.private(wire.member)[-1]
    wire.slack.fail("chat.postEphemeral", times=1, error="invalid_blocks")
    await wire.platform.whisper(wire.member, SPENT, event.conversation)
    assert await wire.seen(wire.member) == [(picture(DAYS), DAYS.alt)]


async def test_who_cannot_be_reached_is_not_reached_without_pictures_either(wire: SlackWire) -> None:
    event = await asked(wire)
    wire.refuse_whispers()
    with pytest.raises(NotReachable):
        await wire.platform.whisper(wire.member, SPENT, event.conversation)
    assert wire.public() == []


@pytest.mark.parametrize("outcome", [Open(SPENT), Private(SPENT), Close(then=SPENT)])
async def test_a_window_opens_at_once_and_its_picture_comes_into_it(wire: SlackWire, outcome: Outcome) -> None:
    await wire.platform.publish_home(wire.member, View((Buttons((Button("go", "Go", "v"),)),)))
    wire.slack.configure(trigger_lifetime=0.4, delays={"files.completeUploadExternal": 0.6})
    wire.inbound.outcome = outcome
    await wire.press(wire.member, "go", "v")
    assert await wire.seen(wire.member) == [(picture(DAYS), DAYS.alt)]
    modal = wire.slack.modal("UMEMBER")
    assert "Before it" in text_of(modal)


async def test_in_a_window_another_chart_takes_its_place(wire: SlackWire) -> None:
    wire.inbound.outcome = Open(replace(FORM, blocks=(*FORM.blocks, Buttons((Button("go", "Go", "v"),)))))
    await wire.command(wire.member, "ask")
    wire.inbound.outcome = Replace(replace(SPENT, title="Spent"))
    await wire.press(wire.member, "go", "v")
    assert await wire.seen(wire.member) == [(picture(DAYS), DAYS.alt)]


async def test_a_picture_is_not_sent_again_within_the_hour_and_deleted_after_a_day(wire: SlackWire) -> None:
    now = time.time()
    here = await wire.platform._installations.only()
    kept = Pictures(wire.platform._web, wire.painter, now=lambda: now, every=0.02)
    first = await kept.of(here, SPENT)
    now += 1800
    assert await kept.of(here, SPENT) == first
    now += 3600
    second = await kept.of(here, SPENT)
    assert set(wire.slack.world.files) == {first[DAYS], second[DAYS]}
    now += pictures.LIFE - 3600
    await until(lambda: first[DAYS] not in wire.slack.world.files)
    assert set(wire.slack.world.files) == {second[DAYS]}
    await kept.close()


@pytest.mark.parametrize("minds_dates", [True, False])
async def test_what_an_earlier_process_left_is_deleted_and_nothing_else(wire: SlackWire, minds_dates: bool) -> None:
    lookup = wire.slack.api.lookup
    lookup.minds_dates = minds_dates
    old, other, fresh = (lookup.add_file(name, "image/png", b"x") for name in (NAME, "holiday.png", NAME))
    old.created = other.created = 1.0
    await usage(wire)
    await until(lambda: old.id not in wire.slack.world.files)
    assert {other.id, fresh.id} <= set(wire.slack.world.files)


async def test_a_screen_without_a_chart_is_answered_at_once(wire: SlackWire) -> None:
    wire.inbound.outcome = Private(View((Text(rich("Hello")),)))
    await wire.command(wire.admin, "usage")
    assert "Hello" in wire.slack.deliveries.log[-1].body
    assert wire.painter.painted == []
