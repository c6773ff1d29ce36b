"""An answer in Slack: streamed within the limits, whole in the end, whatever Slack does meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.slack.reply import THINKING
from app.domain.chat import MessageRef, Persona
from app.domain.events import Addressed, Mention
from app.domain.views import Button, Buttons, Feedback, Level, Note, Notice, View, rich
from app.errors import PlatformError
from app.ports.platform import PartRef, Reply, ReplyTarget
from tests.adapters.slack.wire import CHANNEL, FAST, SlackWire, slack_wire
from tests.conformance.chat_platform import Parts

UNDER = (View(blocks=(Note(rich("Latchkey · model-1")), Feedback("run-1"))),)


@pytest.fixture
async def wire() -> AsyncIterator[SlackWire]:
    async with slack_wire() as wire:
        yield wire


async def asked(wire: SlackWire, *, to: Addressed = Addressed.MENTION) -> Mention:
    await wire.say(wire.member, "what is the answer?", to=to)
    return wire.inbound.mentions[-1]


def target(event: Mention, run: str = "run-1") -> ReplyTarget:
    return ReplyTarget(event.conversation, event.user, event.message_id, run, Persona("Fox", "🦊"), event.hints)


async def begun(wire: SlackWire, event: Mention, text: str, parts: Parts | None = None) -> Reply:
    """A reply that shows this much already."""
    reply = await wire.platform.open_reply(target(event), (parts or Parts()).save)
    await reply.append(text)
    await wire.slack.until(lambda: text.strip() in "".join(wire.answers(event.conversation)))
    return reply


async def test_it_streams_as_the_agent_and_to_the_asker(wire: SlackWire) -> None:
    event = await asked(wire)
    reply = await begun(wire, event, "Forty ")
    await reply.append("two.")
    await reply.finish("Forty two.", UNDER)
    (start,) = wire.slack.calls("chat.startStream")
    assert (start.args["recipient_user_id"], start.args["recipient_team_id"]) == ("UMEMBER", "T1")
    assert (start.args["username"], start.args["icon_emoji"]) == ("Fox", ":fox_face:")
    (stop,) = wire.slack.calls("chat.stopStream")
    assert (stop.args["markdown_text"], stop.args["session_status"]) == ("two.", "active")
    assert stop.args["metadata"]["event_payload"] == {"run": "run-1", "part": 0}
    assert not wire.slack.calls("chat.update")


async def test_it_streams_in_a_direct_chat(wire: SlackWire) -> None:
    event = await asked(wire, to=Addressed.DIRECT)
    reply = await begun(wire, event, "Forty ")
    await reply.finish("Forty two.")
    assert wire.answers(event.conversation)[0].startswith("Forty two.")


async def test_an_unknown_emoji_stands_in_the_name(wire: SlackWire) -> None:
    event = await asked(wire)
    reply = await wire.platform.open_reply(replace(target(event), persona=Persona("Moai", "🗿")), Parts().save)
    await reply.finish("Hm.")
    (post,) = wire.slack.calls("chat.postMessage")
    assert (post.args["username"], "icon_emoji" in post.args) == ("🗿 Moai", False)


async def test_without_the_right_to_a_persona_it_answers_as_itself(wire: SlackWire) -> None:
    wire.slack.configure(streaming=False, scopes="chat:write,assistant:write")
    for run in range(2):
        event = await asked(wire)
        reply = await wire.platform.open_reply(target(event, f"run-{run}"), Parts().save)
        await reply.finish("Here.")
        assert "Here." in wire.answers(event.conversation)[0]
    assert [c.error for c in wire.slack.calls("chat.postMessage")] == ["missing_scope", "", ""]


async def test_the_stop_button_is_slacks_while_it_works_and_gone_after(wire: SlackWire) -> None:
    event = await asked(wire)
    session = (CHANNEL, event.conversation.thread)
    reply = await begun(wire, event, "So ")
    assert wire.slack.api.chat.sessions[session] == "processing"
    assert wire.slack.api.chat.statuses[0]["status"] == THINKING
    await wire.slack.stop(CHANNEL, event.conversation.thread, "UMEMBER")
    assert wire.inbound.stops == [(event.conversation, wire.member)]
    await reply.append("this comes too late ")
    await reply.fail(View(blocks=(Notice(rich("Stopped."), Level.INFO),)), "So ")
    (answer,) = wire.answers(event.conversation)
    assert "Stopped." in answer
    assert "late" not in answer
    assert wire.slack.api.chat.sessions[session] == "active"


async def test_without_streaming_the_message_carries_a_stop_button_until_the_end(wire: SlackWire) -> None:
    wire.slack.configure(streaming=False)
    event = await asked(wire)
    reply = await begun(wire, event, "So far ")
    (shown,) = wire.slack.replies(CHANNEL, event.conversation.thread)
    await wire.slack.press("UMEMBER", "stop", where=shown)
    action = wire.inbound.actions[-1]
    assert (action.action_id, action.value, action.conversation) == ("stop", "run-1", event.conversation)
    assert action.message == MessageRef("slack:T1", CHANNEL, shown["ts"])
    await reply.finish("So far so good.", UNDER)
    (answer,) = wire.slack.replies(CHANNEL, event.conversation.thread)
    assert "'stop'" not in str(answer["blocks"])
    assert "So far so good." in wire.answers(event.conversation)[0]


@pytest.mark.parametrize("error", ["unknown_method", "method_deprecated", "feature_not_enabled"])
async def test_that_streaming_is_missing_is_learned_once(wire: SlackWire, error: str) -> None:
    wire.slack.configure(streaming=False, streaming_error=error)
    for _ in range(2):
        reply = await begun(wire, await asked(wire), "Hello ")
        await reply.finish("Hello there.")
    assert len(wire.slack.calls("chat.startStream")) == 1


async def test_when_the_tier_is_used_up_it_edits_a_message_instead() -> None:
    async with slack_wire(limits=replace(FAST, starts=1)) as wire:
        replies = [await begun(wire, await asked(wire), "Hello ") for _ in range(2)]
        for reply in replies:
            await reply.finish("Hello there.")
        assert [c.error for c in wire.slack.calls("chat.startStream")] == [""]
        assert len(wire.slack.calls("chat.postMessage")) == 1


async def test_a_429_is_waited_for_and_the_last_word_comes(wire: SlackWire) -> None:
    event = await asked(wire)
    wire.slack.fail("chat.startStream", status=429, retry_after=30)
    wire.slack.fail("chat.postMessage", status=429, retry_after=1)
    wire.slack.fail("chat.postMessage", status=500)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.append("Hello ")
    await wire.slack.until(lambda: wire.slack.calls("chat.postMessage"))
    started = time.monotonic()
    await reply.finish("Hello there.", UNDER)
    assert time.monotonic() - started > 0.9
    (answer,) = wire.answers(event.conversation)
    assert "Hello there." in answer
    assert len(wire.slack.calls("chat.startStream")) == 1


async def test_a_429_between_is_not_waited_for_by_append(wire: SlackWire) -> None:
    event = await asked(wire)
    reply = await begun(wire, event, "One ")
    wire.slack.fail("chat.appendStream", status=429, retry_after=60)
    started = time.monotonic()
    for word in ("two ", "three "):
        await reply.append(word)
        await asyncio.sleep(0.05)
    await reply.finish("One two three.")
    assert time.monotonic() - started < 2
    assert "One two three." in wire.answers(event.conversation)[0]


async def test_slack_closes_a_stream_and_the_answer_goes_on(wire: SlackWire) -> None:
    event, parts = await asked(wire), Parts()
    reply = await begun(wire, event, "```python\na = 1\n", parts)
    wire.slack.configure(stream_lifetime=0.0)
    await reply.append("b = 2\n")
    await wire.slack.until(lambda: len(wire.slack.replies(CHANNEL, event.conversation.thread)) > 1)
    wire.slack.configure(stream_lifetime=300.0)
    await reply.finish("```python\na = 1\nb = 2\n```\nDone.", UNDER)
    first, second = wire.answers(event.conversation)
    assert (first.count("```"), second.count("```")) == (2, 2)
    assert ("a = 1" in first, "b = 2" in second, "Done." in second) == (True, True, True)
    assert [p.position for p in parts.refs] == [0, 1]


async def test_slack_closes_a_stream_just_before_the_end(wire: SlackWire) -> None:
    event = await asked(wire)
    reply = await begun(wire, event, "Half ")
    wire.slack.configure(stream_lifetime=0.0)
    await reply.finish("Half and half.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert "Half and half." in answer
    assert "model-1" in answer


async def test_an_old_stream_is_left_before_slack_leaves_it() -> None:
    async with slack_wire(limits=replace(FAST, part_seconds=0.2)) as wire:
        event, parts = await asked(wire), Parts()
        reply = await begun(wire, event, "One ", parts)
        await asyncio.sleep(0.25)
        await reply.append("two ")
        await wire.slack.until(lambda: len(wire.answers(event.conversation)) > 1)
        await reply.finish("One two three.")
        assert [a.strip() for a in wire.answers(event.conversation)] == ["One", "two three."]
        assert not wire.slack.calls("chat.update")


async def test_a_full_stream_rolls_over_and_its_code_fence_goes_on() -> None:
    async with slack_wire(limits=replace(FAST, part_bytes=400)) as wire:
        wire.slack.configure(stream_cap=420)
        event = await asked(wire)
        code = "".join(f"line_{n} = {n}\n" for n in range(120))
        whole = f"Look:\n```python\n{code}```\nThat is all."
        reply = await wire.platform.open_reply(target(event), Parts().save)
        for at in range(0, len(whole), 37):
            await reply.append(whole[at : at + 37])
            await asyncio.sleep(0.01)
        await reply.finish(whole, UNDER)
        answers = wire.answers(event.conversation)
        assert len(answers) > 2
        assert all(answer.count("```") % 2 == 0 for answer in answers)
        assert all(len(m["text"].encode()) <= 420 for m in wire.slack.replies(CHANNEL, event.conversation.thread))
        assert [sum(f"line_{n} =" in a for a in answers) for n in range(120)] == [1] * 120


async def test_a_table_that_rolls_over_keeps_its_head() -> None:
    head = "| a | b |\n|---|---|\n"
    text = head + "".join(f"| {n} | value {n}. |\n" for n in range(60))
    async with slack_wire(limits=replace(FAST, part_bytes=400)) as wire:
        event = await asked(wire)
        reply = await wire.platform.open_reply(target(event), Parts().save)
        for at in range(0, len(text), 37):
            await reply.append(text[at : at + 37])
            await asyncio.sleep(0.01)
        await reply.finish(text, UNDER)
        answers = wire.answers(event.conversation)
        assert len(answers) > 2
        assert all(answer.lstrip("\n").startswith(head) for answer in answers)  # posted or streamed: as it came in time
        assert all("".join(answers).count(f"value {n}.") == 1 for n in range(60))


async def test_slacks_own_cap_may_be_lower_than_ours(wire: SlackWire) -> None:
    wire.slack.configure(stream_cap=200)
    event = await asked(wire)
    reply = await begun(wire, event, "word " * 30)
    await reply.append("more " * 30)
    await wire.slack.until(lambda: len(wire.answers(event.conversation)) > 1)
    await reply.finish("word " * 30 + "more " * 30)
    text = "".join(wire.answers(event.conversation))
    assert (text.count("word "), text.count("more")) == (30, 30)


async def test_a_final_text_that_differs_replaces_what_was_streamed(wire: SlackWire) -> None:
    event = await asked(wire)
    reply = await begun(wire, event, "Let me look. ")
    await reply.finish("Forty-two.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert answer.strip().startswith("Forty-two.")
    assert "look" not in answer


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
async def test_a_lost_answer_to_a_stream_call_doubles_nothing(wire: SlackWire, method: str) -> None:
    event = await asked(wire)
    wire.slack.fail(method, status=500, after=True)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    for word in ("One ", "two ", "three "):
        await reply.append(word)
        await asyncio.sleep(0.06)
    await reply.finish("One two three.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert answer.count("One") == answer.count("two") == answer.count("three.") == 1
    assert wire.slack.calls(method)


async def test_a_lost_answer_to_a_post_doubles_nothing(wire: SlackWire) -> None:
    event = await asked(wire)
    wire.slack.fail("chat.postMessage", status=500, after=True)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.finish("Forty-two.")
    assert len(wire.answers(event.conversation)) == 1


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_message_that_somebody_deleted_is_written_anew(wire: SlackWire, *, streaming: bool) -> None:
    wire.slack.configure(streaming=streaming)
    event, parts = await asked(wire), Parts()
    reply = await begun(wire, event, "Forty ", parts)
    (shown,) = wire.slack.replies(CHANNEL, event.conversation.thread)
    del wire.slack.world.channel(CHANNEL).messages[shown["ts"]]
    await reply.finish("Forty two.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert "Forty two." in answer
    assert parts.refs[-1].message.id != shown["ts"]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("text", ["Forty ", ""])
async def test_the_words_come_even_where_slack_refuses_blocks(wire: SlackWire, text: str, times: int) -> None:
    event = await asked(wire)
    for method in ("chat.stopStream", *["chat.update"] * times, "chat.postMessage"):
        wire.slack.fail(method, error="invalid_blocks")
    reply = await (begun(wire, event, text) if text else wire.platform.open_reply(target(event), Parts().save))
    await reply.fail(View(blocks=(Notice(rich("It broke off."), Level.ERROR),)), f"{text}two." if text else "")
    (answer,) = wire.slack.replies(CHANNEL, event.conversation.thread)
    assert ("Forty two." if text else "It broke off.") in str(answer)


async def test_a_refusal_for_good_is_told(wire: SlackWire) -> None:
    event = await asked(wire)
    wire.slack.world.channels[CHANNEL].members.remove("UBOT")
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.append("Hello ")
    await reply.append("there. ")
    with pytest.raises(PlatformError):
        await reply.finish("Hello there.")


async def test_only_what_is_of_this_run_or_of_none_is_taken_up(wire: SlackWire) -> None:
    first = await asked(wire)
    await wire.say(wire.admin, "and another?", to=Addressed.FOLLOW_UP, thread=first.conversation.thread)
    second = wire.inbound.mentions[-1]
    reply = await begun(wire, first, "The first ")
    await reply.finish("The first answer.", UNDER)
    again = await wire.platform.resume_reply(target(second, "run-2"), (), Parts().save)
    await again.finish("The second answer.")
    one, two = wire.answers(first.conversation)
    assert ("The first answer." in one, "The second answer." in two) == (True, True)


async def test_a_part_that_was_begun_but_not_saved_is_not_left_behind(wire: SlackWire) -> None:
    event, parts = await asked(wire), Parts()
    reply = await begun(wire, event, "Half ", parts)
    await reply.abandon()
    orphan = dict(wire.slack.replies(CHANNEL, event.conversation.thread)[0], text="orphan")
    wire.slack.world.post(CHANNEL, orphan)
    again = await wire.platform.resume_reply(target(event), tuple(parts.refs), parts.save)
    await again.finish("A whole answer.", UNDER)
    (answer,) = wire.answers(event.conversation)
    assert "A whole answer." in answer


async def test_a_resumed_answer_shows_nothing_before_its_end(wire: SlackWire) -> None:
    event = await asked(wire)
    reply = await begun(wire, event, "Half ")
    await reply.abandon()
    (ts,) = [m["ts"] for m in wire.slack.replies(CHANNEL, event.conversation.thread)]
    part = PartRef(0, MessageRef("slack:T1", CHANNEL, ts), streamed=True)
    again = await wire.platform.resume_reply(target(event), (part,), Parts().save)
    await again.append("not shown ")
    await asyncio.sleep(0.1)
    assert wire.answers(event.conversation) == ["Half "]
    await again.finish("All of it.")
    assert "All of it." in wire.answers(event.conversation)[0]


async def test_a_failure_before_any_text_is_one_message_with_retry(wire: SlackWire) -> None:
    event = await asked(wire)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    why = View(blocks=(Notice(rich("No key yet."), Level.ERROR), Buttons((Button("retry", "Retry", "run-1"),))))
    await reply.fail(why)
    (answer,) = wire.slack.replies(CHANNEL, event.conversation.thread)
    assert "No key yet." in answer["text"]  # what a notification says
    await wire.slack.press("UMEMBER", "retry", where=answer)
    assert wire.inbound.actions[-1].value == "run-1"


async def test_the_notification_of_a_failure_rings_nobody(wire: SlackWire) -> None:
    event = await asked(wire)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.fail(View(blocks=(Notice(rich("<!channel> is no model."), Level.ERROR),)))
    (post,) = wire.slack.calls("chat.postMessage")
    assert "&lt;!channel&gt; is no model." in post.args["text"]


async def test_thumbs_are_an_action(wire: SlackWire) -> None:
    event = await asked(wire)
    reply = await wire.platform.open_reply(target(event), Parts().save)
    await reply.finish("Fine.", UNDER)
    (answer,) = wire.slack.replies(CHANNEL, event.conversation.thread)
    await wire.slack.press("UMEMBER", "feedback", where=answer, value="good:run-1")
    assert (wire.inbound.actions[-1].action_id, wire.inbound.actions[-1].value) == ("feedback", "good:run-1")
