"""Receipts as people see them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.chat import UserRef
from app.domain.spend import Purpose, Receipt
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Code,
    Heading,
    Note,
    Person,
    Rich,
    Table,
    Text,
    View,
    When,
    rich,
)
from app.errors import (
    BadAnswer,
    Capped,
    ContextTooLong,
    CutOff,
    KeyRejected,
    ModelGone,
    NoCredit,
    NoKey,
    NotPermitted,
    Overloaded,
    Paused,
    RateLimited,
    RequestRefused,
    Stopped,
    TimedOut,
    Unreachable,
)
from app.services import dollars
from app.services.explain import INTERRUPTED
from app.services.receipts import Page
from app.services.screens.usage import CSV, PAGE, RECEIPTS, SHOW, UNKNOWN, tokens
from app.services.usage_words import Wanted

PURPOSES: Mapping[Purpose, str] = {
    Purpose.ANSWER: "answer",
    Purpose.HANDOVER: "asked by another agent",
    Purpose.SUMMARY: "summary of what was said before",
    Purpose.TRIAL: "trial of a model",
}

OUTCOMES: Mapping[str, str] = {
    KeyRejected.__name__: "key rejected",
    NoCredit.__name__: "no credit",
    NoKey.__name__: "key revoked",
    NotPermitted.__name__: "model not permitted",
    RateLimited.__name__: "told to wait",
    Paused.__name__: "not called: the key rests",
    Capped.__name__: "not called: a cap of the key",
    Overloaded.__name__: "provider overloaded",
    ModelGone.__name__: "no such model",
    ContextTooLong.__name__: "too long for the model",
    RequestRefused.__name__: "request refused",
    CutOff.__name__: "broke off",
    TimedOut.__name__: "no answer in time",
    Unreachable.__name__: "provider not reached",
    BadAnswer.__name__: "answer not understood",
    Stopped.__name__: "stopped by somebody",
    INTERRUPTED: "cut off by a restart",
}


def page(shown: Page) -> View:
    """`/byok receipts`: newest first."""
    rows = tuple(_row(one, shown) for one in shown.receipts)
    whose = "What was asked by you. " if shown.own else ""
    blocks: list[Block] = [Heading("Receipts")]
    if rows:
        blocks.append(Table(("When", "Who asked whom", "Model and key", "Tokens", "Cost", "What for"), rows))
    else:
        blocks.append(Text(rich("No model was called yet.")))
    turns = [Button(RECEIPTS, "Newer", shown.newer.value)] if shown.newer else []
    turns += [Button(RECEIPTS, "Older", shown.older.value)] if shown.older else []
    turns += [Button(SHOW, "Usage"), Button(CSV, "CSV of this month", Wanted().value)]
    about = f"{whose}Every call of a provider has a receipt, with ids and numbers and nothing of what was said. ≈: the provider did not tell, so this is reckoned."
    return View(title="Receipts", context=PAGE, blocks=(*blocks, Buttons(tuple(turns)), Note(rich(about))))


def outcome(receipt: Receipt) -> str:
    """How it ended, where it did not end well."""
    return OUTCOMES.get(receipt.outcome, "failed") if receipt.outcome else ""


def _row(one: Receipt, shown: Page) -> tuple[Rich, ...]:
    agent, key = shown.agents[one.agent_id], shown.keys[one.key_id]
    asker: Rich = () if shown.own else (Person(UserRef(one.workspace, one.asker)), " → ") if one.asker else ()
    stood_in: Rich = (" instead of ", Code(one.instead_of)) if one.instead_of else ()
    ended = outcome(one)
    return (
        rich(When(one.at)),
        (*asker, *agent.shown),
        (Code(one.model), *stood_in, " · ", *key.shown),
        rich(f"{_about(one)}{tokens(one.usage, briefly=True)}"),
        rich(_cost(one)),
        rich(PURPOSES[one.purpose], *((": ", Bold(ended)) if ended else ())),
    )


def _cost(one: Receipt) -> str:
    return UNKNOWN if one.cost is None else f"{_about(one)}{dollars.shown(one.cost)}"


def _about(one: Receipt) -> str:
    return "≈ " if one.estimated else ""
