"""What Slack does for tools and approvals: steps, screens, channels, searches, posts and files, and how it refuses."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest

from adapters.slack.channels import Channels
from app.domain.chat import Persona, UserRef
from app.domain.events import Mention
from app.domain.run import MadeFile
from app.domain.views import Bold, Button, Buttons, Text, View, rich
from app.errors import NotReachable, PlatformError, PlatformUnavailable
from app.ports.platform import Readers, Reply, Step, StepState
from tests.adapters.slack.wire import CHANNEL, SlackWire, slack_wire
from tests.conformance.asking import PERSONA, Parts, asked, target, until

RUNNING = Step("1", "Searched #general", StepState.RUNNING)
DONE = Step("1", "Searched #general", StepState.DONE)
WAITING = Step("2", "Posted to #plans", StepState.WAITING)
ASK = View(id="approval", blocks=(Text(rich("May Fox post this?")), Buttons((Button("approve", "Approve", "a-1"),))))
FILE = MadeFile("a/b\u202ecsv.txt", "text/plain", base64.b64encode(b"1,2").decode())
GUEST = UserRef("slack:T1", "UGUEST")


@pytest.fixture
async def wire() -> AsyncIterator[SlackWire]:
    async with slack_wire() as wire:
        yield wire


async def replying(wire: SlackWire) -> tuple[Mention, Reply]:
    event = await asked(wire)
    return event, await wire.platform.open_reply(target(event), Parts().save)


def cards(wire: SlackWire, event: Mention) -> dict[str, str]:
    """The task cards of the newest answer: title and status."""
    (*_, message) = wire.slack.replies(event.conversation.channel, event.conversation.thread)
    return {card["title"]: card["status"] for card in message.get("tasks", {}).values()}


async def test_steps_are_task_cards_of_the_stream_that_follow_what_is_done(wire: SlackWire) -> None:
    event, reply = await replying(wire)
    await reply.steps((RUNNING,))
    await until(lambda: wire.slack.calls("chat.startStream"))
    await until(lambda: cards(wire, event) == {"Searched #general": "in_progress"})
    await reply.steps((DONE, WAITING))
    await until(lambda: cards(wire, event) == {"Searched #general": "complete", "Posted to #plans": "pending"})
    await reply.append("It is ")
    await reply.steps((DONE, Step("2", "Posted to #plans", StepState.DONE)))
    await reply.finish("It is done.")
    assert cards(wire, event) == {"Searched #general": "complete", "Posted to #plans": "complete"}
    (answer,) = wire.answers(event.conversation)
    assert "It is done." in answer
    assert len(wire.slack.calls("chat.startStream")) == len(wire.slack.calls("chat.stopStream")) == 1
    assert not wire.slack.calls("chat.update")


async def test_a_step_that_did_not_end_is_shown_as_such(wire: SlackWire) -> None:
    event, reply = await replying(wire)
    await reply.steps((RUNNING,))
    await until(lambda: wire.slack.calls("chat.startStream"))
    await reply.fail(View(blocks=(Text(rich("The key was refused.")),)))
    assert cards(wire, event) == {"Searched #general": "error"}
    assert "1 step: searched #general (failed)" in wire.answers(event.conversation)[0]


async def test_where_slack_knows_no_task_cards_the_answer_comes_all_the_same(wire: SlackWire) -> None:
    event, reply = await replying(wire)
    await reply.append("So ")
    await until(lambda: wire.answers(event.conversation))
    wire.slack.fail("chat.appendStream", error="invalid_arguments")
    await reply.steps((RUNNING,))
    await reply.append("far, so good, I think. ")
    await until(lambda: "so good" in wire.answers(event.conversation)[0])
    await reply.finish("So far, so good.")
    (answer,) = wire.answers(event.conversation)
    assert "So far, so good." in answer
    assert "1 step" in answer


async def test_where_there_is_no_stream_a_line_tells_of_the_last_step_until_the_end(wire: SlackWire) -> None:
    wire.slack.configure(streaming=False)
    event, reply = await replying(wire)
    await reply.steps((DONE, Step("2", "Read a page", StepState.RUNNING, "example.com")))
    await until(lambda: "⏳ Read a page (example.com) · 1 before" in "".join(wire.answers(event.conversation)))
    await reply.finish("Found it.")
    (answer,) = wire.answers(event.conversation)
    assert "⏳" not in answer
    assert "Found it." in answer
    assert "2 steps: searched #general, read a page (failed)" in answer


async def test_very_many_steps_leave_room_for_the_answer(wire: SlackWire) -> None:
    event, reply = await replying(wire)
    many = tuple(Step(str(n), f"Read page {n}", StepState.DONE, "x" * 200) for n in range(60))
    for count in range(1, 61, 3):
        await reply.steps(many[:count])
        await reply.append(f"{count} ")
        await until(lambda count=count: f"{count} " in "".join(wire.answers(event.conversation)))
    whole = "".join(f"{n} " for n in range(1, 61, 3)) + "x" * 5000
    await reply.finish(whole)
    assert "x" * 5000 in "".join(wire.answers(event.conversation)).replace("\n", "")
    assert not [call for call in wire.slack.calls() if call.error == "msg_too_long"]


async def test_a_posted_screen_is_in_the_thread_under_the_agents_name_and_no_words_of_the_agent(
    wire: SlackWire,
) -> None:
    event = await asked(wire)
    posted = await wire.platform.post_view(event.conversation, ASK, PERSONA)
    (call,) = wire.slack.calls("chat.postMessage")
    assert (call.args["thread_ts"], call.args["username"]) == (event.conversation.thread, "Researcher")
    wire.slack.message(posted.channel, posted.id).pop("metadata")  # which Slack may lose
    assert [m.id for m in await wire.platform.history(event.conversation)] == [event.message_id]


async def test_what_stands_in_a_screen_is_no_markup(wire: SlackWire) -> None:
    event = await asked(wire)
    loud = View(blocks=(Text(rich("<!channel> <@UADMIN>")), Text(rich(Bold("for"), " <!here> <@UADMIN>"))))
    posted = await wire.platform.post_view(event.conversation, loud, PERSONA)
    shown = wire.slack.message(posted.channel, posted.id)
    first, second = (block["text"] for block in shown["blocks"])
    assert first["type"] == "plain_text"  # in which nothing is markup
    assert not any(ring in text for text in (second["text"], shown["text"]) for ring in ("<!", "<@"))


@pytest.mark.parametrize("where", ["action_token", "assistant_thread"])
async def test_the_leave_to_search_comes_with_the_message_and_is_used_once(wire: SlackWire, where: str) -> None:
    token = "act-from-" + where
    extra = {"action_token": token} if where == "action_token" else {"assistant_thread": {"action_token": token}}
    envelope = {
        "type": "app_mention",
        "user": "UMEMBER",
        "text": "<@UBOT> hi",
        "ts": "1783000000.000100",
        "channel": CHANNEL,
    }
    await wire.slack.event(envelope | extra, wire.slack.world.workspaces["T1"])
    hints = wire.inbound.mentions[-1].hints
    await wire.platform.search(wire.member, "heron", hints, 5)
    (call,) = wire.slack.calls("assistant.search.context")
    assert (call.args["action_token"], call.args["channel_types"], call.args["limit"]) == (token, ["public_channel"], 5)
    assert not any(token in str(one.args) for one in wire.slack.calls() if one is not call)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("feature_not_enabled", "not enabled"),
        ("invalid_action_token", "Ask again in a new message"),
        ("missing_scope", "install it again"),
        ("query_too_long", "too long"),
        ("never_heard_of", "never_heard_of"),
    ],
)
async def test_a_search_that_slack_refuses_says_why_in_plain_words(wire: SlackWire, error: str, words: str) -> None:
    event = await asked(wire)
    wire.slack.fail("assistant.search.context", error=error)
    with pytest.raises(NotReachable, match=words):
        await wire.platform.search(wire.member, "heron", event.hints, 5)


async def test_without_leave_slack_is_not_even_asked(wire: SlackWire) -> None:
    with pytest.raises(NotReachable, match="written to it"):
        await wire.platform.search(wire.member, "heron", {}, 5)
    assert not wire.slack.calls("assistant.search.context")


async def test_a_guest_reads_and_finds_only_where_they_are_a_member(wire: SlackWire) -> None:
    event = await asked(wire)
    plans = await wire.room("plans")
    await wire.write(wire.admin, plans, "the heron lands at noon")
    wire.slack.world.channels[plans].members.remove("UGUEST")
    assert await wire.platform.find_channel(GUEST, "plans") is None
    assert await wire.platform.search(GUEST, "heron", event.hints, 5) == ()
    assert await wire.platform.find_channel(GUEST, "general") is not None


async def test_a_direct_chat_is_no_channel(wire: SlackWire) -> None:
    await wire.say(wire.member, "hi")
    direct = wire.slack.world.direct("UMEMBER").id
    assert await wire.platform.find_channel(wire.member, direct) is None
    with pytest.raises(NotReachable):
        await wire.platform.channel_history(wire.member, direct, 10)


async def test_where_the_app_is_not_it_says_how_to_have_it_there(wire: SlackWire) -> None:
    plans = await wire.room("plans")
    wire.slack.world.channels[plans].members.remove("UBOT")
    with pytest.raises(NotReachable, match="Invite it"):
        await wire.platform.channel_history(wire.member, plans, 10)
    with pytest.raises(NotReachable):
        await wire.platform.post("slack:T1", plans, "News.", PERSONA)


async def test_a_channel_is_what_it_is_now_and_a_tool_call_asks_for_it_once(wire: SlackWire) -> None:
    plans, now = await wire.room("plans", only=(wire.admin, wire.member)), [0.0]
    slack = wire.platform
    channels = Channels(slack._web, slack._installations, slack._people, monotonic=lambda: now[0])
    for _ in range(3):
        assert await channels.find(wire.member, "plans") is not None
        assert len((await channels.readers("slack:T1", plans)).people) == 2
    assert len(wire.slack.calls("conversations.info")) == len(wire.slack.calls("conversations.members")) == 1
    wire.slack.world.channels[plans].members.remove("UMEMBER")
    now[0] = 11.0
    assert await channels.find(wire.member, "plans") is None
    assert await channels.find(wire.admin, "plans") is not None
    wire.slack.world.channels[plans].name = "archive"
    now[0] = 22.0
    assert await channels.find(wire.admin, "plans") is None  # it is another's name by now, perhaps


async def test_other_organisations_and_the_app_itself_are_told_apart_among_readers(wire: SlackWire) -> None:
    wire.slack.world.add_channel("CSHARED", "partners", is_private=True, is_ext_shared=True)
    readers = await wire.platform.readers("slack:T1", "CSHARED")
    assert (readers.everybody, readers.shared) == (False, True)
    assert "UBOT" not in readers.people
    assert "USTRANGER" in readers.people
    leads = await wire.room("leads", only=(wire.admin,))
    wire.slack.fail("conversations.members", error="missing_scope")
    assert (await wire.platform.readers("slack:T1", leads)).people == frozenset()  # doubt
    wire.slack.world.add_channel("CTHEIRS", "theirs", is_ext_shared=True)
    wire.slack.fail("conversations.members", error="missing_scope")
    assert await wire.platform.readers("slack:T1", "CTHEIRS") == Readers(False, shared=True)


async def test_guests_are_told_apart_among_the_readers_of_an_open_channel(wire: SlackWire) -> None:
    plans, leads = await wire.room("plans"), await wire.room("leads", only=(wire.admin, GUEST))
    assert "UGUEST" in wire.slack.world.channels[plans].members
    assert await wire.platform.readers("slack:T1", plans) == Readers(True, guests=frozenset({"UGUEST", "USTRANGER"}))
    assert (await wire.platform.readers("slack:T1", leads)).guests == {"UGUEST"}
    news = await wire.room("news")
    wire.slack.world.channels[news].members = ["UBOT", "UMEMBER"]
    assert await wire.platform.readers("slack:T1", news) == Readers(True)
    assert len(wire.slack.calls("users.list")) == 1


async def test_where_there_are_no_guests_nobody_is_counted_in_an_open_channel(wire: SlackWire) -> None:
    plans = await wire.room("plans")
    for person in ("UGUEST", "USTRANGER"):
        del wire.slack.world.users[person]
    assert await wire.platform.readers("slack:T1", plans) == Readers(True)
    assert not wire.slack.calls("conversations.members")


async def test_where_slack_does_not_tell_of_guests_anybody_may_be_one(wire: SlackWire) -> None:
    plans = await wire.room("plans")
    wire.slack.fail("users.list", error="missing_scope")
    assert await wire.platform.readers("slack:T1", plans) == Readers(False)


async def test_everybody_in_a_large_channel_is_counted(wire: SlackWire) -> None:
    leads = await wire.room("leads", only=(wire.admin,))
    wire.slack.world.channels[leads].members += [f"U{n:05}" for n in range(2500)]
    assert len((await wire.platform.readers("slack:T1", leads)).people) == 2501


async def test_a_post_with_an_unclear_end_is_not_made_again(wire: SlackWire) -> None:
    wire.slack.fail("chat.postMessage", status=500, after=True)
    with pytest.raises(PlatformUnavailable):
        await wire.platform.post("slack:T1", CHANNEL, "News.", PERSONA)
    assert len(wire.public()) == 1


async def test_a_post_that_slack_puts_off_is_made_once_it_may_be(wire: SlackWire) -> None:
    wire.slack.fail("chat.postMessage", status=429, retry_after=0)
    posted = await wire.platform.post("slack:T1", CHANNEL, "News.", Persona("Fox", "🦊"))
    assert "News." in wire.shown(posted)
    assert len(wire.public()) == 1
    (*_, call) = wire.slack.calls("chat.postMessage")
    assert (call.args["unfurl_links"], call.args["username"]) == (False, "Fox")


async def test_a_file_goes_to_slack_under_a_harmless_name_and_to_nobody_else(wire: SlackWire) -> None:
    event = await asked(wire)
    await wire.platform.upload(target(event), FILE)
    assert await wire.files(wire.member, event.conversation) == [("a_b_csv.txt", b"1,2")]
    wire.slack.api.lookup.base_url = "https://evil.example"
    with pytest.raises(PlatformError, match="not at Slack"):
        await wire.platform.upload(target(event), FILE)


async def test_without_the_right_to_send_files_it_says_so(wire: SlackWire) -> None:
    event = await asked(wire)
    wire.slack.fail("files.getUploadURLExternal", error="missing_scope")
    with pytest.raises(NotReachable, match="install it again"):
        await wire.platform.upload(target(event), FILE)
    for nothing in ("", "no base64!"):
        with pytest.raises(PlatformError):
            await wire.platform.upload(target(event), MadeFile("a.txt", "text/plain", nothing))
