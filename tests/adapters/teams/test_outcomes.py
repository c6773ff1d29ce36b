"""Every outcome reaches the person on every surface, in the way of that surface."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from app.domain.chat import UserRef
from app.domain.events import Addressed, Close, FieldErrors, Nothing, Open, Outcome, Private, Replace
from app.domain.views import Button, Buttons, Confirm, Person, Row, Suggestion, Text, TextInput, View, rich
from tests.adapters.teams.wire import WORKSPACE, TeamsWire, dumped, teams_wire, text_of
from tests.conformance.chat_platform import CANARY, FILLED, FORM
from tests.fakes.teams.world import CHANNEL, Json, Member

ASIDE: Json = {
    "type": "messageUpdate",
    "channelData": {"eventType": "editMessage"},
}  # by which the app has seen somebody
SCREEN = View(blocks=(Text(rich("Old")), Buttons((Button("go", "Go", "v"), Button("edit", "Edit", "e", opens=True)))))
NEW = View(blocks=(Text(rich("New screen")),), title="New")
ASK = View(
    blocks=(TextInput("x", "X"), Buttons((Button("go", "Go", "v"),))),
    title="Ask",
    id="ask",
    submit="Send",
    context="ctx",
)


@pytest.fixture
async def wire() -> AsyncIterator[TeamsWire]:
    async with teams_wire() as wire:
        yield wire


async def on_home(wire: TeamsWire, outcome: Outcome, button: str = "go", value: str = "v") -> None:
    """Press a button of the member's home, and let it be answered with this."""
    await wire.say(wire.member, "hello")
    await wire.platform.publish_home(wire.member, SCREEN)
    wire.inbound.outcome = outcome
    await wire.press(wire.member, button, value)
    assert wire.last_status == 200


async def in_form(wire: TeamsWire, outcome: Outcome) -> None:
    """Press a button within a form that is open, and let it be answered with this."""
    await on_home(wire, Open(ASK), "edit", "e")
    assert wire.form(wire.member) == ("x",)
    wire.inbound.outcome = outcome
    await wire.press(wire.member, "go", "v")


async def test_on_home_a_screen_takes_its_place(wire: TeamsWire) -> None:
    await on_home(wire, Replace(NEW))
    assert "New screen" in wire.home(wire.member)


async def test_neither_the_home_nor_a_form_is_a_message(wire: TeamsWire) -> None:
    await on_home(wire, Replace(SCREEN))
    await in_form(wire, Nothing())
    await on_home(wire, Nothing())
    assert {action.message for action in wire.inbound.actions} == {None}
    wire.inbound.outcome = Private(SCREEN)
    await wire.command(wire.admin, "agents")
    await wire.press(wire.admin, "go", "v")
    assert wire.inbound.actions[-1].message is not None


@pytest.mark.parametrize("outcome", [Private(NEW), Close(then=NEW), FieldErrors({"x": "New screen is wrong"})])
async def test_on_home_all_else_is_said_beside_it(wire: TeamsWire, outcome: Outcome) -> None:
    await on_home(wire, outcome)
    assert "New screen" in "".join(wire.private(wire.member))
    assert "Old" in wire.home(wire.member)


async def test_on_home_nothing_says_that_it_is_done(wire: TeamsWire) -> None:
    await on_home(wire, Nothing())
    assert wire.said[wire.member] == ["Done."]


@pytest.mark.parametrize(("outcome", "form"), [(Open(ASK), ("x",)), (Replace(NEW), None), (Private(NEW), None)])
async def test_a_button_that_opens_a_form_opens_what_it_is_answered_with(
    wire: TeamsWire, outcome: Outcome, form: tuple[str, ...] | None
) -> None:
    await on_home(wire, outcome, "edit", "e")
    assert wire.form(wire.member) == form
    assert form or "New screen" in text_of(wire.dialogs[wire.member])


async def test_a_form_behind_a_button_that_should_not_open_one_is_asked_for_again(wire: TeamsWire) -> None:
    await on_home(wire, Open(ASK))
    assert "button" in "".join(wire.said[wire.member])


@pytest.mark.parametrize("outcome", [Replace(NEW), Private(NEW), Open(NEW), Close(then=NEW)])
async def test_a_button_within_a_form_shows_its_answer_there(wire: TeamsWire, outcome: Outcome) -> None:
    await in_form(wire, outcome)
    assert "New screen" in text_of(wire.dialogs[wire.member])


