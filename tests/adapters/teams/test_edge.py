"""What reaches Inbound of what Teams brings, and how each request is answered."""

from __future__ import annotations

import gzip
import io
import logging
from collections.abc import AsyncIterator

import pytest
import structlog

from adapters.teams.handle import OPENER
from app.domain.chat import Place
from app.domain.events import Addressed, Nothing, Open, Private
from app.domain.views import Option, Text, View, rich
from tests.adapters.teams.pieces import WORKSPACE, Pieces, listening
from tests.conformance.chat_platform import FORM
from tests.fakes.teams.identity import TENANT
from tests.fakes.teams.world import BOT, CHANNEL, GROUP, Json

CANARY = "canary-text-5c1e"
PERSONAL = {"id": "a:1chat", "conversationType": "personal", "tenantId": TENANT}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def pieces() -> AsyncIterator[Pieces]:
    async with listening() as made:
        yield made


async def test_a_mention_in_a_channel_belongs_to_its_thread(pieces: Pieces) -> None:
    teams = pieces.teams
    top = (await teams.say(teams.world.ann, "what is up?")).activity["id"]
    await teams.say(teams.world.bob, "and then?", thread=top)
    await teams.say(teams.world.bob, "just chatting", thread=top, mention=False)
    await teams.say(teams.world.bob, "to nobody", mention=False)
    told = [(m.addressed, m.text, m.conversation.thread, m.user.id) for m in pieces.inbound.mentions]
    assert told == [
        (Addressed.MENTION, "what is up?", top, teams.world.ann.oid),
        (Addressed.MENTION, "and then?", top, teams.world.bob.oid),
        (Addressed.FOLLOW_UP, "just chatting", top, teams.world.bob.oid),
    ]
    first = pieces.inbound.mentions[0]
    assert (first.workspace, first.message_id) == (WORKSPACE, top)
    assert (first.conversation.channel, first.conversation.place) == (CHANNEL, Place.CHANNEL)


async def test_a_group_chat_wants_a_mention_each_time(pieces: Pieces) -> None:
    teams = pieces.teams
    await teams.say(teams.world.ann, "hello", GROUP)
    await teams.say(teams.world.bob, "not for you", GROUP, mention=False)
    (event,) = pieces.inbound.mentions
    where = event.conversation
    assert (event.addressed, where.place, where.channel, where.thread) == (
        Addressed.MENTION, Place.GROUP, GROUP, GROUP,
    )  # fmt: skip


async def test_a_personal_chat_needs_no_mention(pieces: Pieces) -> None:
    teams = pieces.teams
    chat = teams.world.personal(teams.world.ann)
    await teams.say(teams.world.ann, "psst", chat)
    (event,) = pieces.inbound.mentions
    assert (event.addressed, event.text, event.conversation.place) == (Addressed.DIRECT, "psst", Place.DIRECT)
    assert event.conversation.thread == event.conversation.channel == chat.id
    assert event.hints["service"] == teams.service_url


async def test_a_redelivery_keeps_its_event_id(pieces: Pieces) -> None:
    first = await pieces.teams.say(pieces.teams.world.ann, "hello")
    assert (await pieces.teams.redeliver(first)).status == 200
    assert len({m.event_id for m in pieces.inbound.mentions}) == 1


async def test_what_is_not_kept_is_not_acknowledged(pieces: Pieces) -> None:
    pieces.inbound.broken = True
    with structlog.testing.capture_logs() as lines:
        assert (await pieces.teams.say(pieces.teams.world.ann, CANARY)).status == 500
    assert [line["event"] for line in lines] == ["teams request failed"]
    pieces.inbound.broken = False
    assert (await pieces.teams.redeliver(pieces.teams.log[-1])).status == 200
    assert [m.text for m in pieces.inbound.mentions] == [CANARY]


async def test_a_command_that_failed_may_come_again_and_one_that_was_done_may_not(pieces: Pieces) -> None:
    teams = pieces.teams
    pieces.inbound.broken = True
    assert (await teams.say(teams.world.ann, "byok keys")).status == 500
    pieces.inbound.broken = False
    for _ in range(3):
        assert (await teams.redeliver(teams.log[0])).status == 200
    assert [c.text for c in pieces.inbound.commands] == ["keys"]


