"""Prices of models, as admins see and enter them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from app.domain.money import TokenPrices
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Code,
    Confirm,
    Heading,
    Level,
    Note,
    Notice,
    Option,
    Rich,
    Row,
    SelectInput,
    Style,
    Text,
    TextInput,
    View,
    rich,
)
from app.services.dollars import plain
from app.services.dollars import shown as dollars
from app.services.model_prices import LONGEST_MODEL, PricedModel
from app.services.screens.words import agent_names, many

ENTER = "price_enter"
REMOVE = "price_remove"
FORM = "price_save"

MOST_SHOWN = 20

_WHEN = "A price counts from the next call on. What was called before keeps what its receipt says."


def page(models: Sequence[PricedModel], titles: Mapping[str, str]) -> View:
    """`/byok prices`; `titles` are the providers'."""
    blocks: list[Block] = [Heading("Prices of models")]
    blocks += [_row(one, titles) for one in models[:MOST_SHOWN]]
    if not models:
        blocks.append(Text(rich("No agent has a model of its own choice, and none was called without a price.")))
    if len(models) > MOST_SHOWN:
        blocks.append(Note(rich(f"… and {many(len(models) - MOST_SHOWN, 'model')} more.")))
    enter = Button(ENTER, "Enter a price", style=Style.PRIMARY, opens=True)
    blocks += [
        Buttons((enter,)),
        Note(rich(f"In US dollars for a million tokens. An own price counts before the public list. {_WHEN}")),
    ]
    return View(title="Prices", blocks=tuple(blocks))


def form(providers: Sequence[Option], provider: str, model: str, before: TokenPrices | None) -> View:
    """Enter or change a price."""
    return View(
        title="Price of a model",
        id=FORM,
        submit="Save",
        blocks=(
            SelectInput("provider", "Provider", tuple(providers), provider or providers[0].value),
            TextInput("model", "Model", model, hint="As its provider names it; /byok receipts shows the names of models that answered.", max_length=LONGEST_MODEL),
            TextInput("input", "Input", _typed(before.input if before else None), placeholder="3", hint="US dollars for a million tokens. 0 is free.", max_length=20),
            TextInput("output", "Output", _typed(before.output if before else None), placeholder="15", hint="Reasoning is part of it.", max_length=20),
            TextInput("cached_read", "Input read from the cache", _typed(before.cached_read if before else None), placeholder="0.30", hint="Empty: as other input.", optional=True, max_length=20),
            TextInput("cached_write", "Input written to the cache", _typed(before.cached_write if before else None), placeholder="3.75", hint="Empty: as other input.", optional=True, max_length=20),
            Note(rich(_WHEN)),
        ),
    )  # fmt: skip


def saved(model: str, released: int) -> View:
    """After the form; so many questions waited for it."""
    again = (
        f" {many(released, 'question')} that waited for it {'is' if released == 1 else 'are'} asked again."
        if released
        else ""
    )
    return View(
        blocks=(Notice(rich("The price of ", Code(model), f" counts from the next call on.{again}"), Level.SUCCESS),)
    )


def _row(one: PricedModel, titles: Mapping[str, str]) -> Row:
    text = (Bold(one.model), f" · {titles.get(one.provider, one.provider)}", *_users(one), "\n", *_price(one))
    value = f"{one.provider}/{one.model}"
    if one.own:
        sure = Confirm("Remove this price?", "The public list counts again, where it knows the model.", "Remove")
        return Row(text, Button(REMOVE, "Remove", value, Style.DANGER, sure))
    label = "Own price" if one.listed else "Enter"
    return Row(text, Button(ENTER, label, value, Style.DEFAULT if one.listed else Style.PRIMARY, opens=True))


def _users(one: PricedModel) -> Rich:
    if not one.agents:
        return ()
    if len(one.agents) > 3:
        return (f" · used by {many(len(one.agents), 'agent')}",)
    return (" · used by ", *agent_names(one.agents))


def _price(one: PricedModel) -> Rich:
    if one.own:
        return (_told(one.own.prices), " (own price)")
    if one.listed:
        return (_told(one.listed), " (public list)")
    calls = f" {many(one.unpriced, 'call')} in the last 30 days could not be priced." if one.unpriced else ""
    return ("⚠️ Price unknown.", calls, " Where a budget applies, it is not called until there is one.")


def _told(prices: TokenPrices) -> str:
    parts = [f"{dollars(prices.input)} in", f"{dollars(prices.output)} out"]
    parts += [f"{dollars(prices.cached_read)} cached"] if prices.cached_read is not None else []
    parts += [f"{dollars(prices.cached_write)} to the cache"] if prices.cached_write is not None else []
    return ", ".join(parts)


def _typed(price: Decimal | None) -> str:
    return "" if price is None else plain(price)
