"""Every outcome reaches the person on every surface, in the way of that surface."""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from adapters.slack.interactions import Handle
from adapters.slack.outcomes import Outcomes
from adapters.slack.pictures import Pictures
from adapters.slack.web_api import WebApi
from app.domain.events import Addressed, Close, FieldErrors, Nothing, Open, Outcome, Private, Replace
from app.domain.views import Button, Buttons, Suggestion, Text, TextInput, View, rich
from tests.adapters.slack.wire import CHANNEL, SlackWire, slack_wire, text_of
from tests.conformance.chat_platform import FILLED, FORM
from tests.fakes.slack.world import Json

SCREEN = View(blocks=(Text(rich("Old")), Buttons((Button("go", "Go", "v"),))), title="Old")
NEW = View(blocks=(Text(rich("New screen")),), title="New")
ASK = View(
    blocks=(TextInput("x", "X"), Buttons((Button("go", "Go", "v"),))),
    title="Ask",
    id="ask",
    submit="Send",
    context="ctx",
)


@pytest.fixture
async def wire() -> AsyncIterator[SlackWire]:
    async with slack_wire() as wire:
        yield wire


def modal(wire: SlackWire) -> Json:
    found = wire.slack.modal("UMEMBER")
    assert found is not None
    return found


async def on_home(wire: SlackWire, outcome: Outcome) -> None:
    await wire.platform.publish_home(wire.member, SCREEN)
    wire.inbound.outcome = outcome
    await wire.press(wire.member, "go", "v")
    assert wire.last_status == 200


async def test_on_home_a_screen_is_published_and_all_else_is_a_window(wire: SlackWire) -> None:
    await on_home(wire, Replace(NEW))
    assert "New screen" in wire.home(wire.member)
    await on_home(wire, FieldErrors({"x": "Not like that"}))
    assert "Not like that" in text_of(modal(wire))
    await on_home(wire, Open(ASK))
    assert wire.form(wire.member) == ("x",)
    for outcome in (Private(NEW), Close(then=NEW)):
        await on_home(wire, outcome)
        assert ("New screen" in text_of(modal(wire)), "submit" in modal(wire)) == (True, False)
    shown = len(wire.slack.calls("views.open"))
    await on_home(wire, Nothing())
    assert len(wire.slack.calls("views.open")) == shown


async def test_a_button_is_answered_in_time_however_slow_slack_is(wire: SlackWire) -> None:
    await wire.platform.publish_home(wire.member, SCREEN)
    wire.slack.configure(delays={"views.publish": 2.6})
    wire.inbound.outcome = Replace(NEW)
    started = time.monotonic()
    await wire.press(wire.member, "go", "v")
    assert (wire.last_status, time.monotonic() - started < 2.5) == (200, True)
    await wire.slack.until(lambda: "New screen" in wire.home(wire.member))


async def in_form(wire: SlackWire, outcome: Outcome) -> None:
    wire.inbound.outcome = Open(ASK)
    await wire.command(wire.member, "ask")
    wire.inbound.outcome = outcome
    await wire.slack.press("UMEMBER", "go", where=modal(wire))


async def test_a_button_in_a_form_updates_it_or_lies_over_it(wire: SlackWire) -> None:
    await in_form(wire, Replace(NEW))
    assert "New screen" in text_of(modal(wire))
    await in_form(wire, Open(NEW))
    assert [text_of(v).strip().splitlines()[-1] for v in wire.slack.api.views.stacks["UMEMBER"]][-1] == "New screen"
    assert len(wire.slack.api.views.stacks["UMEMBER"]) == 2
    for outcome in (Close(), Close(then=NEW)):
        await in_form(wire, outcome)
        assert wire.form(wire.member) is None
    action = wire.inbound.actions[-1]
    assert (action.context, bool(action.view_id), action.message) == ("ctx", True, None)


async def test_a_fourth_window_takes_the_place_of_the_third(wire: SlackWire) -> None:
    await in_form(wire, Open(ASK))
    for _ in range(3):
        await wire.slack.press("UMEMBER", "go", where=modal(wire))
    assert len(wire.slack.api.views.stacks["UMEMBER"]) == 3


async def test_a_form_that_changed_meanwhile_is_updated_all_the_same(wire: SlackWire) -> None:
    wire.inbound.outcome = Open(ASK)
    await wire.command(wire.member, "ask")
    wire.slack.fail("views.update", error="hash_conflict")
    wire.inbound.outcome = Replace(NEW)
    await wire.slack.press("UMEMBER", "go", where=modal(wire))
    assert "New screen" in text_of(modal(wire))


async def test_under_a_private_message_it_is_replaced_answered_or_taken_away(wire: SlackWire) -> None:
    wire.inbound.outcome = Private(SCREEN)
    await wire.command(wire.member, "show")
    wire.inbound.outcome = Private(NEW)
    await wire.press(wire.member, "go", "v")
    assert ["Old" in wire.private(wire.member)[0], "New screen" in wire.private(wire.member)[1]] == [True, True]
    wire.inbound.outcome = Close()
    await wire.press(wire.member, "go", "v")
    assert len(wire.private(wire.member)) == 1
    assert not wire.public()


