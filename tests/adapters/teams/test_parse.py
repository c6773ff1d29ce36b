"""How text, mentions and files are read. Real shapes in, meaning out."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.teams import parse, written
from adapters.teams.parse import Ignored, Scene

BOT = {"id": "28:app", "name": "Agent"}
Json = dict[str, Any]


def message(text: str, *entities: Json, **more: Any) -> Json:
    return {"type": "message", "text": text, "entities": list(entities), "recipient": BOT, **more}


def mention(text: str, who: Json) -> Json:
    return {"type": "mention", "text": text, "mentioned": who}


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
