"""Screens of rotating a key, on every platform: each can be drawn, however much there is to name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.models.compatible import Compatible
from adapters.models.http import ModelHttp
from adapters.playground import render as playground
from adapters.playground.room import Rooms
from adapters.slack import render as slack
from adapters.teams import render as teams
from adapters.teams.cards import Names
from app.domain.keys import KeyStatus, ProviderKey, SpareKey, Which
from app.domain.views import Heading, View
from app.errors import KeyRejected, ModelGone, NotPermitted, Unreachable
from app.services.key_trials import KeptFrom, Tried
from app.services.rotation_outcomes import BeingTried, NeedsWord, Overtaken, Rotated, TurnedDown
from app.services.screens import rotation as screens
from tests.fakes.slack.blocks import check_message, check_view

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = ProviderKey(
    "key_1", "slack:T1", "compatible", "l" * 40, "https://models.example/v1", "aaaa", "f" * 32,
    KeyStatus.VERIFIED, 2, True, "U1", NOW,
)  # fmt: skip
BEFORE = SpareKey(
    "key_1", Which.PREVIOUS, "slack:T1", 1, "", "bbbb", "e" * 32, KeyStatus.VERIFIED, "U1", NOW, "U1", 24,
    NOW + timedelta(hours=24),
)  # fmt: skip
NEXT = replace(BEFORE, which=Which.NEXT, version=3, last_four="cccc")
TRYING = replace(NEXT, next_try_at=NOW)
NAMES = tuple(f"agent-number-{n}" for n in range(60))
MODELS = tuple(f"vendor/model-{n}-" + "x" * 160 for n in range(40))
USES = dict.fromkeys(MODELS, NAMES)
KEPT_FROM = tuple(KeptFrom(model, NAMES, NotPermitted() if at % 2 else ModelGone()) for at, model in enumerate(MODELS))
MESSAGES = {
    "rotated": screens.outcome("Anthropic", Rotated(KEY, BEFORE, (BEFORE,), MODELS)),
    "being tried": screens.outcome("Anthropic", BeingTried(KEY, TRYING, Unreachable())),
    "needs a word": screens.outcome("Anthropic", NeedsWord(KEY, NEXT, Tried(kept_from=KEPT_FROM, unchecked=MODELS))),
    "no credit": screens.outcome("Anthropic", NeedsWord(KEY, replace(NEXT, status=KeyStatus.NO_CREDIT), Tried())),
    "turned down": screens.outcome("Anthropic", TurnedDown(KEY, NEXT)),
    "overtaken": screens.outcome("Anthropic", Overtaken(KEY)),
    "undone": screens.undone("Anthropic", KEY, KEY),
    "dropped": screens.dropped("Anthropic", KEY.label, BEFORE),
    "given up": screens.dropped("Anthropic", KEY.label, NEXT),
    "switched back": screens.switched_back("Anthropic", KEY, KEY, KeyRejected()),
    "ran out": screens.ran_out("Anthropic", KEY, TRYING),
    "choice": screens.choice([("Anthropic", KEY)] * 20, undo=False),
    "beside": View(blocks=(Heading("Keys"), *screens.beside(KEY, (BEFORE, NEXT)), *screens.beside(KEY, (TRYING,)))),
    "beside in a line": View(blocks=screens.beside_in_a_line(KEY, (BEFORE, NEXT))),
}


@pytest.mark.parametrize("view", MESSAGES.values(), ids=MESSAGES)
def test_every_screen_can_be_drawn(view: View) -> None:
    check_message(slack.message(view))
    assert teams.message(view, Names())["body"]
    assert playground.view(view, _names())["blocks"]


@pytest.mark.parametrize("uses", [{}, USES], ids=["nobody", "many"])
async def test_the_form_can_be_drawn(uses: dict[str, tuple[str, ...]]) -> None:
    http = ModelHttp()
    view = screens.form(KEY, Compatible(http), uses, (BEFORE, NEXT))
    await http.aclose()
    check_view(slack.modal(view))
    assert teams.dialog(view, Names())["card"]
    assert playground.view(view, _names())["blocks"]


def test_a_model_without_a_name_is_its_providers_best() -> None:
    assert "best model" in str(screens.form(KEY, Compatible(ModelHttp()), {"": ("writer",)}, ()).blocks[0])


def _names() -> playground.Names:
    rooms = Rooms()
    return playground.Names(rooms.person_name, rooms.channel_name)