@pytest.mark.parametrize("outcome", [Nothing(), Close()])
async def test_a_button_within_a_form_may_close_it(wire: TeamsWire, outcome: Outcome) -> None:
    await in_form(wire, outcome)
    assert wire.member not in wire.dialogs


async def test_a_refused_key_keeps_the_other_fields_and_is_typed_anew(wire: TeamsWire) -> None:
    wire.inbound.outcome = Open(FORM)
    await wire.command(wire.admin, "setkey")
    wire.inbound.outcome = FieldErrors({"key": "Refused by the provider"})
    await wire.submit(wire.admin, FILLED)
    shown = dumped(wire.dialogs[wire.admin])
    assert '"value": "b"' in shown
    assert '"value": "ours"' in shown
    assert CANARY not in shown
    assert CANARY not in dumped({"calls": [call.body for call in wire.teams.connector.calls]})


async def test_an_error_without_a_field_stands_beside_the_first(wire: TeamsWire) -> None:
    wire.inbound.outcome = Open(FORM)
    await wire.command(wire.admin, "setkey")
    wire.inbound.outcome = FieldErrors({"nowhere": "Not like that", "key": "No"})
    await wire.submit(wire.admin, FILLED)
    assert wire.field_errors(wire.admin) == {"provider": "Not like that", "key": "No"}


async def test_a_form_with_errors_is_asked_for_anew_so_that_any_process_can_show_it(wire: TeamsWire) -> None:
    await on_home(wire, Open(ASK), "edit", "e")
    wire.inbound.outcome = FieldErrors({"x": "Too short"})
    for typed in ("a", "b"):
        await wire.submit(wire.member, {"x": typed})
        assert wire.field_errors(wire.member) == {"x": "Too short"}
        assert f'"value": "{typed}"' in dumped(wire.dialogs[wire.member])
    assert [(one.action_id, one.value, one.user) for one in wire.inbound.actions] == [("edit", "e", wire.member)] * 3


async def test_errors_of_a_form_that_is_not_to_be_had_any_more_are_said(wire: TeamsWire) -> None:
    wire.inbound.outcome = Open(FORM)
    await wire.command(wire.admin, "setkey")
    wire.inbound._forms.clear()
    wire.inbound.outcome = FieldErrors({"key": "Refused by the provider"})
    await wire.submit(wire.admin, FILLED)
    assert wire.said[wire.admin] == ["Refused by the provider"]


async def test_a_form_is_asked_for_anew_as_who_has_sent_it(wire: TeamsWire) -> None:
    wire.inbound.outcome = Open(FORM)
    await wire.command(wire.admin, "setkey")
    wire.inbound.outcome = FieldErrors({"key": "Refused"})
    wire.dialogs[wire.member] = wire.dialogs[wire.admin]
    await wire.submit(wire.member, FILLED)
    assert [command.user for command in wire.inbound.commands] == [wire.admin, wire.admin, wire.member]


async def test_a_command_in_a_chat_of_ones_own_is_answered_there(wire: TeamsWire) -> None:
    wire.inbound.outcome = Private(NEW)
    await wire.teams.say(wire.who(wire.member), "byok keys", wire.chat(wire.member))
    await wire.settled()
    assert "New screen" in wire.private(wire.member)[-1]
    assert not [call for call in wire.teams.connector.calls if call.path.endswith("/v3/conversations")]


async def test_where_messages_to_one_person_are_on_they_are_in_the_channel() -> None:
    async with teams_wire(targeted=True) as wire:
        wire.inbound.outcome = Private(NEW)
        await wire.command(wire.member, "keys")
        (shown,) = wire.teams.world.chats[CHANNEL].targeted.values()
        assert shown["recipient"] == {"id": wire.who(wire.member).id, "isTargeted": True}
        assert wire.teams.shown(wire.chat(wire.member)) == []


async def test_a_preview_that_is_not_there_ends_in_their_own_chat() -> None:
    async with teams_wire(targeted=True) as wire:
        wire.teams.connector.fail(400, when=lambda call: call.targeted)
        wire.inbound.outcome = Private(NEW)
        await wire.command(wire.member, "keys")
        assert "New screen" in wire.private(wire.member)[-1]
        assert wire.public() == []