async def test_a_form_that_slack_does_not_open_is_said(wire: SlackWire) -> None:
    wire.slack.configure(trigger_lifetime=0.0)
    wire.inbound.outcome = Open(FORM)
    await wire.command(wire.admin, "setkey")
    assert (wire.last_status, wire.form(wire.admin)) == (200, None)
    assert "try again" in wire.private(wire.admin)[-1]


async def test_an_error_of_an_unknown_field_stands_beside_the_first(wire: SlackWire) -> None:
    wire.inbound.outcome = Open(FORM)
    await wire.command(wire.admin, "setkey")
    wire.inbound.outcome = FieldErrors({"nowhere": "Odd.", "key": "Refused."})
    await wire.submit(wire.admin, FILLED)
    assert wire.field_errors(wire.admin) == {"provider": "Odd.", "key": "Refused."}


async def test_what_follows_a_form_is_said_where_it_was_asked_for_or_else_directly(wire: SlackWire) -> None:
    for away in (False, True):
        if away:
            wire.slack.world.channels[CHANNEL].members.remove("UBOT")
        wire.inbound.outcome = Open(FORM)
        await wire.command(wire.admin, "setkey")
        wire.inbound.outcome = Close(then=View(blocks=(Text(rich("Saved.")),)))
        await wire.submit(wire.admin, FILLED)
        said = 2 if away else 1
        await wire.slack.until(functools.partial(_heard, wire, said))
    assert len(wire.slack.messages(wire.slack.world.direct("UADMIN").id)) == 1
    assert not wire.public()


async def test_a_response_url_is_called_through_the_operators_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def forward(request: web.BaseRequest) -> web.Response:
        asked.append(request.raw_path)
        return web.Response()

    async with RawTestServer(forward) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", str(proxy.make_url("")))
        api = WebApi("http://slack.invalid/api/")
        await api.post("http://slack.invalid/respond", {})
        await api.close()
    assert asked == ["http://slack.invalid/respond"]


async def test_a_response_url_elsewhere_is_never_called(wire: SlackWire) -> None:
    told: list[View] = []

    async def whisper(_: Handle, view: View) -> None:
        told.append(view)

    api = WebApi("https://slack.com/api/")
    outcomes = Outcomes(api, whisper, Pictures(api, None))
    here = await wire.platform._installations.only()
    for url in (
        "https://evil.example/x",
        "http://hooks.slack.com/x",
        "https://hooks.slack.com.evil.example/",
        wire.slack.base_url,
    ):
        await outcomes.of_action(Private(NEW), Handle(response_url=url, user="UMEMBER"), here)
    assert told == []
    assert wire.slack.api.views.responses == []
    await outcomes.of_action(Private(NEW), Handle(user="UMEMBER"), here)
    assert told == [NEW]


async def test_prompts_are_offered_when_the_messages_tab_opens(wire: SlackWire) -> None:
    wire.inbound.prompts = tuple(Suggestion(f"Title {n}", f"Message {n}") for n in range(6))
    await wire.slack.open_home("UMEMBER", tab="messages")
    direct = wire.slack.world.direct("UMEMBER").id
    await wire.slack.until(lambda: direct in wire.slack.api.chat.prompts)
    offered = wire.slack.api.chat.prompts[direct]
    assert offered["prompts"] == [{"title": f"Title {n}", "message": f"Message {n}"} for n in range(4)]
    assert "thread_ts" not in offered
    assert not wire.inbound.homes


async def test_a_direct_conversation_is_named_after_its_first_words(wire: SlackWire) -> None:
    ts = await wire.say(wire.member, f"please plan my {'k' * 40} trip to Rome", to=Addressed.DIRECT)
    direct = wire.slack.world.direct("UMEMBER").id
    await wire.slack.until(lambda: wire.slack.api.chat.titles)
    assert wire.slack.api.chat.titles == {(direct, ts): "please plan my trip to Rome"}
    await wire.say(wire.member, "and then?", to=Addressed.DIRECT, thread=ts)
    await wire.say(wire.member, "hello", to=Addressed.MENTION)
    assert len(wire.slack.calls("assistant.threads.setTitle")) == 1


async def test_after_removal_nothing_is_taken_and_nothing_called(wire: SlackWire) -> None:
    await wire.slack.revoke_tokens(oauth=["UMEMBER"])
    assert not wire.inbound.removals
    await wire.slack.uninstall()
    assert wire.inbound.removals == ["slack:T1"]
    calls = len(wire.slack.calls())
    await wire.say(wire.member, "anybody there?", to=Addressed.MENTION)
    assert (wire.last_status, wire.inbound.mentions, len(wire.slack.calls())) == (200, [], calls)


async def test_the_workspace_is_announced_once(wire: SlackWire) -> None:
    await wire.say(wire.member, "hello")
    assert wire.inbound.installs == ["slack:T1"]


def _heard(wire: SlackWire, times: int) -> bool:
    return len(wire.private(wire.admin)) == times
