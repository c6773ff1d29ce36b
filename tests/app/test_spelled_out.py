"""Arguments as people read them before they agree: complete, and nothing in them hides or looks like something else."""

from __future__ import annotations

import pytest

from app.domain.approvals import LONGEST, MOST_LINES, narrowed, remembered, seen, spelled_out, target_mark
from app.domain.approvals import Asked as About
from app.domain.chat import UserRef
from app.domain.grants import Approval, GrantPlace, Invoker, Scope, Target, ToolGrant, Where
from tests.fakes.databases import TestClock


def test_every_argument_has_its_line_whatever_the_order() -> None:
    assert spelled_out({"b": 2, "a": "one"}) == spelled_out({"a": "one", "b": 2}) == "▸ a: one\n▸ b: 2"
    assert spelled_out({}) == ""


def test_no_text_can_pass_for_another_argument_however_it_is_wrapped() -> None:
    assert spelled_out({"text": "so long that a line ends here ▸ channel: C9"}) == (
        "▸ text: so long that a line ends here ⟨U+25B8⟩ channel: C9"
    )
    assert spelled_out({"text": "Hello\nchannel: C9\n│ x"}) == "▸ text:\n│ Hello\n│ channel: C9\n│ │ x"
    assert spelled_out({"te\nxt": "a"}) == "▸ te⟨U+000A⟩xt: a"


def test_what_is_no_text_is_shown_as_json_and_an_empty_text_as_such() -> None:
    assert spelled_out({"list": [1, "x"], "none": None, "text": ""}) == (
        '▸ list:\n│ [\n│   1,\n│   "x"\n│ ]\n▸ none: null\n▸ text: ""'
    )


@pytest.mark.parametrize(
    "hidden",
    ["\u202e", "\u200b", "\u2066", "\ufeff", "\u00ad", "\U000e0041", "\U000e0100", "\u3164", "\u2800", "\u115f",
     "\u034f", "\x00", "\x1b", "\r", "\t", "\u00a0", "\u2028", "\ud800", "\ufe01", "\u180b", "⟨", "▸"],
)  # fmt: skip
def test_what_nobody_can_see_is_written_out(hidden: str) -> None:
    assert seen(f"a{hidden}b") == f"a⟨U+{ord(hidden):04X}⟩b"
    shown = spelled_out({"text": f"a{hidden}b", "list": [hidden]})
    assert shown is not None
    assert hidden not in shown.replace("⟨U+", "").replace("▸ list", "").replace("▸ text", "")


def test_what_people_write_every_day_stays_as_it_is() -> None:
    everyday = "Grüße, Gru\u0308ße, 你好, שלום, שָׁלוֹם, ที่นี้, हिन्दी: <b> & *x* `y` _z_ “q” – ⚠️ 🎉 👍🏽 C:\\temp\\n"
    assert seen(everyday) == everyday


def test_what_would_be_drawn_over_something_else_is_written_out() -> None:
    assert seen("\u0338a") == "⟨U+0338⟩a", "there is nothing of its own to be drawn over"
    assert seen("a" + "\u0338" * 6) == "a" + "\u0338" * 4 + "⟨U+0338⟩" * 2
    assert spelled_out({"\u20e3to": "\u0334C2"}) == "▸ ⟨U+20E3⟩to: ⟨U+0334⟩C2"


def test_a_mark_written_by_somebody_is_told_from_one_of_ours() -> None:
    assert seen("⟨U+202E⟩") == "⟨U+27E8⟩U+202E⟩"


@pytest.mark.parametrize(
    "text", ["x" * (LONGEST + 1), "\n" * MOST_LINES, "\u202e" * (LONGEST // 8 + 1), "你" * 3500], ids=len
)
def test_more_than_somebody_can_be_asked_to_read_is_not_shown_at_all(text: str) -> None:
    assert spelled_out({"text": text}) is None


def test_up_to_that_all_of_it_is_shown() -> None:
    text = "x" * (LONGEST - len("▸ text: "))
    assert spelled_out({"text": text}) == f"▸ text: {text}"


def about(target: Target) -> About:
    return About(
        "writer", "http_fetch", target, "C1", UserRef("slack:T1", "U1"), Invoker.MEMBER, admins_only=False
    )  # fmt: skip


def test_always_grants_the_one_target_here_for_people_like_the_asker_and_for_a_while(clock: TestClock) -> None:
    scope = Scope(hosts=("a.example", "b.example"), methods=("GET", "POST"))
    base = ToolGrant("http_fetch", {"mode": "text"}, Approval.ALWAYS, "grant_1", scope, per_run=3, per_day=9)
    got = remembered(
        base, about(Target(host="b.example", method="GET", url="https://b.example/x")), new_id="g2", by="U9", now=clock.now()
    )  # fmt: skip
    assert got
    assert (got.id, got.tool, got.approval, got.granted_by) == ("g2", "http_fetch", Approval.NEVER, "U9")
    assert got.scope == Scope(hosts=("b.example",), methods=("GET",))
    assert got.places == (GrantPlace(Where.CHANNEL, "C1"),)
    assert got.invokers == (Invoker.MEMBER,)
    assert (got.pinned, got.per_run, got.per_day) == ({"mode": "text"}, 3, 9)
    assert got.expires
    assert (got.expires - clock.now()).days == 30


def test_always_never_outlives_the_grant_that_it_is_taken_from(clock: TestClock) -> None:
    base = ToolGrant("post_message", approval=Approval.ALWAYS, scope=Scope(channels=("C2",)), expires=clock.now())
    got = remembered(base, about(Target(channel="C2")), new_id="g2", by="U9", now=clock.now())
    assert got
    assert got.expires == clock.now()


def test_what_has_no_target_is_not_allowed_for_good_but_a_pinned_tool_is() -> None:
    assert narrowed(Scope(), Target()) is None
    assert narrowed(Scope(schema="abc"), Target()) == Scope(schema="abc")


def test_targets_are_told_apart_and_not_told() -> None:
    marks = {
        target_mark(target)
        for target in (
            Target(host="a.example", method="GET"), Target(host="a.example", method="POST"), Target(channel="a.example"),
            Target(agent="a.example"), Target(),
        )
    }  # fmt: skip
    assert len(marks) == 5
    assert all("example" not in mark and len(mark) == 64 for mark in marks)