@pytest.mark.parametrize("said", ["byok setkey", "/byok setkey", "BYOK  setkey", "byok: setkey"])
async def test_a_typed_command_is_a_command(pieces: Pieces, said: str) -> None:
    teams = pieces.teams
    pieces.inbound.outcome = Open(FORM)
    assert (await teams.say(teams.world.ann, said)).status == 200
    assert (await teams.say(teams.world.bob, said, teams.world.personal(teams.world.bob))).status == 200
    first, second = pieces.inbound.commands
    assert (first.user.id, first.text, first.place_is_private) == (teams.world.ann.oid, "setkey", False)
    assert (second.user.id, second.text, second.place_is_private) == (teams.world.bob.oid, "setkey", True)
    await teams.until(lambda: len(pieces.shown.messages) == 2)
    assert pieces.shown.messages[0][1].command == "setkey"
    assert pieces.inbound.mentions == []


async def test_a_word_that_begins_like_a_command_is_none(pieces: Pieces) -> None:
    await pieces.teams.say(pieces.teams.world.ann, "byokish things")
    assert [m.text for m in pieces.inbound.mentions] == ["byokish things"]


async def test_what_was_said_to_the_app_alone_is_never_a_public_question(pieces: Pieces) -> None:
    teams = pieces.teams
    targeted = {"recipient": teams.activity(teams.world.ann)["recipient"] | {"isTargeted": True}}
    await teams.say(teams.world.ann, "byok keys", mention=False, **targeted)
    await teams.say(teams.world.ann, "a secret question", mention=False, **targeted)
    assert [c.text for c in pieces.inbound.commands] == ["keys", "a secret question"]
    assert pieces.inbound.mentions == []


async def test_home_is_asked_for_by_its_word(pieces: Pieces) -> None:
    teams = pieces.teams
    await teams.say(teams.world.ann, "Home", teams.world.personal(teams.world.ann))
    await teams.until(lambda: pieces.inbound.homes)
    assert pieces.inbound.homes == pieces.shown.homes == [pieces.user(teams.world.ann.oid)]
    for words in ("home", "byok home"):
        await teams.say(teams.world.bob, words)  # in a channel too: it is shown in their own chat
    await teams.until(lambda: len(pieces.inbound.homes) == 3)
    assert {user.id for user in pieces.shown.homes[1:]} == {teams.world.bob.oid}
    await teams.say(teams.world.bob, "home is where the heart is")
    assert [m.text for m in pieces.inbound.mentions] == ["home is where the heart is"]


async def test_a_dialog_is_fetched_and_sent_off_within_the_request(pieces: Pieces) -> None:
    teams = pieces.teams
    pieces.shown.body = {"task": {"type": "continue", "value": {"title": "Add a key"}}}
    pieces.inbound.outcome = Open(FORM)
    value: Json = {"data": {"msteams": {"type": "task/fetch"}, "latchkey": {"a": "setkey", "v": "x", "c": "ctx"}}}
    answer = await teams.invoke(teams.world.ann, "task/fetch", value, replyToId="17830")
    assert (answer.status, answer.body) == (200, pieces.shown.body)
    action = pieces.inbound.actions[-1]
    assert (action.action_id, action.value, action.context, action.user.id) == (
        "setkey",
        "x",
        "ctx",
        teams.world.ann.oid,
    )
    assert action.message is not None
    assert (action.message.channel, action.message.id) == (CHANNEL, "17830")

    filled = {"latchkey": {"f": "setkey", "c": "ctx", OPENER: "setkey"}, "provider": "b", "secret:key": f" {CANARY} "}
    answer = await teams.invoke(teams.world.ann, "task/submit", {"data": filled})
    sent = pieces.inbound.submissions[-1]
    assert (sent.form, sent.context, dict(sent.values)) == ("setkey", "ctx", {"provider": "b"})
    assert sent.secrets["key"].reveal() == CANARY
    handle = pieces.shown.invokes[-1][1]
    assert (handle.opener, handle.values) == ({OPENER: "setkey"}, {"provider": "b"})
    assert CANARY not in repr(sent) + repr(handle)


async def test_a_card_acts_within_the_request(pieces: Pieces) -> None:
    teams = pieces.teams
    data = {"latchkey": {"a": "model:1", "i": "model:1"}, "model:1": "anthropic/large", "channels:places": "no link"}
    value = {"action": {"type": "Action.Execute", "verb": "model:1", "data": data}, "trigger": "manual"}
    answer = await teams.invoke(teams.world.ann, "adaptiveCard/action", value, teams.world.personal(teams.world.ann))
    assert (answer.status, answer.body) == (200, pieces.shown.body)
    action = pieces.inbound.actions[-1]
    assert (action.action_id, action.value, action.values["places"]) == ("model:1", "anthropic/large", "")


