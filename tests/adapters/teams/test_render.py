"""Screens as Adaptive Cards: everything shown, nothing that somebody wrote can be markup, nothing too large."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.teams import render
from adapters.teams.cards import Names, channels_in
from adapters.teams.handle import CONTEXT, FORM, OPENER, OPENER_VALUE, OURS, SECRET_PREFIX
from adapters.teams.payload import Json
from app.domain.chat import UserRef
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Channel,
    Code,
    Divider,
    Feedback,
    Fields,
    Heading,
    Note,
    Person,
    Row,
    Select,
    Table,
    Text,
    TextInput,
    Verbatim,
    View,
    rich,
)
from tests.adapters.teams.wire import text_of
from tests.conformance import screens
from tests.conformance.screens import FEW, MANY

ANN = UserRef("teams:t1", "ann")
NAMES = Names({ANN: "Ann"}, {"19:a@thread.tacv2": "general"})
CHANNEL = "19:a@thread.tacv2"
INPUTS = screens.inputs(CHANNEL)
EVERYTHING = screens.blocks("a word", ANN, CHANNEL)


def body(*blocks: Block) -> list[Json]:
    made: list[Json] = render.message(View(blocks=blocks), NAMES)["body"]
    return made


def form(*blocks: Block, **more: Any) -> Json:
    view = View(blocks=blocks, title="A form", id="f1", submit="Save", context="c1")
    return render.dialog(view, NAMES, **more)


def test_everything_is_shown() -> None:
    words = text_of([render.message(page, NAMES) for page in render.pages(View(blocks=EVERYTHING), NAMES)])
    assert "fit here" not in words
    line = "a worda worda worda wordAnn#general2026-11-23 12:00 UTC"
    for one in (f"\n{line}\n", f"⚠️  {line}", f"a word: {line}", "👍", "👎", "1. a word (docs.example)"):
        assert one in words


def test_what_somebody_wrote_is_no_markup() -> None:
    evil = "**bold** [bank](https://e.vil) {{DATE(2026-01-01T00:00:00Z)}} <at>Ann</at>"
    for block in (Text(rich(evil)), Heading(evil), Table((evil,), ((rich(evil),),)), Fields(((evil, rich(evil)),))):
        made = json.dumps(body(block))
        assert '"TextBlock"' not in made
        assert '"FactSet"' not in made
        assert "{{" not in made
        assert '"Action.OpenUrl"' not in made


def test_a_line_break_is_one() -> None:
    first, second, third = body(Text(rich("One\n", Bold("Two\nThree"))))
    assert [text_of(one) for one in (first, second, third)] == ["One", "Two", "Three"]
    assert len(body(Text(rich("One\n", Bold("Two"), "\n")))) == 2
    assert [one.get("spacing") for one in (first, second, third)] == [None, "None", "None"]
    assert third["inlines"][0]["weight"] == "Bolder"


def test_a_line_is_drawn_above_what_follows_it() -> None:
    first, second = body(Text(rich("One")), Divider(), Text(rich("Two")))
    assert ("separator" in first, second["separator"]) == (False, True)
    assert len(body(Text(rich("One")), Divider())) == 1


def test_a_button_says_how_it_is_answered() -> None:
    (row,) = body(Buttons((Button("go", "Go", "1"), Button("edit", "Edit", "2", opens=True))))
    go, edit = row["actions"]
    assert (go["type"], go["verb"], go["data"]) == ("Action.Execute", "go", {OURS: {"a": "go", "v": "1"}})
    assert (edit["type"], edit["data"]["msteams"]) == ("Action.Submit", {"type": "task/fetch"})


def test_within_a_dialog_every_button_is_sent_to_it() -> None:
    opener = {OPENER: "edit", OPENER_VALUE: "2"}
    card = form(TextInput("x", "X"), Buttons((Button("go", "Go", "1"),)), opener=opener)["card"]["content"]
    (go,) = card["body"][-1]["actions"]
    assert (go["type"], go["associatedInputs"]) == ("Action.Submit", "None")
    assert go["data"] == {OURS: {"a": "go", "v": "1", CONTEXT: "c1"} | opener}
    assert [one["data"] for one in card["actions"]] == [{OURS: {FORM: "f1", CONTEXT: "c1"} | opener}]


def test_a_long_button_stands_below_its_text_where_a_phone_has_room_for_it() -> None:
    (beside,) = body(Row(rich("A text"), Button("add", "Add a key")))
    assert beside["type"] == "ColumnSet"
    text, below = body(Row(rich("A text"), Button("add", "Choose for a channel")))
    assert (text["type"], below["type"]) == ("RichTextBlock", "ActionSet")


def test_a_command_is_shown_as_one_types_it_in_teams() -> None:
    shown = text_of(body(Text(rich(Code("/byok keys"), ", ", Code("/byok admins add @person"), ", ", Code("a/byok")))))
    assert shown == "byok keys, @Latchkey byok admins add @person, a/byok"
    assert render.beneath((View(blocks=(Note(rich(Code("/byok setkey"))),)),), NAMES)[0] == "byok setkey"


def test_a_row_of_many_columns_says_what_there_is() -> None:
    (row,) = body(Table(("A", "B", "C", "D"), ((rich("a"), rich(""), rich("c"), ()),)))
    assert text_of(row) == "a · c"


def test_a_list_has_room_between_its_lines_and_a_sentence_has_none() -> None:
    assert {one.get("spacing") for one in body(Text(rich("1\n2\n3\n4\n5")))[1:]} == {"Small"}
    assert {one.get("spacing") for one in body(Text(rich("1\n2")))[1:]} == {"None"}


def test_inputs_stand_in_forms_only() -> None:
    assert "Input." not in json.dumps(body(*INPUTS))
    assert "Input." not in json.dumps(render.dialog(View(blocks=INPUTS, title="To read"), NAMES))
    found = {one["id"]: one for one in form(*INPUTS)["card"]["content"]["body"] if one["type"].startswith("Input.")}
    assert set(found) == {"name", "long", f"{SECRET_PREFIX}key", "provider", "model", "flag", "channels:channels"}
    assert (found["name"]["value"], found["name"]["isRequired"], found["long"]["maxLength"]) == ("x" * 400, True, 9000)
    assert (found["provider"]["value"], found["provider"]["isRequired"]) == ("b", True)
    assert (found["model"]["value"], "isRequired" in found["model"]) == ("p/model-149", False)
    assert (found["flag"]["value"], found["channels:channels"]["value"]) == ("yes", CHANNEL)
    assert found["flag"]["wrap"]


def test_a_secret_is_masked_and_never_shown_again() -> None:
    view = View(blocks=INPUTS, title="A form", id="f1", submit="Save")
    again = render.filled(
        view, {"name": "Owl", "key": "sk-test", "provider": "a", "channels": "19:b@thread.tacv2 19:c@thread.tacv2"}
    )
    made = render.dialog(again, NAMES, errors={"key": "Refused"})["card"]["content"]["body"]
    secret = next(one for one in made if one.get("id") == f"{SECRET_PREFIX}key")
    assert secret["style"] == "Password"
    assert "sk-test" not in json.dumps(made)
    assert ("Owl" in json.dumps(made), '"value": "a"' in json.dumps(made)) == (True, True)
    assert next(text_of(one) for one in made if one.get("id") == "error:key") == "⛔ Refused"
    assert next(one for one in made if one.get("id") == "flag").get("value") is None


def test_a_long_choice_is_asked_for_while_one_types() -> None:
    (_, row) = body(Select("model", "Model", MANY, "p/model-170", key="a1"))
    choice = row["columns"][0]["items"][0]
    assert (choice["style"], choice["value"]) == ("filtered", "p/model-170")
    assert choice["choices.data"] == {"type": "Data.Query", "dataset": "latchkey|model:a1|"}
    assert choice["choices"][0] == {"title": "Model 170", "value": "p/model-170"}
    assert len(choice["choices"]) < 10


def test_several_long_choices_do_not_make_a_card_too_large() -> None:
    blocks = tuple(Select("model", f"Agent {n}", MANY[:50], "p/model-1", key=str(n)) for n in range(10))
    card = render.message(View(blocks=blocks), NAMES)
    assert len(json.dumps(card)) < 12_000
    assert json.dumps(card).count("Data.Query") == 9


def test_a_group_stands_before_its_options() -> None:
    (_, row) = body(Select("tone", "Tone", FEW))
    assert [one["title"] for one in row["columns"][0]["items"][0]["choices"]] == ["Vendor · Alpha", "Beta"]


def test_what_is_too_much_for_a_card_is_several() -> None:
    section: tuple[Block, ...] = (Heading("Part"), *(Text(rich("x" * 300)) for _ in range(12)), Divider())
    pages = render.pages(View(blocks=section * 20, context="c"), NAMES)
    assert len(pages) > 2
    assert sum(isinstance(b, Heading) for page in pages for b in page.blocks) == 20
    for page in pages:
        assert "do not fit" not in text_of(render.message(page, NAMES))
        assert isinstance(page.blocks[0], Heading)
        assert page.context == "c"


def test_a_section_that_fits_no_card_is_cut_between_its_blocks() -> None:
    pages = render.pages(View(blocks=tuple(Text(rich(f"<{n}>", "x" * 900)) for n in range(60))), NAMES)
    assert len(pages) > 2
    assert "".join(text_of(render.message(page, NAMES)) for page in pages).count("<") == 60


def test_a_small_screen_is_one_page() -> None:
    view = View(blocks=(Heading("Keys"), Text(rich("None yet.")), Feedback("run-1")))
    assert render.pages(view, NAMES) == (view,)


def test_what_fits_nowhere_is_named_as_left_out() -> None:
    card = render.message(View(blocks=tuple(Text(rich("x" * 900)) for _ in range(60))), NAMES)
    assert len(json.dumps(card)) < render.LARGEST
    assert "more that do not fit here" in text_of(card)


def test_a_summary_is_plain_words() -> None:
    view = View(blocks=(Heading("Keys"), Text(rich("By ", Person(ANN), " in ", Channel(CHANNEL)))), title="All")
    assert render.summary(view, NAMES) == "All\nKeys\nBy Ann in #general"
    assert render.summary(View(blocks=()), NAMES) == "Latchkey"


def test_thumbs_are_teams_own_under_an_answer() -> None:
    views = (View(blocks=(Note(rich("model-1")), Feedback("r"))), View(blocks=(Feedback("r"),)))
    assert render.beneath(views, NAMES) == ("model-1", None)
    assert render.asks_feedback(views)
    assert not render.asks_feedback((View(blocks=(Note(rich("x")),)),))


@pytest.mark.parametrize(
    "typed",
    [
        "19:ab_c-1@thread.tacv2",
        "https://teams.microsoft.com/l/channel/19%3Aab_c-1%40thread.tacv2/General?groupId=x&tenantId=y",
        "see https://teams.microsoft.com/l/message/19:ab_c-1@thread.tacv2/1783000000000 twice 19:ab_c-1@thread.tacv2",
    ],
)
def test_a_channel_is_known_by_its_link(typed: str) -> None:
    assert channels_in(typed) == ("19:ab_c-1@thread.tacv2",)


def test_what_is_no_channel_is_none() -> None:
    assert channels_in("general, #random https://e.vil/19:x") == ()


def test_what_must_be_seen_exactly_is_shown_line_by_line_as_code() -> None:
    (box,) = body(Verbatim("channel: C1\n│ *b* [x](https://evil.example)"))
    lines = [[(run["text"], run["fontType"]) for run in line["inlines"]] for line in box["items"]]
    assert lines == [[("channel: C1", "Monospace")], [("│ *b* [x](https://evil.example)", "Monospace")]]
