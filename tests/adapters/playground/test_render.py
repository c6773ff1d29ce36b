"""Every block of a screen has its JSON, and what a screen carries for the server stays there."""

import json

import pytest

from adapters.playground import render
from adapters.playground.room import Rooms
from adapters.playground.world import ADA, MAX
from app.domain import views
from app.domain.run import Source
from app.domain.views import Sources, View
from tests.conformance import screens

ROOMS = Rooms()
NAMES = render.Names(ROOMS.person_name, ROOMS.channel_name)
ALL = (*screens.blocks("a word", ADA.ref, "C-RANDOM"), *screens.inputs("C-RANDOM"))


@pytest.mark.parametrize("block", ALL, ids=lambda block: type(block).__name__)
def test_a_block_becomes_json_that_says_its_type(block: views.Block) -> None:
    (shown,) = render.view(View(blocks=(block,)), NAMES)["blocks"]
    assert isinstance(shown["type"], str)
    assert json.loads(json.dumps(shown)) == shown


def test_people_and_channels_are_shown_by_name_and_time_in_the_readers_own() -> None:
    (shown,) = render.view(View(blocks=(ALL[1],)), NAMES)["blocks"]
    assert {"type": "person", "name": "Ada"} in shown["text"]
    assert {"type": "channel", "name": "random"} in shown["text"]
    assert {"type": "when", "at": 1_795_435_200_000} in shown["text"]


def test_the_context_of_a_screen_stays_on_the_server() -> None:
    assert "ctx-7" not in json.dumps(render.view(View(id="f", blocks=ALL, context="ctx-7"), NAMES))


def test_a_thumb_is_shown_to_whom_it_belongs() -> None:
    post = ROOMS.add("C-RANDOM", MAX.id, "x")
    post.thumbs[ADA.id] = "good"
    assert render.message(post, ADA.id, NAMES, MAX)["feedback"] == "good"
    assert render.message(post, MAX.id, NAMES, MAX)["feedback"] is None


def test_sources_are_links_to_https_only() -> None:
    block = Sources((Source("Docs", "https://docs.example/a"), Source("Evil", "javascript:alert(1)")))
    (shown,) = render.view(View(blocks=(block,)), NAMES)["blocks"]
    assert shown["links"] == [{"text": "1. Docs (docs.example)", "url": "https://docs.example/a"}]
