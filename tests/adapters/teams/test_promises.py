"""No word of an answer in Teams stands in a message whose id is not saved: what is left behind by a crash is harmless."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.domain.chat import MessageRef
from app.domain.events import Addressed
from app.domain.views import Button, Buttons, Level, Notice, View, rich
from app.errors import PlatformUnavailable
from app.ports.platform import PartRef
from tests.adapters.teams.replies import UNDER, asked, begun, shown, stream, target
from tests.adapters.teams.wire import FAST, TeamsWire, teams_wire, text_of
from tests.conformance.chat_platform import Parts
from tests.fakes.teams.connector import Call

FIRST, MORE = "🦊 Fox has read this.", "The answer goes on."
LONG = "\n\n".join(f"Paragraph {n} " + "word " * 30 for n in range(60))
FAILED = View(blocks=(Notice(rich("No key yet."), Level.ERROR), Buttons((Button("retry", "Retry", "run-1"),))))


@pytest.fixture
async def wire() -> AsyncIterator[TeamsWire]:
    async with teams_wire() as wire:
        yield wire


class Ledger(Parts):
    """Knows when an id was saved, as the number of requests that were made before."""

    def __init__(self, wire: TeamsWire) -> None:
        super().__init__()
        self.wire = wire
        self.saved: dict[str, int] = {}

    async def save(self, part: PartRef) -> None:
        self.saved.setdefault(part.message.id, len(self.wire.teams.connector.calls))
        await super().save(part)


def is_new(call: Call) -> bool:
    """Whether this makes a message."""
    ids = [one.get("streamId") for one in call.body.get("entities", []) if one["type"] == "streaminfo"]
    return call.verb == "POST" and call.body.get("text", "") != "" and ids in ([], [None])


def said(wire: TeamsWire) -> str:
    return "\n".join(text_of(one) for one in wire.teams.shown(wire.chat(wire.member)))


@pytest.mark.parametrize("how", ["grows", "at once", "fails", "fails half way"])
@pytest.mark.parametrize("to", [Addressed.DIRECT, Addressed.MENTION])
async def test_a_new_message_promises_only_and_is_saved_before_anything_else_is_said_in_it(
    to: Addressed, how: str
) -> None:
    async with teams_wire(pace=replace(FAST, room=3_000)) as wire:
        event, ledger = await asked(wire, to), Ledger(wire)
        reply = await wire.platform.open_reply(target(event), ledger.save)
        if how in {"grows", "fails half way"}:
            for at in range(0, len(LONG), 900):
                await reply.append(LONG[at : at + 900])
            await wire.teams.until(lambda: len(ledger.saved) > 2)
        if how.startswith("fails"):
            await reply.fail(FAILED, LONG[:6000] if how == "fails half way" else "")
        else:
            await reply.finish(LONG, UNDER)
        calls = wire.teams.connector.of(conversation=event.conversation.channel)
        made = [call for call in calls if is_new(call)]
        assert [call.body["text"] for call in made] == [FIRST] + [MORE] * (len(made) - 1)
        assert not any("Stop" in text_of(call.body) for call in made)
        assert len(made) == len(ledger.saved)
        if how != "fails":
            assert len(made) > 2
        every = wire.teams.connector.calls
        for message, when in ledger.saved.items():
            speaks = [at for at, call in enumerate(every) if message in call.path or message in str(call.body)]
            assert speaks
            assert min(speaks) >= when
        assert not any(promise in answer for answer in wire.answers(event.conversation) for promise in (FIRST, MORE))


@pytest.mark.parametrize("long", [False, True])
async def test_where_teams_answer_to_a_post_was_lost_a_promise_stays_and_the_answer_stands_once(
    wire: TeamsWire, *, long: bool
) -> None:
    event = await asked(wire, Addressed.MENTION)
    promise = MORE if long else FIRST
    wire.teams.connector.fail(0, when=lambda call: call.body.get("text") == promise, done=True)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    text = LONG * 2 if long else "Forty two."
    await reply.finish(text, UNDER)
    answers = wire.answers(event.conversation)
    assert answers.count(promise) == 1
    answers.remove(promise)
    whole = "".join(answers)
    wanted = [f"Paragraph {n} " for n in range(60)] if long else ["Forty two."]
    assert [whole.count(one) for one in wanted] == [2 if long else 1] * len(wanted)


async def test_a_promise_of_doubt_is_not_repeated_while_the_answer_is_made(wire: TeamsWire) -> None:
    event = await asked(wire, Addressed.MENTION)
    wire.teams.connector.fail(0, when=lambda call: call.body.get("text") == FIRST, done=True, times=1)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.append("Forty ")
    await wire.teams.until(lambda: shown(wire, event))
    await reply.append("two ")
    await reply.finish("Forty two.")
    assert [FIRST in one for one in wire.answers(event.conversation)] == [True, False]


@pytest.mark.parametrize("streamed", [True, False])
async def test_an_answer_that_was_delivered_already_is_not_delivered_again(wire: TeamsWire, *, streamed: bool) -> None:
    event, parts = await asked(wire, Addressed.DIRECT if streamed else Addressed.MENTION), Parts()
    reply = await begun(wire, event, "Forty ", parts)
    await reply.finish("Forty two.", UNDER)
    before = shown(wire, event)
    known = {part.position: part for part in parts.refs}
    again = await wire.platform.resume_reply(target(event), tuple(known.values()), parts.save)
    await again.finish("Forty two.", UNDER)
    ((one,), (other,)) = before, shown(wire, event)
    assert (one["id"], one["text"]) == (other["id"], other["text"])
    assert not any(is_new(call) for call in wire.teams.connector.calls[-2:])


async def test_where_the_first_of_several_messages_is_gone_all_stand_anew_in_their_order() -> None:
    async with teams_wire(pace=replace(FAST, room=3_000)) as wire:
        event, parts = await asked(wire, Addressed.MENTION), Parts()
        reply = await wire.platform.open_reply(target(event), parts.save)
        await reply.finish(LONG, UNDER)
        known = {part.position: part for part in parts.refs}
        assert len(known) > 3
        del wire.teams.world.chats[event.conversation.channel].shown[known[0].message.id]
        again = await wire.platform.resume_reply(target(event), tuple(known.values()), parts.save)
        await again.finish(LONG, UNDER)
        whole = "".join(wire.answers(event.conversation))
        places = [whole.find(f"Paragraph {n} ") for n in range(60)]
        assert places == sorted(places)
        assert [whole.count(f"Paragraph {n} ") for n in range(60)] == [1] * 60
        latest = {part.position: part.message.id for part in parts.refs}
        assert list(latest.values()) == [one["id"] for one in shown(wire, event)]


async def test_a_message_that_is_gone_when_the_answer_is_taken_up_doubles_nothing(wire: TeamsWire) -> None:
    event, parts = await asked(wire, Addressed.MENTION), Parts()
    gone = PartRef(0, MessageRef(event.workspace, event.conversation.channel, "17"), streamed=False)
    reply = await wire.platform.resume_reply(target(event), (gone,), parts.save)
    await reply.finish("Forty two.")
    (answer,) = shown(wire, event)
    assert answer["text"].endswith("Forty two.")
    assert [(part.position, part.message.id) for part in parts.refs] == [(0, answer["id"])]


async def test_what_could_not_be_saved_at_first_is_saved_before_the_answer_goes_there(wire: TeamsWire) -> None:
    event, parts, tries = await asked(wire), Parts(), []

    async def save(part: PartRef) -> None:
        tries.append(part)
        if len(tries) == 1:
            raise OSError("the database is away")
        await parts.save(part)

    reply = await wire.platform.open_reply(target(event), save)
    await wire.teams.until(lambda: tries)
    await reply.append("Forty ")
    await reply.finish("Forty two.")
    (answer,) = shown(wire, event)
    assert [part.message.id for part in parts.refs] == [answer["id"]]
    assert stream(wire).texts == ["**🦊 Fox**\n\nForty two."]


async def test_letting_go_saves_what_is_just_being_posted(wire: TeamsWire) -> None:
    event, parts = await asked(wire), Parts()
    reply = await wire.platform.open_reply(target(event), parts.save)
    await wire.teams.until(lambda: wire.teams.connector.of(conversation=event.conversation.channel))
    await reply.abandon()
    assert [part.message.id for part in parts.refs] == [stream(wire).id]


async def test_the_last_word_of_a_stream_keeps_the_distance_that_teams_wants() -> None:
    async with teams_wire(pace=replace(FAST, every=0.3)) as wire:
        event = await asked(wire)
        wire.teams.connector.streams(event.conversation.channel).pace = 0.25
        reply = await begun(wire, event, "Forty ")
        await reply.finish("Forty two.", UNDER)
        assert 429 not in {call.status for call in wire.teams.connector.calls}
        assert "Forty two." in said(wire)


@pytest.mark.parametrize("to", [Addressed.DIRECT, Addressed.MENTION])
async def test_where_teams_tells_no_id_nothing_is_said_there(wire: TeamsWire, to: Addressed) -> None:
    event, parts = await asked(wire, to), Parts()
    wire.teams.connector.fail(201, when=lambda call: call.body.get("text") == FIRST, done=True, times=2)
    reply = await wire.platform.open_reply(target(event), parts.save)
    await reply.append("Forty ")
    await wire.teams.until(lambda: 201 in {call.status for call in wire.teams.connector.calls})
    with pytest.raises(PlatformUnavailable):  # and is asked to deliver it once more
        await reply.finish("Forty two.")
    again = await wire.platform.resume_reply(target(event), tuple(parts.refs), parts.save)
    await again.finish("Forty two.")
    *left, answer = wire.answers(event.conversation)
    assert set(left) <= {FIRST}
    assert "Forty two." in answer
    assert "" not in [part.message.id for part in parts.refs]


async def test_what_stands_beside_the_answer_and_cannot_be_removed_now_is_removed_later(wire: TeamsWire) -> None:
    event, parts = await asked(wire, Addressed.MENTION), Parts()
    reply = await wire.platform.open_reply(target(event), parts.save)
    await reply.fail(FAILED, "Forty two")
    known = {part.position: part for part in parts.refs}
    assert len(known) == 2
    wire.teams.connector.fail(0, verb="DELETE")
    again = await wire.platform.resume_reply(target(event), tuple(known.values()), parts.save)
    await again.finish("Forty two.")
    assert wire.answers(event.conversation) == ["**🦊 Fox**\n\nForty two."]


async def test_a_stream_that_teams_ended_is_made_a_message_even_if_it_shows_all_of_it_already(wire: TeamsWire) -> None:
    event = await asked(wire)
    reply = await begun(wire, event, "Forty two. ")
    wire.teams.connector.streams(event.conversation.channel).lasts = 0.0
    await reply.append("Or not")
    await wire.teams.until(lambda: 403 in {call.status for call in wire.teams.connector.calls})
    await reply.finish("Forty two. ")
    (answer,) = shown(wire, event)
    assert answer["type"] == "message"


async def test_a_stream_keeps_its_second_request_for_the_first_words(wire: TeamsWire) -> None:
    event = await asked(wire)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.status("is thinking…")
    await wire.teams.until(lambda: wire.teams.connector.streams(event.conversation.channel).all)
    await reply.append("Forty ")
    await wire.teams.until(lambda: stream(wire).texts)
    await reply.finish("Forty two.")
    assert stream(wire).informed == [FIRST]


async def test_a_stream_says_that_there_is_thinking_after_a_while() -> None:
    async with teams_wire(pace=replace(FAST, patience=0.05)) as wire:
        event = await asked(wire)
        reply = await wire.platform.open_reply(target(event), Parts().save)
        await wire.teams.until(lambda: wire.teams.connector.streams(event.conversation.channel).all)
        await wire.teams.until(lambda: stream(wire).informed == [FIRST, "Thinking…"])
        await reply.abandon()
