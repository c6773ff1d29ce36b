"""The button that lets a cut answer go on stands under the answer on every platform, and says which run it is of."""

from __future__ import annotations

import json

from adapters.playground import render as playground
from adapters.playground.room import Rooms
from adapters.slack import render as slack
from adapters.teams import render as teams
from adapters.teams.cards import Names
from app.domain.run import RunFinished, Stop
from app.domain.views import Feedback, View
from app.services import explain
from tests.fakes.slack.blocks import check_message

CUT = View(blocks=(*explain.ended(RunFinished("One, two,", stop=Stop.LENGTH), "run-7"), Feedback("run-7")))


def test_it_is_drawn_with_what_it_is_for() -> None:
    blocks = slack.under_answer([CUT])
    check_message(blocks)
    _, card = teams.beneath([CUT], Names())
    rooms = Rooms()
    page = playground.view(CUT, playground.Names(rooms.person_name, rooms.channel_name))
    for drawn in map(json.dumps, (blocks, card, page)):
        assert all(f'"{word}"' in drawn for word in ("continue", "Continue", "run-7"))


def test_a_whole_answer_has_none() -> None:
    assert explain.ended(RunFinished("One, two, three."), "run-7") == ()
