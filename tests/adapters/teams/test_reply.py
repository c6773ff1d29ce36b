"""An answer in Teams: streamed or edited within the rules, whole in the end, whatever Teams does meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.domain.chat import MessageRef
from app.domain.events import Addressed
from app.domain.views import Button, Buttons, Level, Note, Notice, View, rich
from app.errors import PlatformError
from app.ports.platform import PartRef
from tests.adapters.teams.replies import UNDER, asked, begun, shown, stream, target
from tests.adapters.teams.wire import FAST, TeamsWire, teams_wire, text_of
from tests.conformance.chat_platform import Parts

WORDS = "Forty two is the answer to everything that anybody asked. "


@pytest.fixture
async def wire() -> AsyncIterator[TeamsWire]:
    async with teams_wire() as wire:
        yield wire


async def test_it_streams_in_a_one_to_one_chat(wire: TeamsWire) -> None:
    event, parts = await asked(wire), Parts()
    reply = await wire.platform.open_reply(target(event), parts.save)
    await wire.teams.until(lambda: parts.refs)
    await reply.status("is looking it up…")
    await wire.teams.until(lambda: len(stream(wire).informed) > 1)
    for word in WORDS.split():
        await reply.append(word + " ")
    await wire.teams.until(lambda: stream(wire).texts)
    await reply.finish(WORDS, UNDER)
    assert (stream(wire).informed[0], stream(wire).informed[-1]) == ("🦊 Fox has read this.", "Looking it up…")
    assert stream(wire).texts[-1] == f"**🦊 Fox**\n\n{WORDS}\n\n*Latchkey · model-1*"
    assert [(p.position, p.streamed, p.message.id) for p in parts.refs] == [(0, True, stream(wire).id)]
    (answer,) = shown(wire, event)
    assert answer["channelData"] == {"feedbackLoop": {"type": "default"}}
    assert answer["entities"][-1]["additionalType"] == ["AIGeneratedContent"]
    assert not wire.teams.connector.of("PUT")


async def test_elsewhere_it_posts_and_edits_with_a_stop_button_until_the_end(wire: TeamsWire) -> None:
    event = await asked(wire, Addressed.MENTION)
    reply = await begun(wire, event, "Forty ")
    (begun_so_far,) = shown(wire, event)
    assert "Stop" in text_of(begun_so_far)
    assert begun_so_far["conversation"]["id"].endswith(f";messageid={event.conversation.thread}")
    await reply.append("two is ")
    await wire.teams.until(lambda: "two is" in "".join(wire.answers(event.conversation)))
    await reply.finish("Forty two is it.", UNDER)
    (answer,) = shown(wire, event)
    assert answer["text"].endswith("Forty two is it.\n\n*Latchkey · model-1*")
    assert "Stop" not in text_of(answer)
    assert [call.verb for call in wire.teams.connector.of(conversation=event.conversation.channel)].count("POST") == 1


async def test_where_nothing_streams_a_long_silence_says_what_is_done_and_can_be_stopped() -> None:
    async with teams_wire(pace=replace(FAST, patience=0.05)) as wire:
        event, parts = await asked(wire, Addressed.MENTION), Parts()
        reply = await wire.platform.open_reply(target(event), parts.save)
        await wire.teams.until(lambda: "Thinking…" in "".join(wire.answers(event.conversation)))
        assert "Stop" in wire.answers(event.conversation)[0]
        assert len(parts.refs) == 1
        await reply.status("is looking it up…")
        await wire.teams.until(lambda: "Looking it up…" in wire.answers(event.conversation)[0])
        await reply.append("Forty two. ")
        await wire.teams.until(lambda: "Forty two." in wire.answers(event.conversation)[0])
        assert "Looking" not in wire.answers(event.conversation)[0]
        await reply.finish("Forty two.", UNDER)
        (answer,) = wire.answers(event.conversation)
        assert "Stop" not in answer


async def test_a_quick_answer_takes_two_requests_and_the_first_has_no_word_of_it(wire: TeamsWire) -> None:
    event, parts = await asked(wire, Addressed.MENTION), Parts()
    reply = await wire.platform.open_reply(target(event), parts.save)
    await reply.status("is looking it up…")
    await reply.finish("Forty two.")
    sent = [call for call in wire.teams.connector.of(conversation=event.conversation.channel) if "text" in call.body]
    assert [(call.verb, call.body["text"]) for call in sent] == [
        ("POST", "🦊 Fox has read this."),
        ("PUT", "**🦊 Fox**\n\nForty two."),
    ]
    assert [call.body["summary"] for call in sent] == ["An answer of 🦊 Fox", "🦊 Fox\n\nForty two."]
    assert [part.message.id for part in parts.refs] == [answer["id"] for answer in shown(wire, event)]


async def test_a_stream_that_teams_ends_goes_on_by_editing(wire: TeamsWire) -> None:
    event = await asked(wire)
    reply = await begun(wire, event, "Forty ")
    wire.teams.connector.streams(event.conversation.channel).lasts = 0.0
    await reply.append("two is ")
    await wire.teams.until(lambda: "two is" in "".join(wire.answers(event.conversation)))
    await reply.finish("Forty two is it.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert "Forty two is it." in answer
    assert "model-1" in answer


async def test_a_stream_is_ended_before_teams_ends_it() -> None:
    async with teams_wire(pace=replace(FAST, stream_seconds=0.0)) as wire:
        event = await asked(wire)
        reply = await begun(wire, event, "Forty ")
        await reply.append("two ")
        await wire.teams.until(lambda: stream(wire).done)
        await reply.append("is ")
        await wire.teams.until(lambda: "two is" in "".join(wire.answers(event.conversation)))
        await reply.finish("Forty two is it.")
        (answer,) = wire.answers(event.conversation)
        assert "Forty two is it." in answer


async def test_a_chat_without_streams_is_posted_to(wire: TeamsWire) -> None:
    event = await asked(wire)
    wire.teams.connector.streams(event.conversation.channel).allowed = False
    reply = await begun(wire, event, "Forty ")
    await reply.finish("Forty two.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert "Forty two." in answer


async def test_two_answers_in_one_chat_share_its_one_stream(wire: TeamsWire) -> None:
    event = await asked(wire)
    first = await begun(wire, event, "The first ")
    second = await wire.platform.open_reply(target(event, "run-2"), Parts().save)
    await second.append("The second ")
    await wire.teams.until(lambda: len(wire.answers(event.conversation)) == 2)
    await second.finish("The second answer.")
    await first.finish("The first answer.")
    one, two = wire.answers(event.conversation)
    assert ("The first answer." in one, "The second answer." in two) == (True, True)
    assert len(wire.teams.connector.streams(event.conversation.channel).all) == 1


async def test_the_persons_stop_button_stops_the_run_and_what_was_said_stays(wire: TeamsWire) -> None:
    event = await asked(wire)
    reply = await begun(wire, event, "Forty ")
    stream(wire).canceled = True
    await reply.append("two is ")
    await wire.teams.until(lambda: wire.inbound.stops)
    assert wire.inbound.stops == [(event.conversation, event.user)]
    await reply.fail(View(blocks=(Note(rich("Stopped.")),)), "Forty ")
    (answer,) = wire.answers(event.conversation)
    assert "Forty" in answer
    assert "Stopped." in answer


async def test_a_final_text_that_differs_replaces_what_was_streamed(wire: TeamsWire) -> None:
    event = await asked(wire)
    reply = await begun(wire, event, "Let me look. ")
    await reply.finish("Forty-two.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert "Forty-two." in answer
    assert "look" not in answer


@pytest.mark.parametrize("to", [Addressed.DIRECT, Addressed.MENTION])
async def test_a_long_answer_rolls_over_while_it_is_made(to: Addressed) -> None:
    async with teams_wire(pace=replace(FAST, room=3_000)) as wire:
        event, parts = await asked(wire, to), Parts()
        code = "".join(f"line_{n} = {n}\n" for n in range(300))
        whole = f"Look:\n```python\n{code}```\nThat is all."
        reply = await wire.platform.open_reply(target(event), parts.save)
        for at in range(0, len(whole), 400):
            await reply.append(whole[at : at + 400])
            await wire.teams.until(lambda at=at: at < 800 or wire.answers(event.conversation))  # type: ignore[misc]
        await wire.teams.until(lambda: len(wire.answers(event.conversation)) > 2)
        await reply.finish(whole, UNDER)
        answers = wire.answers(event.conversation)
        assert all(answer.count("```") % 2 == 0 for answer in answers)
        assert [sum(f"line_{n} =" in a for a in answers) for n in range(300)] == [1] * 300
        assert [p.position for p in parts.refs] == list(range(len(answers)))
        assert "Stop" not in "".join(answers)


async def test_what_teams_finds_too_large_is_split_smaller(wire: TeamsWire) -> None:
    wire.teams.connector.largest = 6_000
    event = await asked(wire, Addressed.MENTION)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.finish("\n\n".join(f"Paragraph {n} " + "word " * 30 for n in range(100)), UNDER)
    text = "".join(wire.answers(event.conversation))
    assert [text.count(f"Paragraph {n} ") for n in range(100)] == [1] * 100


@pytest.mark.parametrize("status", [412, 429, 502, 504])
@pytest.mark.parametrize("to", [Addressed.DIRECT, Addressed.MENTION])
async def test_trouble_that_passes_loses_and_doubles_nothing(wire: TeamsWire, status: int, to: Addressed) -> None:
    event = await asked(wire, to)
    reply = await begun(wire, event, "Forty ")
    wire.teams.connector.fail(status, times=2, headers={"Retry-After": "0"})
    await reply.append("two is ")
    await reply.finish("Forty two is it.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert answer.count("Forty two is it.") == 1


@pytest.mark.parametrize("done", [True, False])
async def test_a_last_word_whose_answer_is_lost_ends_the_stream_and_doubles_nothing(
    wire: TeamsWire, *, done: bool
) -> None:
    event = await asked(wire)
    reply = await begun(wire, event, "Forty ")
    wire.teams.connector.fail(0, when=lambda call: call.body.get("type") == "message", done=done)
    await reply.finish("Forty two is it.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert "Forty two is it." in answer
    assert stream(wire).done


async def test_a_message_that_somebody_deleted_is_posted_anew_and_saved(wire: TeamsWire) -> None:
    event, parts = await asked(wire, Addressed.MENTION), Parts()
    reply = await begun(wire, event, "Forty ", parts)
    wire.teams.world.chats[event.conversation.channel].shown.clear()
    await reply.finish("Forty two is it.", UNDER)
    (answer,) = shown(wire, event)
    assert parts.refs[-1].message.id == answer["id"]
    assert parts.refs[-1].position == 0


async def test_a_refusal_for_good_is_told(wire: TeamsWire) -> None:
    event = await asked(wire, Addressed.MENTION)
    wire.teams.world.chats[event.conversation.channel].bot_in = False
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.append("Hello there, ")
    with pytest.raises(PlatformError):
        await reply.finish("Hello there, all.")


async def test_a_resumed_stream_shows_nothing_before_its_end(wire: TeamsWire) -> None:
    event, parts = await asked(wire), Parts()
    await (await begun(wire, event, "Half an ", parts)).abandon()
    known = PartRef(0, MessageRef(event.workspace, event.conversation.channel, stream(wire).id), streamed=True)
    again = await wire.platform.resume_reply(target(event), (known,), parts.save)
    await again.append("not shown ")
    await again.finish("All of it.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert "All of it." in answer
    assert not any("not shown" in text for text in stream(wire).texts)


async def test_after_an_abandoned_answer_the_chat_can_stream_again(wire: TeamsWire) -> None:
    event = await asked(wire)
    await (await begun(wire, event, "Half an ")).abandon()
    stream(wire).done = True
    await (await begun(wire, event, "Another ")).finish("Another answer.")
    assert len(wire.teams.connector.streams(event.conversation.channel).all) == 2


async def test_a_failure_before_any_text_is_one_message_with_retry(wire: TeamsWire) -> None:
    event = await asked(wire, Addressed.MENTION)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    retry = Buttons((Button("retry", "Retry", "run-1"),))
    await reply.fail(View(blocks=(Notice(rich("No key yet."), Level.ERROR), retry)))
    (answer,) = wire.answers(event.conversation)
    assert "No key yet." in answer
    assert "Retry" in answer


async def test_what_can_be_pressed_under_an_answer_is_a_message_of_its_own(wire: TeamsWire) -> None:
    event, parts = await asked(wire, Addressed.MENTION), Parts()
    reply = await begun(wire, event, "Forty ", parts)
    retry = Buttons((Button("retry", "Retry", "run-1"),))
    await reply.fail(View(blocks=(Note(rich("Stopped.")), retry)), "Forty two\n```\nand")
    text, card = shown(wire, event)
    assert ("attachments" in text, "text" in card) == (False, False)
    assert ("Forty two" in text["text"], "Retry" in text_of(card)) == (True, True)
    assert [part.position for part in parts.refs] == [0, 1]
    again = await wire.platform.resume_reply(target(event), tuple(parts.refs), parts.save)
    await again.finish("Forty two.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert "Retry" not in answer


async def test_an_answer_without_a_word_leaves_nothing_behind(wire: TeamsWire) -> None:
    event = await asked(wire, Addressed.MENTION)
    reply = await begun(wire, event, "Let me look. ")
    await reply.finish("")
    assert wire.answers(event.conversation) == []


async def test_thumbs_under_an_answer_are_an_action(wire: TeamsWire) -> None:
    event = await asked(wire)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.finish("Fine.", UNDER)
    (answer,) = shown(wire, event)
    value = {"actionName": "feedback", "actionValue": {"reaction": "like", "feedback": "{}"}}
    chat = wire.chat(wire.member)
    await wire.teams.invoke(wire.who(wire.member), "message/submitAction", value, chat, replyToId=answer["id"])
    action = wire.inbound.actions[-1]
    assert (action.action_id, action.value.partition(":")[0]) == ("feedback", "good")
    assert action.message is not None
    assert action.message.id == answer["id"]
