"""Screens of changing a model, trying two, stand-ins and models that end, on every platform: each can be drawn, however long names and answers are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.playground import render as playground
from adapters.playground.room import Rooms
from adapters.slack import render as slack
from adapters.teams import render as teams
from adapters.teams.cards import Names
from app.domain.agent import AgentSpec, Fallback
from app.domain.keys import KeyStatus, ProviderKey
from app.domain.money import Cost, TokenPrices
from app.domain.run import ModelInfo, Usage
from app.domain.views import Option, View
from app.services.comparison import Difference, Side
from app.services.model_menu import Chosen
from app.services.screens import model_change as screens
from app.services.screens import stand_ins
from app.services.trials import Told, Trial
from tests.fakes.slack.blocks import check_message, check_view

LONG = "vendor/" + "m" * 190
KEY = ProviderKey(
    "key_1", "slack:T1", "compatible", "l" * 40, "https://models.example/v1", "aaaa", "f" * 32,
    KeyStatus.VERIFIED, 2, True, "U1", datetime(2026, 11, 23, 12, tzinfo=UTC),
)  # fmt: skip
AGENT = AgentSpec(
    "agent_" + "x" * 24, "slack:T1", "a" * 32, "d" * 300, "i" * 3000, provider="compatible", model=LONG,
    fallbacks=tuple(Fallback("compatible", f"{LONG[:-1]}{n}") for n in range(3)),
)  # fmt: skip
MODELS = tuple(Option(f"compatible/model-{n}", f"Model {n} of a rather long name", "A server") for n in range(400))
CHOSEN = Chosen("compatible", LONG, "")
KNOWN = Side(
    LONG, "compatible", "OpenAI-compatible server",
    ModelInfo(LONG, context_window=1_000_000, lifecycle="deprecated", retires_on="2026-12-24", images=True),
    TokenPrices(Decimal("0.0042"), Decimal(1000)), Cost(Decimal("1234.5"), floor=True), KEY,
)  # fmt: skip
UNKNOWN = Side(LONG, "compatible", "OpenAI-compatible server", ModelInfo(LONG), None, None, KEY)
TOLD = Told(
    "An answer & <@U1> *more* " * 500, Usage(12_345, 400), 59.9, Cost(Decimal("0.0123")), "cut off at its limit here"
)
END = screens.Ending("Anthropic", LONG, "deprecated", "2026-12-24")
MESSAGES = {
    "difference": screens.difference(Difference(AGENT, CHOSEN, KNOWN, UNKNOWN)),
    "difference the other way": screens.difference(Difference(AGENT, CHOSEN, UNKNOWN, KNOWN)),
    "picker": screens.picker(AGENT, MODELS, CHOSEN.value),
    "kept": screens.kept(AGENT),
    "changed": screens.changed(Difference(AGENT, CHOSEN, KNOWN, UNKNOWN)),
    "asking": screens.asking(Difference(AGENT, CHOSEN, KNOWN, UNKNOWN)),
    "tried": screens.tried(Trial(AGENT, CHOSEN, (LONG, LONG), ("q" * 1000,) * 2, ((TOLD, Told()),) * 2)),
    "ends": screens.warning(END, [AGENT] * 50, [AGENT] * 50, Difference(AGENT, CHOSEN, KNOWN, UNKNOWN)),
    "gone": screens.warning(screens.Ending("Anthropic", LONG, "gone"), [AGENT], [], None),
    "stand-ins": stand_ins.page([AGENT] * 50),
    "section": View(blocks=stand_ins.section([AGENT] * 50)),
    "saved": stand_ins.saved(AGENT),
}
FORMS = {
    "questions": screens.try_form(Difference(AGENT, CHOSEN, KNOWN, UNKNOWN)),
    "chain": stand_ins.form(AGENT, stand_ins.offered(MODELS, {CHOSEN.value: LONG}), [MODELS[0].value]),
    "short lists": stand_ins.form(AGENT, stand_ins.offered(MODELS[:20], {}), []),
}
LARGEST_CARD = 28 * 1024


@pytest.mark.parametrize("view", MESSAGES.values(), ids=MESSAGES)
def test_every_screen_can_be_drawn(view: View) -> None:
    check_message(slack.message(view))
    check_view(slack.modal(view))
    assert len(json.dumps(teams.message(view, Names()))) < LARGEST_CARD
    assert playground.view(view, _names())["blocks"]


@pytest.mark.parametrize("view", FORMS.values(), ids=FORMS)
def test_every_form_can_be_drawn(view: View) -> None:
    check_view(slack.modal(view))
    assert len(json.dumps(teams.dialog(view, Names()))) < LARGEST_CARD
    assert playground.view(view, _names())["blocks"]


def _names() -> playground.Names:
    rooms = Rooms()
    return playground.Names(rooms.person_name, rooms.channel_name)
