"""How text, mentions and files are read. Real shapes in, meaning out."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.teams import interactions, parse, written
from adapters.teams.parse import Ignored, Scene
from adapters.teams.people import kind_of
from app.domain.chat import MemberKind, Place
from tests.conformance.chat_platform import CANARY

BOT = {"id": "28:app", "name": "Agent"}
Json = dict[str, Any]


def message(text: str, *entities: Json, **more: Any) -> Json:
    return {"type": "message", "text": text, "entities": list(entities), "recipient": BOT, **more}


def mention(text: str, who: Json) -> Json:
    return {"type": "mention", "text": text, "mentioned": who}


NAMES = [
    "type", "message", "invoke", "name", "value", "data", "action", "latchkey", "a", "f", "i", "v", "task/fetch", "task/submit", "text",
    "adaptiveCard/action", "application/search", "message/submitAction", "dataset", "latchkey|x|y", "entities", "mention", "mentioned", "id",
    "attachments", "contentType", "content", "contentUrl", "image/png", written.DOWNLOAD_INFO, "downloadUrl", "channelData", "eventType",
    "messageUpdate", "editMessage", "installationUpdate", "membersAdded", "actionValue", "reaction", "like", "secret:key", "channels:x", "",
    "28:app", "<at>Agent</at>", "timestamp", "9999999999999", "recipient", "isTargeted", "from", "byok x", "\ue0000\ue001",
]  # fmt: skip
WORDS = st.sampled_from(NAMES)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=30,
)
OTHER = {"id": "28:x", "name": "Agent"}
OF_BOT = mention("<at>Agent</at>", BOT)


@pytest.mark.parametrize(
    ("activity", "text", "mentioned"),
    [
        (message("<at>Agent</at>&nbsp;hello", OF_BOT), "hello", True),
        (message("<at>Agent</at> what is an Agent?", OF_BOT), "what is an Agent?", True),
        (message("hey <at>Agent</at>\xa0you", OF_BOT), "hey you", True),
        (message("<at>Agent</at> and again <at>Agent</at>", OF_BOT), "and again", True),
        (message("<at>Agent</at>", OF_BOT), "", True),
        (message("1 &lt; 2 &amp;&amp; 3 &gt; 2"), "1 < 2 && 3 > 2", False),
        (message("a\r\nb\n"), "a\nb", False),
        (message("plain"), "plain", False),
        (message("<at>Agent</at> by hand"), "<at>Agent</at> by hand", False),
        (message("<at>Agent</at> hi", mention("<at>Agent</at>", {"id": "28:another"})), "<@28:another> hi", False),
        (message("<at>Agent</at> a \ue0000\ue001 b", OF_BOT), "a 0 b", True),
        (message("&lt;@U1&gt; typed"), "<@U1> typed", False),
        (message('<at id="0">Agent</at> hi', OF_BOT), "hi", True),
        (message("<at>R&amp;D Agent</at> hi", mention("<at>R&D Agent</at>", BOT)), "hi", True),
        (message("<at>R&D Agent</at> hi", mention("<at>R&amp;D Agent</at>", BOT)), "hi", True),
        (message("<at><b>Agent</b></at> hi", OF_BOT), "hi", True),
        (message("<at>Agent</at> hi", {"type": "mention", "mentioned": BOT}), "hi", True),
        (message("Agent, what is an Agent?", mention("Agent", BOT)), ", what is an Agent?", True),
        (message("hi", OF_BOT), "hi", True),
        (message("<at>Agent</at> and <at>Agent</at>", OF_BOT, mention("<at>Agent</at>", OTHER)), "and <@28:x>", True),
        (message("<at>Agent</at> and <at>Agent</at>", mention("<at>Agent</at>", OTHER), OF_BOT), "<@28:x> and", True),
        (message('<quoted messageId="17"/> <at>Agent</at> hi', OF_BOT), "hi", True),
    ],
)
def test_a_mention_is_what_its_entity_names(activity: Json, text: str, mentioned: bool) -> None:
    assert written.text_of(activity) == (text, mentioned)


def test_what_is_quoted_stands_below_what_is_asked() -> None:
    """A question about another message is nothing without it; a command is a command all the same."""
    quoted = {"messageId": "17", "senderName": "Ann", "preview": "Budget is\napproved"}
    activity = message('<quoted messageId="17"/> what does she mean?', {"type": "quotedReply", "quotedReply": quoted})
    text, _ = written.text_of(activity)
    assert text == "what does she mean?"
    assert written.with_quotes(text, activity) == "what does she mean?\n\n> Ann: Budget is\n> approved"
    bare = message("x", {"type": "quotedReply", "quotedReply": {"messageId": "17"}}, {"type": "quotedReply"})
    assert written.with_quotes("x", bare) == "x"


def test_many_mentions_in_a_long_text_are_read_in_no_time() -> None:
    began = time.perf_counter()
    many = [mention(f"<at>Nobody {number}</at>", {"id": f"29:{number}", "name": "x"}) for number in range(20_000)]
    written.text_of(message("<at>" * 50_000 + "x" * 300_000, *many))
    assert time.perf_counter() - began < 2


def test_people_are_named_by_their_directory_id() -> None:
    ann = mention("<at>Ann</at>", {"id": "29:x", "name": "Ann", "aadObjectId": "oid-ann"})
    bob = mention("<at>Ann</at>", {"id": "29:y", "name": "Ann"})
    text = "<at>Agent</at> ask <at>Ann</at> and <at>Ann</at>"
    assert written.text_of(message(text, OF_BOT, ann, bob)) == ("ask <@oid-ann> and <@29:y>", True)


@pytest.mark.parametrize("entities", [None, "x", [None], [{"type": "mention"}], [{"type": "mention", "mentioned": 3}]])
def test_broken_entities_mention_nobody(entities: Any) -> None:
    assert written.text_of({"text": "hello", "entities": entities, "recipient": BOT}) == ("hello", False)


def test_files_of_a_personal_chat_have_addresses_and_others_say_that_they_have_none() -> None:
    given = {
        "contentType": written.DOWNLOAD_INFO,
        "name": "notes.txt",
        "content": {"downloadUrl": "https://x.sharepoint.com/d?t=1", "uniqueId": "F1", "fileType": "txt"},
    }
    pasted = {
        "contentType": "image/png",
        "contentUrl": "https://smba.trafficmanager.net/v3/attachments/1/views/original",
    }
    shown = {"contentType": "text/html", "content": '<p>look</p><attachment id="F1"></attachment><attachment id="F2">'}
    files = written.files_of({"attachments": [given, pasted, shown, None, {"contentType": "image/png"}]})
    assert [(f.name, f.media_type, bool(f.url)) for f in files] == [
        ("notes.txt", "text/plain", True),
        ("image.png", "image/png", True),
        ("a file", "", False),
    ]


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ('<attachment id="9c2f0a11-AAAA-4bbb-8ccc-000000000001"></attachment>', []),  # given, spelt otherwise
        ('<attachment id="9c2f0a11-aaaa-4bbb-8ccc-000000000002">', [("a file", "")]),
        ('<attachment id="9c2f0a11-aaaa-4bbb-8ccc-000000000002"><attachment id="9C2F0A11-aaaa-4bbb-8ccc-000000000002">', [("a file", "")]),
        ('<attachment id="1763900000000"></attachment>', []),  # a message that is quoted
        ('<attachment id="74d20c7f34aa4a7fb74e2b30004247c5"></attachment>', []),  # a card
        ('<img itemtype="http://schema.skype.com/AMSImage" src="https://eu-api.asm.skype.com/v1/objects/0-1/views/imgo">', [("a picture", "image/*")]),
        ('<img src="https://graph.microsoft.com/v1.0/chats/1/messages/2/hostedContents/3/$value">', [("a picture", "image/*")]),
        ('<img itemtype="http://schema.skype.com/Emoji" src="https://statics.teams.cdn.office.net/x/emoticons/smile/20_f.png">', []),
        ('<img itemtype="http://schema.skype.com/Giphy" src="https://media.giphy.com/media/1/giphy.gif">', []),
    ],
)  # fmt: skip
def test_what_only_the_html_tells_of_is_a_file_that_teams_keeps_back(shown: str, told: list[tuple[str, str]]) -> None:
    content = {"downloadUrl": "https://x.sharepoint.com/d", "uniqueId": "9C2F0A11-aaaa-4bbb-8ccc-000000000001"}
    given = {"contentType": written.DOWNLOAD_INFO, "name": "notes.txt", "content": content}
    files = written.files_of({"attachments": [given, {"contentType": "text/html", "content": shown}]})
    assert [(f.name, f.media_type) for f in files[1:]] == told
    assert not any(f.url for f in files[1:])


def test_a_picture_that_teams_hands_over_is_not_missed_besides() -> None:
    given = {"contentType": "image/*", "contentUrl": "https://smba.trafficmanager.net/v3/attachments/1/views/original"}
    shown = {
        "contentType": "text/html",
        "content": '<img src="https://eu-api.asm.skype.com/v1/objects/0-1/views/imgo">',
    }
    [file] = written.files_of({"attachments": [given, shown]})
    assert (file.name, file.media_type, bool(file.url)) == ("image", "image/*", True)


def _scene(**changed: Any) -> Scene | Ignored:
    conversation = {"id": "19:c@thread.tacv2;messageid=17", "conversationType": "channel", "tenantId": "t1"}
    activity: Json = {
        "type": "message",
        "id": "18",
        "serviceUrl": "https://smba.trafficmanager.net/emea/",
        "from": {"id": "29:x", "aadObjectId": "oid"},
        "recipient": BOT,
        "conversation": conversation,
    }
    return parse.scene(activity | changed)


def test_a_scene_knows_its_thread() -> None:
    at = _scene()
    assert isinstance(at, Scene)
    assert (at.conversation.channel, at.conversation.thread) == ("19:c@thread.tacv2", "17")
    assert (at.place.conversation, at.place.tenant) == ("19:c@thread.tacv2;messageid=17", "t1")
    assert (at.user.workspace, at.user.id, at.account) == ("teams:t1", "oid", "29:x")


def test_a_post_in_a_channel_begins_its_own_thread_whether_or_not_teams_says_so() -> None:
    conversation = {"id": "19:c@thread.tacv2", "conversationType": "channel", "tenantId": "t1"}
    at, news = _scene(conversation=conversation), _scene(conversation=conversation, type="installationUpdate")
    assert isinstance(at, Scene)
    assert (at.conversation.channel, at.conversation.thread) == ("19:c@thread.tacv2", "18")
    assert isinstance(news, Scene)
    assert news.conversation.thread == news.conversation.channel


def test_ids_of_the_directory_are_the_same_however_they_are_written() -> None:
    conversation = {"id": "a:1", "conversationType": "personal", "tenantId": "TENANT-1"}
    channel_data = {"tenant": {"id": "tenant-1"}}
    at = _scene(conversation=conversation, channelData=channel_data, **{"from": {"id": "29:X", "aadObjectId": "OID"}})
    assert isinstance(at, Scene)
    assert (str(at.user), at.account, at.place.tenant) == ("teams:tenant-1/oid", "29:X", "tenant-1")
    assert kind_of({"id": "29:X", "tenantId": "TENANT-1", "aadObjectId": "OID"}, "tenant-1") is MemberKind.MEMBER


@pytest.mark.parametrize(("kind", "shared"), [("shared", True), ("private", False), ("standard", False), (None, False)])
def test_a_channel_shared_with_others_is_known_as_such(kind: str | None, *, shared: bool) -> None:
    at = _scene(channelData={"channel": {"id": "19:c", "type": kind}})
    assert isinstance(at, Scene)
    assert at.conversation.shared is shared


def test_a_meetings_chat_is_a_group_chat() -> None:
    at = _scene(conversation={"id": "19:meeting_x@thread.v2", "conversationType": "groupChat", "tenantId": "t1"})
    assert isinstance(at, Scene)
    assert at.conversation.place is Place.GROUP


def test_a_thread_in_a_personal_chat_is_a_thread() -> None:
    at = _scene(conversation={"id": "a:1;messageid=17", "conversationType": "personal", "tenantId": "t1"})
    assert isinstance(at, Scene)
    assert (at.conversation.channel, at.conversation.thread) == ("a:1", "17")


def test_without_a_directory_id_somebody_is_who_the_bot_knows() -> None:
    at = _scene(**{"from": {"id": "29:guest"}})
    assert isinstance(at, Scene)
    assert at.user.id == "29:guest"


@pytest.mark.parametrize(
    "changed",
    [
        {"conversation": {"id": "19:c", "conversationType": "channel"}},
        {"conversation": {"id": "19:c", "conversationType": "meeting-room", "tenantId": "t1"}},
        {"conversation": {"conversationType": "channel", "tenantId": "t1"}},
        {"recipient": {}},
        {"id": "17\ud83d"},
        {"replyToId": "17\x00"},
        {"from": {"id": "29:x", "aadObjectId": "\udc00"}},
        {"channelData": {"tenant": {"id": "t2"}}},
    ],
)
def test_a_scene_without_a_place_is_none(changed: Json) -> None:
    assert isinstance(_scene(**changed), Ignored)


@pytest.mark.parametrize(
    ("activity", "year"),
    [
        ({"timestamp": "2026-09-01T10:00:00.123Z"}, 2026),
        ({"timestamp": "2026-09-01T10:00:00"}, 2026),
        ({"id": "1788256800000"}, 2026),
        ({"timestamp": "soon", "id": "x"}, None),
        ({"timestamp": "0001-01-01T00:00:00+14:00", "id": "1788256800000"}, 2026),
        ({"timestamp": "9999-12-31T23:59:59-14:00"}, None),
    ],
)
def test_a_moment_is_read_off_the_stamp_or_the_id(activity: Json, year: int | None) -> None:
    found = parse.moment(activity)
    assert (found.year if found else None) == year


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no finding
@given(st.dictionaries(WORDS, JSONS, max_size=10))
def test_nothing_that_arrives_raises(activity: Json) -> None:
    parse.scene(activity)
    at = _scene()
    assert isinstance(at, Scene)
    parse.event(activity, at)
    interactions.message(activity, at)
    for name in interactions.INVOKES:
        interactions.invoke(activity | {"name": name}, at)
    kind_of(activity, "t1")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no finding
@given(st.dictionaries(WORDS, JSONS, max_size=6))
def test_a_secret_is_in_no_value_and_no_repr(more: Json) -> None:
    at = _scene()
    assert isinstance(at, Scene)
    data = more | {"latchkey": {"f": "setkey"}, "secret:key": CANARY}
    sent = interactions.invoke({"name": "task/submit", "value": {"data": data}}, at)
    assert CANARY not in repr(sent)
    assert isinstance(sent, interactions.Interaction)
    assert CANARY not in str(sent.at.values)
