"""Every block of a screen has its JSON, and what a screen carries for the server stays there."""

import json
import typing
from datetime import UTC, datetime

import pytest

from adapters.playground import render
from adapters.playground.room import Rooms
from adapters.playground.world import ADA, MAX
from app.domain import views
from app.domain.run import Source
from app.domain.views import (
    Bold,
    Button,
    Buttons,
    Channel,
    ChannelInput,
    Checkbox,
    Code,
    Confirm,
    Divider,
    Feedback,
    Fields,
    Heading,
    Level,
    Link,
    Note,
    Notice,
    Option,
    Person,
    Row,
    SecretInput,
    Select,
    SelectInput,
    Sources,
    Style,
    Table,
    Text,
    TextInput,
    Verbatim,
    View,
    When,
    rich,
)

ROOMS = Rooms()
NAMES = render.Names(ROOMS.person_name, ROOMS.channel_name)
OPTIONS = (Option("a", "A", "Group"),)
AT = datetime(2026, 1, 1, tzinfo=UTC)
ALL: tuple[views.Block, ...] = (
    Heading("Title"),
    Text(
        rich(
            "a ", Bold("b"), Code("c"), Link("d", "https://example.com"), Person(ADA.ref), Channel("C-RANDOM"), When(AT)
        )
    ),
    Note(rich("small")),
    Notice(rich("look"), Level.ERROR),
    Row(rich("row"), Button("go", "Go", "1", Style.DANGER, Confirm("Sure?", "Really?", "Yes"))),
    Row(rich("row"), Select("model", "Model", OPTIONS, key="k")),
    Row(rich("bare")),
    Fields((("Name", rich("value")),)),
    Table(("One",), ((rich("cell"),),)),
    Buttons((Button("go", "Go"),)),
    Select("model", "Model", OPTIONS),
    Divider(),
    Feedback("run-1"),
    Sources((Source("Docs", "https://docs.example/a"), Source("Evil", "javascript:alert(1)"))),
    Verbatim("a\nb"),
    TextInput("text", "Text"),
    SecretInput("key", "Key"),
    SelectInput("select", "Select", OPTIONS),
    Checkbox("check", "Check"),
    ChannelInput("channels", "Channels"),
)


def test_every_kind_of_block_is_here() -> None:
    assert {type(block) for block in ALL} == set(typing.get_args(views.Block))


@pytest.mark.parametrize("block", ALL, ids=lambda block: type(block).__name__)
def test_a_block_becomes_json_that_says_its_type(block: views.Block) -> None:
    (shown,) = render.view(View(blocks=(block,)), NAMES)["blocks"]
    assert isinstance(shown["type"], str)
    assert json.loads(json.dumps(shown)) == shown


def test_people_and_channels_are_shown_by_name_and_time_in_the_readers_own() -> None:
    (shown,) = render.view(View(blocks=(ALL[1],)), NAMES)["blocks"]
    assert {"type": "person", "name": "Ada"} in shown["text"]
    assert {"type": "channel", "name": "random"} in shown["text"]
    assert {"type": "when", "at": 1_767_225_600_000} in shown["text"]


def test_the_context_of_a_screen_stays_on_the_server() -> None:
    assert "ctx-7" not in json.dumps(render.view(View(id="f", blocks=ALL, context="ctx-7"), NAMES))


def test_a_thumb_is_shown_to_whom_it_belongs() -> None:
    post = ROOMS.add("C-RANDOM", MAX.id, "x")
    post.thumbs[ADA.id] = "good"
    assert render.message(post, ADA.id, NAMES, MAX)["feedback"] == "good"
    assert render.message(post, MAX.id, NAMES, MAX)["feedback"] is None


def test_sources_are_links_to_https_only() -> None:
    (block,) = (block for block in ALL if isinstance(block, Sources))
    (shown,) = render.view(View(blocks=(block,)), NAMES)["blocks"]
    assert shown["links"] == [{"text": "1. Docs (docs.example)", "url": "https://docs.example/a"}]