async def test_a_button_that_sends_a_message_acts_too(pieces: Pieces) -> None:
    teams = pieces.teams
    await teams.post(teams.activity(teams.world.ann, value={"latchkey": {"a": "go", "v": "v-1"}}, replyToId="17831"))
    assert [(a.action_id, a.value) for a in pieces.inbound.actions] == [("go", "v-1")]
    await teams.until(lambda: pieces.shown.messages)
    assert pieces.shown.messages[0] == (Nothing(), pieces.shown.messages[0][1])
    assert pieces.inbound.mentions == []


async def test_typing_into_a_long_choice_is_answered(pieces: Pieces) -> None:
    teams = pieces.teams
    pieces.inbound.offered = (Option("a/1", "One", group="Alpha"), Option("b/2", "Two"))
    value = {"kind": "search", "queryText": "o", "dataset": "latchkey|model:1|ctx", "queryOptions": {"skip": 0}}
    answer = await teams.invoke(teams.world.ann, "application/search", value)
    found = [(one["title"], one["value"]) for one in answer.body["value"]["results"]]
    assert found == [("Alpha · One", "a/1"), ("Two", "b/2")]
    assert answer.body["type"] == "application/vnd.microsoft.search.searchResponse"
    query = pieces.inbound.queries[-1]
    assert (query.action_id, query.typed, query.context) == ("model:1", "o", "ctx")


async def test_a_thumb_is_feedback_on_its_message(pieces: Pieces) -> None:
    teams = pieces.teams
    said = {"reaction": "dislike", "feedback": '{"feedbackText": "no"}'}
    value = {"actionName": "feedback", "actionValue": said}
    answer = await teams.invoke(teams.world.ann, "message/submitAction", value, replyToId="17832")
    assert answer.status == 200
    action = pieces.inbound.actions[-1]
    assert action.message is not None
    assert (action.action_id, action.value, action.message.id) == ("feedback", "bad:", "17832")


async def test_an_edit_and_a_deletion_name_their_message(pieces: Pieces) -> None:
    teams = pieces.teams
    said = (await teams.say(teams.world.ann, "hello")).activity["id"]
    await teams.edit(teams.world.ann, said, "hello!", thread=said)
    await teams.delete(teams.world.ann, said, thread=said)
    assert [(m.channel, m.id, user.id) for m, user in pieces.inbound.edited] == [(CHANNEL, said, teams.world.ann.oid)]
    assert [(m.channel, m.id) for m in pieces.inbound.deleted] == [(CHANNEL, said)]


async def test_its_own_messages_are_ignored(pieces: Pieces) -> None:
    teams = pieces.teams
    echo = teams.activity(teams.world.ann, **teams.words("I said this", mention=True)) | {
        "from": {"id": "28:11111111-2222-4333-8444-555555555555", "name": "Latchkey", "role": "bot"}
    }
    assert (await teams.post(echo)).status == 200
    assert pieces.inbound.quiet


async def test_one_of_several_bots_answers_what_is_for_it(pieces: Pieces) -> None:
    """In a group chat with two apps of the same name, each mention is somebody's."""
    teams, other = pieces.teams, {"id": "28:another", "name": BOT["name"]}
    at = f"<at>{BOT['name']}</at>"
    theirs, ours = ({"type": "mention", "text": at, "mentioned": who} for who in (other, BOT))
    chat = teams.world.chats[GROUP]
    await teams.post(teams.activity(teams.world.ann, chat, text=f"{at} hello", entities=[theirs]))
    await teams.post(teams.activity(teams.world.ann, chat, text=f"{at} ask {at}", entities=[ours, theirs]))
    assert [m.text for m in pieces.inbound.mentions] == ["ask <@28:another>"]


async def test_what_is_quoted_goes_with_the_question(pieces: Pieces) -> None:
    teams, chat = pieces.teams, pieces.teams.world.personal(pieces.teams.world.ann)
    quote = {"type": "quotedReply", "quotedReply": {"messageId": "17", "senderName": "Bob", "preview": "lunch?"}}
    for words in ("shall I go?", "byok keys"):
        text = f'<quoted messageId="17"/> {words}'
        await teams.post(teams.activity(teams.world.ann, chat, text=text, entities=[quote]))
    assert [m.text for m in pieces.inbound.mentions] == ["shall I go?\n\n> Bob: lunch?"]
    assert [c.text for c in pieces.inbound.commands] == ["keys"]


async def test_another_bot_is_known_as_one(pieces: Pieces) -> None:
    teams = pieces.teams
    other = teams.activity(teams.world.ann, **teams.words("hello", mention=True)) | {
        "from": {"id": "28:another", "name": "B"}
    }
    await teams.post(other)
    assert [m.from_bot for m in pieces.inbound.mentions] == [True]


