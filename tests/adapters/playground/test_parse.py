"""What windows send is read strictly, and nonsense is refused without a word of it anywhere."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.playground import parse
from adapters.playground.room import Post
from adapters.playground.world import ADA, MAX, RESIDENTS, ROOMS
from app.domain.chat import ConversationRef
from app.domain.events import Action, Addressed, Mention, Submission
from app.domain.views import (
    Block,
    Button,
    Buttons,
    ChannelInput,
    Checkbox,
    Feedback,
    Option,
    Row,
    SecretInput,
    Select,
    SelectInput,
    TextInput,
    View,
    rich,
)

PEOPLE = {one.id: one for one in RESIDENTS}
CHANNEL, DIRECT = ROOMS[0], next(room for room in ROOMS if room.of == MAX.id)
OPTIONS = (Option("a", "A"), Option("b", "B"))
FORM = View(
    id="f",
    submit="Save",
    context="ctx",
    blocks=(
        TextInput("label", "Label", optional=True, max_length=5),
        SecretInput("key", "Key"),
        SelectInput("provider", "Provider", OPTIONS),
        Checkbox("default", "Default"),
        ChannelInput("channels", "Channels"),
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def mention(text: str, *, thread: str = "", direct: bool = False) -> Mention | None:
    room = DIRECT if direct else CHANNEL
    post = Post("2.0", 2, room.id, thread, MAX.id, datetime.now(UTC), text, event_id="E1")
    return parse.said(post, room, ConversationRef("playground:x", room.id, thread or "2.0"), MAX, PEOPLE)


def submit(values: Any) -> Submission:
    return parse.submission(parse.frame(json.dumps({"t": "submit", "values": values})), FORM, MAX.ref)


def act(view: View, **fields: Any) -> Action | None:
    return parse.action(parse.frame(json.dumps({"t": "action", **fields})), view, MAX.ref)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@Latchkey what is up?", "what is up?"),
        ("@latchkey: what is up?", "what is up?"),
        ("hey @Latchkey, what is up?", "hey what is up?"),
        ("@Latchkey writer: make it short", "writer: make it short"),
        ("@Latchkey tell @Max and @ada", "tell <@U-MAX> and <@U-ADA>"),
        ("@Latchkey ask max@maxim.example", "ask max@maxim.example"),
        ("@Latchkey", ""),
    ],
)
def test_the_apps_own_mention_goes_and_people_become_ids(text: str, expected: str) -> None:
    event = mention(text)
    assert event
    assert (event.text, event.addressed) == (expected, Addressed.MENTION)


def test_talk_among_people_is_none_of_the_apps_business() -> None:
    assert mention("lunch?") is None
    assert mention("@Ada lunch?") is None
    assert mention("write to me@latchkey.example") is None
    assert mention("@Ada what do you think?", thread="1.0") is None


def test_a_thread_goes_on_without_a_mention() -> None:
    event = mention("and then?", thread="1.0")
    assert event
    assert event.addressed is Addressed.FOLLOW_UP


def test_whatever_is_said_directly_is_for_the_app() -> None:
    event = mention("what would @Ada say?", direct=True)
    assert event
    assert (event.addressed, event.text) == (Addressed.DIRECT, "what would <@U-ADA> say?")


@pytest.mark.parametrize(
    ("typed", "rest"), [("/byok", ""), ("/BYOK  keys ", "keys"), ("/byok\nadmins add @Max", "admins add <@U-MAX>")]
)
def test_a_command_is_what_follows_the_slash(typed: str, rest: str) -> None:
    command = parse.command(typed, ADA.ref, CHANNEL, PEOPLE)
    assert command
    assert (command.text, command.channel, command.place_is_private) == (rest, CHANNEL.id, False)


@pytest.mark.parametrize("typed", ["/byokx keys", "/help", "byok", "", "  "])
def test_other_commands_are_not_ours(typed: str) -> None:
    assert parse.command(typed, ADA.ref, CHANNEL, PEOPLE) is None


def test_a_secret_is_wrapped_and_stands_nowhere_else() -> None:
    sent = submit({"key": "canary-1", "label": "ours", "provider": "b", "default": "yes", "channels": "C-A  C-B"})
    assert sent.secrets["key"].reveal() == "canary-1"
    assert dict(sent.values) == {"label": "ours", "provider": "b", "default": "yes", "channels": "C-A C-B"}
    assert "canary-1" not in repr(sent)
    assert "canary-1" not in repr(parse.frame('{"t": "submit", "values": {"key": "canary-1"}}'))


def test_a_form_takes_only_what_it_asks_for() -> None:
    sent = submit({"provider": "z", "default": "no", "label": "too long for it", "admin": "true"})
    assert dict(sent.values) == {"provider": "", "default": "", "label": "too l", "channels": ""}
    assert sent.secrets == {}
    assert set(parse.missing(sent, FORM)) == {"key", "provider"}
    assert (sent.form, sent.context) == ("f", "ctx")


@pytest.mark.parametrize(
    ("block", "action_id", "values"),
    [
        (Buttons((Button("go", "Go", "1"), Button("go", "Go", "2"))), "go", ("1", "2")),
        (Row(rich("x"), Button("go", "Go", "1")), "go", ("1",)),
        (Select("model", "Model", OPTIONS, key="k"), "model:k", ("a", "b")),
        (Row(rich("x"), Select("model", "Model", OPTIONS)), "model", ("a", "b")),
        (Feedback("run-1"), "feedback", ("good:run-1", "bad:run-1")),
    ],
)
def test_only_controls_that_are_shown_can_be_used(block: Block, action_id: str, values: tuple[str, ...]) -> None:
    view = View(id="v", context="c", blocks=(block,))
    for value in values:
        action = act(view, id=action_id, value=value)
        assert action
        assert (action.action_id, action.value, action.view_id, action.context) == (action_id, value, "v", "c")
    assert act(view, id=action_id, value="other") is None
    assert act(view, id="other", value=values[0]) is None
    assert act(View(blocks=()), id=action_id, value=values[0]) is None


def test_an_action_brings_the_inputs_of_its_screen_but_no_secret() -> None:
    view = View(blocks=(*FORM.blocks, Buttons((Button("go", "Go"),))))
    action = act(view, id="go", value="", values={"label": "x", "key": "canary-1", "other": "y"})
    assert action
    assert dict(action.values) == {"label": "x"}


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "[]",
        "1",
        '"x"',
        "null",
        "{}",
        '{"t": 1}',
        '{"t": "x", "n": "1"}',
        '{"t": "x", "n": true}',
        "[" * 60_000,
    ],
)
def test_what_is_no_frame_is_refused_without_its_text(raw: str) -> None:
    with pytest.raises(parse.BadFrame) as caught:
        parse.frame(raw)
    assert str(caught.value) == ""
    assert caught.value.__cause__ is None


@given(st.text() | JSON.map(json.dumps))
def test_whatever_is_sent_is_a_frame_or_refused(raw: str) -> None:
    try:
        frame = parse.frame(raw)
        frame.text_of("text")
        frame.texts_of("values")
        frame.list_of("files")
    except parse.BadFrame:
        pass


@given(st.dictionaries(st.sampled_from(["t", "n", "id", "value", "values", "files"]), JSON))
def test_whatever_a_frame_holds_is_a_submission_and_an_action_or_refused(fields: dict[str, Any]) -> None:
    try:
        frame = parse.frame(json.dumps({**fields, "t": "x", "n": 0}))
        sent = parse.submission(frame, FORM, MAX.ref)
        assert all(isinstance(value, str) for value in sent.values.values())
        parse.missing(sent, FORM)
        assert parse.action(frame, FORM, MAX.ref) is None
    except parse.BadFrame:
        pass


@given(st.text(), st.booleans(), st.sampled_from(["", "1.0"]))
def test_any_text_can_be_said(text: str, direct: bool, thread: str) -> None:
    event = mention(text, thread=thread, direct=direct)
    assert event is None or event.message_id == "2.0"
    parse.command(text, MAX.ref, CHANNEL, PEOPLE)