@pytest.mark.parametrize("outcome", [Private(NEW), Open(ASK)])
async def test_who_cannot_be_answered_privately_is_told_so_where_they_asked_and_no_more(
    wire: TeamsWire, outcome: Outcome
) -> None:
    wire.teams.connector.fail(403, times=9, when=lambda call: call.path.endswith("/v3/conversations"))
    wire.inbound.outcome = outcome
    await wire.command(wire.member, "keys")
    assert wire.public() == ["I could not answer that privately. Open the chat with me, and say it there."]


async def test_what_cannot_be_whispered_is_said_to_who_pressed(wire: TeamsWire) -> None:
    await wire.say(wire.member, "hello")
    await wire.platform.publish_home(wire.member, SCREEN)
    wire.refuse_whispers()
    wire.inbound.outcome = Private(NEW)
    await wire.press(wire.member, "go", "v")
    assert "New screen" in wire.said[wire.member][-1]


async def test_home_is_one_card_that_is_changed_in_place(wire: TeamsWire) -> None:
    await wire.open_home(wire.member)
    await wire.platform.publish_home(wire.member, SCREEN)
    await wire.platform.publish_home(wire.member, NEW)
    (card,) = wire.teams.shown(wire.chat(wire.member))
    assert "New screen" in text_of(card)


async def test_a_form_opens_in_time_though_teams_is_slow_to_say_who_people_are(wire: TeamsWire) -> None:
    people = [Person(UserRef(WORKSPACE, f"person-{number}")) for number in range(5)]
    await wire.say(wire.member, "hello")
    await wire.platform.publish_home(wire.member, SCREEN)
    wire.inbound.outcome = Open(View(blocks=(Text(rich(*people)), *ASK.blocks), title="Ask", id="ask", submit="Send"))
    for person in people:
        await wire.teams.post(wire.teams.activity(Member("Somebody", person.user.id), **ASIDE))
    wire.teams.connector.fail(503, times=99, verb="GET")
    began = time.perf_counter()
    await wire.press(wire.member, "edit", "e")
    assert time.perf_counter() - began < 3
    assert "person-4" in text_of(wire.dialogs[wire.member])


async def test_homes_published_at_once_are_one_card(wire: TeamsWire) -> None:
    """Asked for while a key's check ends, say: each would find none, and post one."""
    await wire.open_home(wire.member)
    await asyncio.gather(*(wire.platform.publish_home(wire.member, screen) for screen in (SCREEN, SCREEN, NEW)))
    (card,) = wire.teams.shown(wire.chat(wire.member))
    assert "New screen" in text_of(card)


async def test_a_home_stands_from_when_it_was_first_shown(wire: TeamsWire) -> None:
    assert not await wire.platform.home_stands(wire.member)
    await wire.open_home(wire.member)
    await wire.platform.publish_home(wire.member, SCREEN)
    assert await wire.platform.home_stands(wire.member)
    assert not await wire.platform.home_stands(wire.admin)


async def test_home_asked_for_again_comes_at_the_end_of_the_chat(wire: TeamsWire) -> None:
    await wire.open_home(wire.member)
    await wire.platform.publish_home(wire.member, SCREEN)
    (before,) = wire.teams.shown(wire.chat(wire.member))
    await wire.open_home(wire.member)
    await wire.platform.publish_home(wire.member, SCREEN)
    (after,) = wire.teams.shown(wire.chat(wire.member))
    assert int(after["id"]) > int(before["id"])


async def test_a_home_that_the_person_deleted_is_posted_anew(wire: TeamsWire) -> None:
    await wire.open_home(wire.member)
    await wire.platform.publish_home(wire.member, SCREEN)
    wire.chat(wire.member).shown.clear()
    await wire.platform.publish_home(wire.member, NEW)
    assert "New screen" in wire.home(wire.member)


def crowd(many: int) -> View:
    return View(
        blocks=tuple(
            Row(rich(f"Agent {n}: ", "x" * 100), Button("edit", "Edit", str(n), opens=True)) for n in range(many)
        )
    )