async def test_tenants_that_disagree_are_nobodys(pieces: Pieces) -> None:
    teams = pieces.teams
    odd = teams.activity(teams.world.ann, **teams.words("hello", mention=True))
    odd["channelData"]["tenant"]["id"] = "another-tenant"
    assert (await teams.post(odd)).status == 200
    assert pieces.inbound.quiet
    assert TENANT not in str(pieces.references.rows)


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "never_heard_of"},
        {"type": "typing"},
        {"type": "messageReaction", "reactionsAdded": [{"type": "like"}]},
        {"type": "invoke", "name": "never/heardOf", "value": {"a": [1]}},
        {"type": "invoke", "name": "task/fetch", "value": {"data": {"latchkey": {"a": ""}}}},
        {"type": "invoke", "name": "task/submit"},
        {"type": "conversationUpdate", "membersAdded": [{"id": "29:somebody"}]},
        {"type": "installationUpdate", "action": "remove-upgrade"},
        {"type": "messageUpdate", "channelData": {"eventType": "undeleteMessage", "tenant": {"id": TENANT}}},
        {"type": "message", "text": "no mention", "entities": [{"type": "mention"}]},
        {"type": "message", "value": {"a": "of another app's card"}, "conversation": PERSONAL},
        {"type": "invoke", "name": "task/submit", "from": {}, "value": {"data": {"latchkey": {"f": "setkey"}}}},
        {"type": "message", "text": "<at>Latchkey</at> hi", "from": None},
        {"type": "event", "name": "application/vnd.microsoft.meetingStart", "value": {"Title": "x"}},
    ],
)
async def test_the_unknown_is_taken_and_ignored(pieces: Pieces, odd: Json) -> None:
    assert (await pieces.teams.post(pieces.teams.activity(pieces.teams.world.ann) | odd)).status == 200
    assert pieces.inbound.quiet


@pytest.mark.parametrize(
    "odd",
    [
        {"from": "x"},
        {"conversation": 7},
        {"recipient": []},
        {"entities": "none"},
        {"attachments": [3]},
        {"channelData": "x"},
        {"timestamp": "yesterday"},
        {"type": 5},
        {"type": "invoke", "name": ["x"], "value": 3},
        {"text": {"a": 1}},
    ],
)
async def test_odd_shapes_break_nothing(pieces: Pieces, odd: Json) -> None:
    teams = pieces.teams
    activity = teams.activity(teams.world.ann, **teams.words("hello", mention=True)) | odd
    assert (await teams.post(activity)).status in {200, 400}
    assert (await teams.say(teams.world.ann, "still there?")).status == 200


async def test_a_body_that_is_not_what_it_should_be_is_refused(pieces: Pieces) -> None:
    deep = b'{"type":"message","value":' + b"[" * 80 + b"]" * 80 + b"}"
    cases: list[tuple[bytes, dict[str, str], int]] = [
        (b"not json", JSON, 400),
        (b"[1, 2]", JSON, 400),
        (b"\xff\xfe", JSON, 400),
        (deep, JSON, 400),
        (b"[" * 200_000, JSON, 400),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (gzip.compress(b"{}"), JSON | {"Content-Encoding": "gzip"}, 415),
        (b'{"a":"' + b"x" * 2**20 + b'"}', JSON, 413),
    ]
    for body, headers, status in cases:
        with structlog.testing.capture_logs() as lines:
            answer = await pieces.teams.post({}, pieces.teams.headers() | headers, data=io.BytesIO(body))
        assert (answer.status, answer.body, len(lines)) == (status, "", 1), (body[:40], lines)
    assert pieces.inbound.quiet


async def test_nothing_that_was_typed_is_logged_at_debug(
    pieces: Pieces, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    teams = pieces.teams
    pieces.inbound.outcome = Private(View(blocks=(Text(rich("Heard")),)))
    await teams.say(teams.world.ann, CANARY)
    await teams.say(teams.world.ann, f"byok {CANARY}")
    await teams.invoke(teams.world.ann, "task/submit", {"data": {"latchkey": {"f": "setkey"}, "secret:key": CANARY}})
    pieces.inbound.broken = True
    await teams.say(teams.world.ann, CANARY)
    out = capsys.readouterr()
    own = [r.getMessage() for r in caplog.records if not r.name.startswith(("asyncio", "tests"))]
    assert CANARY not in out.out + out.err + "\n".join(own)
