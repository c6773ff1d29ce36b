"""How text, mentions and files are read. Real shapes in, meaning out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.teams import interactions, parse, written
from adapters.teams.parse import Ignored, Scene
from adapters.teams.people import kind_of
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
    ],
)
def test_a_mention_is_what_its_entity_names(activity: Json, text: str, mentioned: bool) -> None:
    assert written.text_of(activity) == (text, mentioned)


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
    ],
)
def test_a_moment_is_read_off_the_stamp_or_the_id(activity: Json, year: int | None) -> None:
    found = parse.moment(activity)
    assert (found.year if found else None) == year


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


@given(st.dictionaries(WORDS, JSONS, max_size=6))
def test_a_secret_is_in_no_value_and_no_repr(more: Json) -> None:
    at = _scene()
    assert isinstance(at, Scene)
    data = more | {"latchkey": {"f": "setkey"}, "secret:key": CANARY}
    sent = interactions.invoke({"name": "task/submit", "value": {"data": data}}, at)
    assert CANARY not in repr(sent)
    assert isinstance(sent, interactions.Interaction)
    assert CANARY not in str(sent.at.values)
