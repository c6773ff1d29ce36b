"""What Slack says is read rightly, and nothing that it could say raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import interactions, parse
from adapters.slack.history import message_of
from adapters.slack.identity import Identity, Json
from adapters.slack.interactions import Metadata
from adapters.slack.people import kind_of, name_of
from app.domain.chat import MemberKind, MessageRef, Place, UserRef
from app.domain.events import Addressed, Mention
from tests.conformance.chat_platform import CANARY

ME = Identity("T1", "UBOT", "BBOT", enterprise="E1")
TS = "1783000000.000100"
MESSAGE: Json = {"type": "message", "user": "U1", "text": "<@UBOT> hi", "ts": TS, "channel": "C1", "team": "T1"}

NAMES = [
    "type", "event", "event_callback", "message", "app_mention", "message_changed", "user", "text", "ts",
    "channel", "files", "id", "view", "team", "state", "values", "actions", "action_id", "input", "secret",
    "value", "selected_option", "<@UBOT> hi", TS, "D1", "U1", "mode", "subtype", "previous_message",
    "authorizations", "team_id", "event_id", "private_metadata", '{"c":"x"}', "container", "blocks", "",
]  # fmt: skip
WORDS = st.sampled_from(NAMES)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=30,
)
OBJECTS = st.dictionaries(WORDS, JSONS, max_size=8)


def envelope(inner: Json, **extra: Any) -> Json:
    around = {"type": "event_callback", "event_id": "Ev1", "team_id": "T1", "authorizations": [{"team_id": "T1"}]}
    return around | {"event": inner} | extra


def heard(inner: Json, **extra: Any) -> Mention:
    event = parse.event(envelope(inner, **extra), ME)
    assert isinstance(event, Mention), event
    return event


@given(
    OBJECTS, st.sampled_from(["message", "app_mention", "app_home_opened", "agent_session_stopped", "tokens_revoked"])
)
def test_no_event_raises(inner: Json, kind: str) -> None:
    parse.event(envelope(inner | {"type": kind}), ME)
    parse.event(inner, ME)
    parse.team_of_event(inner)
    message_of(inner, ME)
    kind_of(inner, ME)
    name_of(inner)


@given(OBJECTS, OBJECTS, st.lists(JSONS, max_size=2))
def test_no_interaction_raises(payload: Json, view: Json, actions: list[Any]) -> None:
    for one in (payload, payload | {"view": view, "actions": actions, "user": {"id": "U1"}}):
        interactions.handle(one)
        interactions.action(one, ME)
        interactions.submission(one, ME)
        interactions.query(one, ME)
        interactions.team_of_interaction(one)
        parse.command(one, ME)


def test_a_mention_is_a_mention_in_a_thread_too() -> None:
    event = heard(MESSAGE | {"thread_ts": "1783000000.000001"}, is_ext_shared_channel=True)
    assert (event.addressed, event.conversation.thread, event.text) == (Addressed.MENTION, "1783000000.000001", "hi")
    assert event.conversation.shared


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("<@UBOT> hello", "hello"),
        ("<@UBOT|latchkey>: hello", ": hello"),
        ("hey <@UBOT> do &lt;it&gt; for <@U2|ann>", "hey do <it> for <@U2>"),
        ("<@UBOT>", ""),
    ],
)
def test_our_own_name_is_taken_out_of_what_was_said(text: str, meant: str) -> None:
    assert heard(MESSAGE | {"text": text}).text == meant


@pytest.mark.parametrize("subtype", ["thread_broadcast", "me_message", "file_share"])
def test_whatever_way_it_is_said_it_is_said(subtype: str) -> None:
    said = MESSAGE | {"type": "message", "subtype": subtype, "thread_ts": "1783000000.000001"}
    event = heard(said)
    assert (event.addressed, event.conversation.thread, event.text) == (Addressed.MENTION, "1783000000.000001", "hi")
    assert heard(said | {"text": "and then?"}).addressed is Addressed.FOLLOW_UP


def test_a_direct_message_needs_no_mention() -> None:
    event = heard(MESSAGE | {"channel": "D1", "text": "hello"})
    assert (event.addressed, event.conversation.place, event.conversation.thread) == (
        Addressed.DIRECT,
        Place.DIRECT,
        TS,
    )


@pytest.mark.parametrize(
    "inner",
    [
        MESSAGE | {"text": "not for us"},
        MESSAGE | {"subtype": "channel_join"},
        MESSAGE | {"subtype": "channel_topic"},
        MESSAGE | {"subtype": ["odd"]},
        MESSAGE | {"user": "UBOT"},
        MESSAGE | {"bot_id": "BBOT", "user": None},
        MESSAGE | {"ts": "soon"},
        MESSAGE | {"ts": "9" * 40},
        MESSAGE | {"ts": "١٧٨٣"},
        {
            "type": "message",
            "subtype": "message_changed",
            "channel": "C1",
            "message": MESSAGE,
            "previous_message": MESSAGE,
        },
        {"type": "message", "subtype": "message_changed", "channel": "C1", "message": MESSAGE | {"bot_id": "BBOT"}},
        {
            "type": "message",
            "subtype": "message_deleted",
            "channel": "C1",
            "deleted_ts": TS,
            "previous_message": {"bot_id": "BBOT"},
        },
        {"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}},
        {"type": "app_context_changed"},
    ],
)
def test_what_is_not_for_us_is_ignored(inner: Json) -> None:
    assert isinstance(parse.event(envelope(inner), ME), parse.Ignored)


@pytest.mark.parametrize("author", [{"bot_id": "B2"}, {"subtype": "bot_message", "user": None, "bot_id": "B2"}])
def test_another_bot_is_known_as_one(author: Json) -> None:
    assert heard(MESSAGE | author).from_bot


def test_an_edit_and_both_kinds_of_deletion() -> None:
    edit = {"type": "message", "subtype": "message_changed", "channel": "C1", "previous_message": MESSAGE}
    ref = MessageRef("slack:T1", "C1", TS)
    changed = parse.event(envelope(edit | {"message": MESSAGE | {"text": "new"}}), ME)
    assert changed == parse.Edited(ref, UserRef("slack:T1", "U1"))
    tombstone = parse.event(envelope(edit | {"message": {"subtype": "tombstone", "ts": TS, "user": "USLACKBOT"}}), ME)
    gone = {
        "type": "message",
        "subtype": "message_deleted",
        "channel": "C1",
        "deleted_ts": TS,
        "previous_message": MESSAGE,
    }
    assert tombstone == parse.event(envelope(gone), ME) == parse.Deleted(ref)


def test_files_come_with_the_message_even_without_text() -> None:
    file = {
        "id": "F1",
        "name": "a.txt",
        "mimetype": "text/plain",
        "size": 3,
        "url_private": "https://files.slack.com/x",
    }
    event = heard(
        MESSAGE
        | {"channel": "D1", "text": "", "subtype": "file_share", "files": [file, {"id": "F2", "mode": "tombstone"}, 7]}
    )
    assert [(f.id, f.name, f.media_type, f.size, f.url) for f in event.files] == [
        ("F1", "a.txt", "text/plain", 3, "https://files.slack.com/x")
    ]


def test_both_tabs_and_the_end_of_an_installation() -> None:
    opened = {"type": "app_home_opened", "user": "U1", "channel": "D1"}
    user = UserRef("slack:T1", "U1")
    assert parse.event(envelope(opened | {"tab": "home"}), ME) == parse.HomeOpened(user)
    assert parse.event(envelope(opened | {"tab": "messages"}), ME) == parse.MessagesOpened(user, "D1")
    for inner in ({"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"bot": ["UBOT"]}}):
        assert parse.event(envelope(inner), ME) == parse.Removed("slack:T1")


def test_a_secret_is_a_secret_at_once() -> None:
    state = {
        "key": {"secret": {"value": f" {CANARY} "}},
        "label": {"input": {"value": "ours"}},
        "empty": {"secret": {"value": None}},
    }
    view = {"callback_id": "setkey", "private_metadata": Metadata("ctx", "C1").dump(), "state": {"values": state}}
    payload = {"type": "view_submission", "user": {"id": "U1"}, "view": view}
    sent = interactions.submission(payload, ME)
    assert not isinstance(sent, parse.Ignored)
    assert (sent.form, sent.context, dict(sent.values), list(sent.secrets)) == (
        "setkey",
        "ctx",
        {"label": "ours"},
        ["key"],
    )
    assert sent.secrets["key"].reveal() == CANARY
    assert CANARY not in repr(sent)
    pressed = interactions.action(payload | {"actions": [{"action_id": "x", "type": "button"}]}, ME)
    assert CANARY not in repr(pressed) + str(vars(pressed) if hasattr(pressed, "__dict__") else pressed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (":fox_face:", "🦊"),
        (" :key: ", "🔑"),
        ("🦊", "🦊"),
        (":acme:", ":acme:"),
        (":", ":"),
        ("", ""),
        ("a: b", "a: b"),
    ],
)
def test_an_emoji_typed_as_slack_people_do_is_that_emoji(typed: str, meant: str) -> None:
    view = {"callback_id": "agent_save", "state": {"values": {"emoji": {"input": {"value": typed}}}}}
    sent = interactions.submission({"user": {"id": "U1"}, "view": view}, ME)
    assert not isinstance(sent, parse.Ignored)
    assert sent.values["emoji"] == meant


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ({"type": "button", "value": "v"}, "v"),
        ({"type": "button"}, ""),
        ({"type": "static_select", "selected_option": {"value": "v"}}, "v"),
        ({"type": "checkboxes", "selected_options": [{"value": "yes"}]}, "yes"),
        ({"type": "checkboxes", "selected_options": []}, ""),
        ({"type": "multi_conversations_select", "selected_conversations": ["C1", "C2"]}, "C1 C2"),
        ({"type": "users_select", "selected_user": "U2"}, "U2"),
    ],
)
def test_every_control_has_one_value(element: Json, value: str) -> None:
    action = interactions.action({"user": {"id": "U1"}, "actions": [element | {"action_id": "go#1"}]}, ME)
    assert not isinstance(action, parse.Ignored)
    assert (action.action_id, action.value) == ("go", value)


def test_in_a_shared_channel_the_view_says_whose_installation_it_is() -> None:
    assert interactions.team_of_interaction({"team": {"id": "T9"}, "view": {"app_installed_team_id": "T1"}}) == "T1"
    assert interactions.team_of_interaction({"team": None, "user": {"team_id": "T1"}}) == "T1"


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        ({}, MemberKind.MEMBER),
        ({"is_admin": True}, MemberKind.ADMIN),
        ({"is_admin": True, "is_owner": True}, MemberKind.OWNER),
        ({"is_primary_owner": True}, MemberKind.OWNER),
        ({"is_restricted": True}, MemberKind.GUEST),
        ({"is_ultra_restricted": True, "is_admin": True}, MemberKind.GUEST),
        ({"is_bot": True}, MemberKind.BOT),
        ({"deleted": True, "is_admin": True}, MemberKind.EXTERNAL),
        ({"is_stranger": True, "is_admin": True}, MemberKind.EXTERNAL),
        ({"team_id": "T9", "is_admin": True}, MemberKind.EXTERNAL),
        ({"team_id": None}, MemberKind.EXTERNAL),
        ({"team_id": "T9", "enterprise_user": {"enterprise_id": "E1", "teams": ["T1"]}}, MemberKind.MEMBER),
        ({"team_id": "T9", "enterprise_user": {"enterprise_id": "E2", "teams": ["T1"]}}, MemberKind.EXTERNAL),
    ],
)
def test_who_is_who(flags: Json, kind: MemberKind) -> None:
    assert kind_of({"id": "U1", "team_id": "T1"} | flags, ME) == kind