async def test_a_large_home_is_several_cards(wire: TeamsWire) -> None:
    await wire.say(wire.member, "hello")
    await wire.platform.publish_home(wire.member, crowd(150))
    assert [n for n in range(150) if f"Agent {n}:" not in wire.home(wire.member)] == []
    before = wire._home_ids(wire.member)
    assert len(before) > 1
    await wire.platform.publish_home(wire.member, crowd(140))
    assert wire._home_ids(wire.member) == before
    await wire.platform.publish_home(wire.member, NEW)
    assert [one["id"] for one in wire.teams.shown(wire.chat(wire.member))] == before[:1]


async def test_a_home_too_large_for_teams_is_shown_in_part(wire: TeamsWire) -> None:
    wire.teams.connector.largest = 14_000
    await wire.say(wire.member, "hello")
    await wire.platform.publish_home(wire.member, crowd(60))
    assert "Agent 0:" in wire.home(wire.member)
    assert "more that do not fit" in wire.home(wire.member)


async def test_who_installs_the_app_is_greeted_with_what_to_ask_and_their_home(wire: TeamsWire) -> None:
    wire.inbound.prompts = (
        Suggestion("What can you do?", "What can you do here?"),
        Suggestion("Draft", "Draft a message."),
    )
    await wire.teams.install(wire.who(wire.admin), wire.chat(wire.admin))
    await wire.platform.publish_home(wire.admin, SCREEN)
    await wire.settled()
    _, greeting = wire.teams.shown(wire.chat(wire.admin))  # the home stands above it
    assert greeting["suggestedActions"] == {
        "to": [wire.who(wire.admin).id],
        "actions": [
            {"type": "imBack", "title": "What can you do?", "value": "What can you do here?"},
            {"type": "imBack", "title": "Draft", "value": "Draft a message."},
        ],
    }
    assert wire.inbound.homes == [wire.admin]


async def test_who_installs_the_app_is_greeted_though_their_home_does_not_come(wire: TeamsWire) -> None:
    await wire.teams.install(wire.who(wire.admin), wire.chat(wire.admin))
    await wire.settled()
    assert "byok help" in wire.private(wire.admin)[-1]


async def test_teams_thanks_for_a_thumb_and_nothing_else_does(wire: TeamsWire) -> None:
    wire.inbound.outcome = Private(NEW)
    value = {"actionName": "feedback", "actionValue": {"reaction": "like"}}
    told = await wire.teams.invoke(wire.who(wire.member), "message/submitAction", value, replyToId="1783")
    await wire.settled()
    assert (told.status, told.body, wire.private(wire.member)) == (200, "", [])


async def test_a_button_that_asks_first_acts_only_when_it_is_confirmed(wire: TeamsWire) -> None:
    sure = Confirm("Sure?", "It cannot be undone.", "Delete it")
    wire.inbound.outcome = Private(View(blocks=(Buttons((Button("delete", "Delete", "a", confirm=sure),)),)))
    await wire.command(wire.member, "agents")
    (card,) = wire._cards(wire.member)
    (first,) = card["body"][0]["actions"]
    assert (first["type"], first["title"], "data" in first) == ("Action.ShowCard", "Delete", False)
    assert "It cannot be undone." in text_of(first)
    await wire.press(wire.member, "delete", "a")
    assert wire.inbound.actions[-1].value == "a"


async def test_people_are_called_by_their_names_and_not_rung(wire: TeamsWire) -> None:
    await wire.say(wire.admin, "hello")
    stranger = UserRef(WORKSPACE, "nobody")
    view = View(blocks=(Text(rich("Ask ", Person(wire.admin), " or ", Person(stranger))),))
    wire.inbound.outcome = Private(view)
    await wire.command(wire.admin, "admins")
    assert "Ask Ann or nobody" in wire.private(wire.admin)[-1]
    assert "<at>" not in dumped({"all": [call.body for call in wire.teams.connector.calls]})


async def test_a_home_that_cannot_be_brought_does_not_stop_what_asked_for_it(wire: TeamsWire) -> None:
    await wire.say(wire.member, "psst", to=Addressed.DIRECT)
    await wire.platform.publish_home(wire.member, SCREEN)
    wire.teams.connector.fail(403, times=9)
    await wire.open_home(wire.member)
    assert wire.inbound.homes == [wire.member]
