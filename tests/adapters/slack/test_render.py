"""Every screen is one that Slack takes, and nothing in it that a person wrote is markup."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from adapters.slack import render
from app.domain.chat import UserRef
from app.domain.run import Source
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Channel,
    Code,
    Divider,
    Fields,
    Heading,
    Option,
    Person,
    SecretInput,
    Select,
    Sources,
    Table,
    Text,
    Verbatim,
    View,
    When,
    rich,
)  # fmt: skip
from tests.conformance import screens
from tests.conformance.screens import MANY
from tests.fakes.slack.blocks import check_message, check_view

MEAN = "<!channel> *b* _i_ ~s~ `c` & <https://e.vil|x> <@U1>\n> q"
ANN = UserRef("slack:T1", "U7")
INPUTS = screens.inputs("C1")


@pytest.mark.parametrize("text", ["plain", MEAN, "x" * 5000, "🦊" * 40, "a"])
@pytest.mark.parametrize("inputs", [(), INPUTS])
def test_slack_takes_every_screen(text: str, inputs: tuple[Block, ...]) -> None:
    view = View(
        screens.blocks(text, ANN, "C1") + inputs, title=text[:60], id="form", submit=text[:60], context="c" * 200
    )
    check_message(render.message(view))
    check_message(render.under_answer((view,)), most=48)
    check_view(render.home(view))
    check_view(render.modal(view, "C1"))
    check_view(render.modal(View(view.blocks, title="")))


@pytest.mark.parametrize("count", [0, 49, 50, 51, 100, 101, 400])
def test_a_screen_too_long_for_slack_says_so(count: int) -> None:
    view = View(tuple(Text(rich(f"line {n}")) for n in range(count)), title="Long", submit="Go")
    for blocks, most in (
        (render.message(view), 50),
        (render.home(view)["blocks"], 100),
        (render.modal(view)["blocks"], 100),
    ):
        assert 1 <= len(blocks) <= most
        assert ("more that do not fit" in str(blocks[-1])) == (count > most)


def test_what_somebody_wrote_is_never_markup() -> None:
    view = View(screens.blocks(MEAN, ANN, "C1"))
    for block in (*render.message(view, ringing=True), *render.home(view)["blocks"]):
        for text in _mrkdwn(block):
            assert "<!channel" not in text
            assert "<@U1>" not in text
            assert "<https://e.vil" not in text
            assert "*b*" not in text


def test_a_person_is_named_without_being_rung_where_others_read() -> None:
    view = View((Text(rich("by ", Person(ANN))),))
    assert "<@U7>" in json.dumps(render.message(view))
    assert "<@U7>" not in json.dumps(render.message(view, ringing=True))
    assert "U7" in json.dumps(render.under_answer((view,)))


def test_above_a_hundred_options_the_person_types() -> None:
    (section,) = render.home(View((Select("model", "Model", MANY, MANY[120].value, key="a1"),)))["blocks"]
    made = section["accessory"]
    assert (made["type"], made["action_id"], made["min_query_length"]) == ("external_select", "model:a1", 0)
    assert made["initial_option"] == {
        "text": {"type": "plain_text", "text": "Model 120", "emoji": True},
        "value": "p/model-120",
    }


def test_a_secret_input_has_no_value_and_says_that_it_is_seen() -> None:
    (made,) = render.modal(View((SecretInput("key", "API key", hint="From the console."),), submit="Save"))["blocks"]
    assert "initial_value" not in made["element"]
    assert "can't hide" in made["hint"]["text"]


def test_buttons_of_one_id_in_one_row_get_their_own() -> None:
    (row,) = render.message(
        View((Buttons((Button("revoke", "A", "1"), Button("revoke", "B", "2"), Button("test", "C"))),))
    )
    assert [e["action_id"] for e in row["elements"]] == ["revoke", "revoke#1", "test"]


def test_a_second_table_and_one_on_home_become_aligned_text() -> None:
    table = Table(("Model", "Tokens"), ((rich("m-1"), rich("12")), (rich("model-2"), rich("7"))))
    first, second = render.message(View((table, table)))
    assert first["type"] == "table"
    assert second["text"]["text"].splitlines()[1:3] == ["Model    Tokens", "m-1      12"]
    (home,) = render.home(View((table,)))["blocks"]
    assert home["text"]["text"].startswith("```")


def test_a_summary_is_what_a_notification_says() -> None:
    view = View(
        (Heading("Keys"), Text(rich("You have ", Bold("two"))), Fields((("Provider", rich("openai")),)), Divider()),
        title="T",
    )
    assert render.summary(view) == "T\nKeys\nYou have two\nProvider: openai"
    assert render.summary(View((Divider(),))) == "Latchkey"
    assert render.summary(View((Text(rich("<!here> R&D")),))) == "&lt;!here&gt; R&amp;D"


def test_options_are_offered_in_their_groups_and_no_more_than_a_hundred() -> None:
    assert len(render.groups_or_options(MANY)["options"]) == 100
    grouped = render.groups_or_options((Option("a", "A", "G"), Option("b", "B", "H"), Option("c", "C", "G")))
    assert [len(group["options"]) for group in grouped["option_groups"]] == [2, 1]
    assert render.groups_or_options(()) == {"options": []}


def _mrkdwn(value: object) -> list[str]:
    if isinstance(value, dict):
        own: list[str] = [value["text"]] if value.get("type") == "mrkdwn" else []
        return own + [text for inner in value.values() for text in _mrkdwn(inner)]
    return [text for inner in value for text in _mrkdwn(inner)] if isinstance(value, list) else []


def test_a_home_full_of_selects_stays_within_what_slack_takes() -> None:
    options = tuple(Option(f"compatible@{n:03}/{'m' * 130}", f"{n:03} {'l' * 71}", "Server") for n in range(100))
    selects = tuple(Select("model", f"Model {n}", options, options[n].value, key=f"a{n}") for n in range(10))
    for few in (options[:50], options):
        view = View(tuple(Select("model", "Model", few, few[0].value, key=one.key) for one in selects))
        assert len(json.dumps(render.home(view)).encode()) < 250_000


def test_sources_are_links_that_say_where_they_lead() -> None:
    found = (Source("Docs <!here>", "https://docs.example/a?b=1&c=2"), Source("Evil", "javascript:alert(1)"))
    (block,) = render.under_answer((View((Sources((*found, Source("", "https://b.example"))),)),))
    assert block["type"] == "context"
    (element,) = block["elements"]
    first = "<https://docs.example/a?b=1&amp;c=2|1. Docs &lt;!here&gt; (docs.example)>"
    assert element["text"] == f"Sources: {first} · <https://b.example|3. b.example>"


def test_what_must_be_seen_exactly_is_shown_as_it_is() -> None:
    made = render.message(View((Verbatim(f"channel: C1\n│ {MEAN}"),)), ringing=True)
    check_message(made)
    (preformatted,) = made[0]["elements"]
    assert preformatted == {
        "type": "rich_text_preformatted",
        "elements": [{"type": "text", "text": f"channel: C1\n│ {MEAN}"}],
    }


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WHO = Table(
    ("Person", "Where", "When", "Model", "Cost"),
    ((rich(Person(UserRef("slack:T1", "U2"))), rich(Channel("C1")), rich(When(NOON)), rich(Code("m-1"), " · x"), rich("$1.20")),),
)  # fmt: skip


def test_people_channels_and_moments_in_a_table_are_shown_as_slack_shows_them() -> None:
    (made,) = render.message(View((WHO,)))
    _, row = made["rows"]
    elements = [[one["type"] for one in cell["elements"][0]["elements"]] for cell in row[:4]]
    assert elements == [["user"], ["channel"], ["date"], ["text", "text"]]
    assert row[0]["elements"][0]["elements"][0]["user_id"] == "U2"
    assert row[4] == {"type": "raw_text", "text": "$1.20"}


def test_nobody_named_in_a_table_that_others_read_is_rung() -> None:
    (made,) = render.message(View((WHO,)), ringing=True)
    assert made["rows"][1][0]["elements"][0]["elements"] == [{"type": "text", "text": "U2"}]


def test_where_there_are_no_tables_people_are_named_in_lines() -> None:
    (made,) = render.home(View((WHO,)))["blocks"]
    heads, line = made["text"]["text"].splitlines()
    assert heads == "*Person · Where · When · Model · Cost*"
    assert line.startswith("<@U2> · <#C1> · <!date^")
    assert line.endswith("`m-1` · x · $1.20")


def test_a_table_that_is_too_large_is_lines_too() -> None:
    long = Table(("A", "B"), (*tuple((rich(f"row {n}"), rich("x" * 40)) for n in range(99)), (rich("y" * 5000), rich(Channel("C1")))))  # fmt: skip
    made = render.message(View((long,)))
    assert {one["type"] for one in made} == {"section"}
    assert all(len(one["text"]["text"]) <= 3000 for one in made)
