"""A View → an Adaptive Card 1.5: under an answer, in a message, in a dialog, as the home. Pure.

Where Teams cannot show a thing it degrades: a choice that acts at once has a button beside it, a button that asks first unfolds its question,
channels are given by their links, inputs are left out where nothing sends them, and what is beyond the size limit is named as left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adapters.teams.cards import (
    MOST_IN_ALL,
    Input,
    Names,
    Surface,
    attachment,
    button,
    field_of,
    opener,
    plain,
    runs,
    select,
    submit,
)
from adapters.teams.payload import Json
from adapters.teams.text import cut
from app.domain.chat import UserRef
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    ChannelInput,
    Checkbox,
    Divider,
    Feedback,
    Fields,
    Heading,
    Level,
    Note,
    Notice,
    Person,
    Rich,
    Row,
    SecretInput,
    Select,
    SelectInput,
    Table,
    Text,
    TextInput,
    View,
)

_SYMBOLS = {Level.INFO: "ℹ️", Level.SUCCESS: "✅", Level.WARNING: "⚠️", Level.ERROR: "⛔"}
_STYLES = {Level.INFO: "accent", Level.SUCCESS: "good", Level.WARNING: "warning", Level.ERROR: "attention"}
_INPUTS = (TextInput, SecretInput, SelectInput, Checkbox, ChannelInput)
LARGEST = 24_000
"""Bytes of a card; Teams takes about 28 kB of message in all."""


def message(view: View, names: Names, *, largest: int = LARGEST) -> Json:
    """A card in a message, or the home."""
    surface = Surface(context=view.context)
    return _card(_Drawing(surface, names, {}).elements(view.blocks), largest)


def under_answer(views: Sequence[View], names: Names) -> list[Json]:
    """The attachments under an answer; thumbs are not among them (see `asks_feedback`)."""
    made = [message(replace(view, blocks=_without_thumbs(view)), names) for view in views if _without_thumbs(view)]
    return [attachment(card) for card in made]


def asks_feedback(views: Iterable[View]) -> bool:
    """Whether thumbs belong under the answer: Teams has its own."""
    return any(isinstance(block, Feedback) for view in views for block in view.blocks)


def dialog(view: View, names: Names, *, key: str = "", errors: Mapping[str, str] | None = None) -> Json:
    """What a dialog shows: a form, or a screen to read. `key` finds the view again, `errors` stand beside their fields."""
    surface = Surface(in_dialog=True, context=view.context, form=view.id, dialog=key)
    blocks = view.blocks if view.submit else tuple(b for b in view.blocks if not isinstance(b, _INPUTS))
    drawing = _Drawing(surface, names, _beside(blocks, errors or {}))
    card = _card(drawing.elements(blocks), LARGEST)
    if view.submit:
        card["actions"] = [submit(view.submit, surface)]
    lines = len(blocks)
    return {
        "title": cut(view.title or "Latchkey", 64),
        "height": "small" if lines <= 2 else "medium" if lines <= 6 else "large",
        "width": "medium",
        "card": attachment(card),
    }


def way_in(view: View, names: Names, label: str, action: str, value: str) -> Json:
    """A card whose button opens a form in a dialog; the form's own title says what it is for."""
    title = runs((Bold(view.title or "Latchkey"),), names, size="Medium")
    return _card([*title, {"type": "ActionSet", "actions": [opener(label, action, value)]}], LARGEST)


def filled(view: View, values: Mapping[str, str]) -> View:
    """The form with what was typed in place; secrets are typed anew."""
    return replace(view, blocks=tuple(_filled(block, values) for block in view.blocks))


def summary(view: View, names: Names) -> str:
    """The view in plain words, for notifications and for what cannot show cards."""
    lines = [view.title] if view.title else []
    for block in view.blocks:
        match block:
            case Heading():
                lines.append(block.text)
            case Text() | Note() | Notice() | Row():
                lines.append(plain(block.text, names))
            case Fields():
                lines += [f"{name}: {plain(value, names)}" for name, value in block.pairs]
            case _:
                pass
    return cut("\n".join(lines), 1000) or "Latchkey"


def people_in(views: Iterable[View]) -> set[UserRef]:
    """Everybody who is named in these views."""
    return {span.user for view in views for rich in _texts(view) for span in rich if isinstance(span, Person)}


def _texts(view: View) -> Iterator[Rich]:
    for block in view.blocks:
        match block:
            case Text() | Note() | Notice() | Row():
                yield block.text
            case Fields():
                yield from (value for _, value in block.pairs)
            case Table():
                yield from (cell for row in block.rows for cell in row)
            case _:
                pass


def _without_thumbs(view: View) -> tuple[Block, ...]:
    return tuple(block for block in view.blocks if not isinstance(block, Feedback))


def _beside(blocks: Sequence[Block], errors: Mapping[str, str]) -> dict[str, str]:
    """Errors by field; what names no field of this form stands beside the first."""
    names = [block.id for block in blocks if isinstance(block, _INPUTS)]
    made: dict[str, str] = {}
    for name, text in errors.items():
        at = name if name in names else next(iter(names), "")
        made[at] = f"{made[at]} {text}" if at in made else text
    return made


def _filled(block: Block, values: Mapping[str, str]) -> Block:
    match block:
        case TextInput():
            return replace(block, value=values.get(block.id, block.value))
        case SelectInput():
            return replace(block, selected=values.get(block.id, block.selected))
        case Checkbox():
            return replace(block, checked=values.get(block.id, "") == "yes")
        case ChannelInput():
            return replace(block, selected=tuple(values.get(block.id, "").split()))
        case _:
            return block


def _card(body: list[Json], largest: int) -> Json:
    card: Json = {"type": "AdaptiveCard", "$schema": "http://adaptivecards.io/schemas/adaptive-card.json"}
    return card | {"version": "1.5", "msteams": {"width": "Full"}, "body": _fit(body, largest)}


def _fit(body: list[Json], largest: int) -> list[Json]:
    room, kept = largest - 400, 0
    for element in body:
        room -= len(json.dumps(element, ensure_ascii=False).encode())
        if room < 0:
            break
        kept += 1
    if kept == len(body):
        return body or runs((" ",), Names())
    return [*body[:kept], *runs((f"… and {len(body) - kept} more that do not fit here.",), Names(), isSubtle=True)]


@dataclass
class _Drawing:
    """One card being drawn; remembers how many options it may still list, and whether a line is to be drawn."""

    surface: Surface
    names: Names
    errors: Mapping[str, str]
    room: int = field(default=MOST_IN_ALL)

    def elements(self, blocks: Sequence[Block]) -> list[Json]:
        made: list[Json] = []
        separate = False
        for block in blocks:
            drawn = list(self._block(block))
            if separate and drawn:
                drawn[0] = drawn[0] | {"separator": True, "spacing": "Large"}
            separate = isinstance(block, Divider) or (separate and not drawn)
            made += drawn
        return made

    def _block(self, block: Block) -> Iterator[Json]:
        match block:
            case Row():
                yield from self._row(block)
            case Table():
                yield self._table(block)
            case Buttons():
                if block.buttons:
                    yield {"type": "ActionSet", "actions": [button(one, self.surface) for one in block.buttons[:6]]}
            case Select():
                yield from self._select(block)
            case Feedback():
                good, bad = f"good:{block.run}", f"bad:{block.run}"
                yield from self._block(Buttons((Button("feedback", "👍", good), Button("feedback", "👎", bad))))
            case TextInput() | SecretInput() | SelectInput() | Checkbox() | ChannelInput():
                if self.surface.form:
                    yield from self._input(block)
            case _:
                yield from self._words(block)

    def _words(self, block: Heading | Text | Note | Notice | Fields | Divider) -> Iterator[Json]:
        match block:
            case Heading():
                yield from runs((Bold(block.text),), self.names, size="Medium")
            case Text():
                yield from runs(block.text, self.names)
            case Note():
                yield from runs(block.text, self.names, isSubtle=True, size="Small")
            case Notice():
                items = runs((f"{_SYMBOLS[block.level]}  ", *block.text), self.names)
                yield {"type": "Container", "style": _STYLES[block.level], "items": items}
            case Fields():
                for name, value in block.pairs:
                    yield from runs((Bold(f"{name}: "), *(value or ("–",))), self.names)
            case Divider():
                return  # the next element draws it

    def _row(self, block: Row) -> Iterator[Json]:
        text = runs(block.text, self.names)
        if isinstance(block.control, Button):
            act = {"type": "ActionSet", "actions": [button(block.control, self.surface)]}
            side = {"type": "Column", "width": "auto", "verticalContentAlignment": "Center", "items": [act]}
            if block.control.confirm is None:
                columns = [{"type": "Column", "width": "stretch", "items": text}, side]
                yield {"type": "ColumnSet", "columns": columns}
                return
            yield from text
            yield act
            return
        yield from text
        if block.control is not None:
            yield from self._select(replace(block.control, label=""))

    def _select(self, block: Select) -> Iterator[Json]:
        if not block.options:
            return
        if block.label:
            yield from runs((block.label,), self.names)
        made = select(block, self.surface, self.room)
        self._took(made["columns"][0]["items"][0])
        yield made

    def _took(self, choices: Json) -> None:
        self.room = max(self.room - len(choices["choices"]), 0)

    def _table(self, block: Table) -> Json:
        heads = tuple((Bold(column),) for column in block.columns)
        rows = [
            {"type": "TableRow", "cells": [{"type": "TableCell", "items": runs(c or ("–",), self.names)} for c in row]}
            for row in (heads, *block.rows)
        ]
        columns = [{"width": 1} for _ in block.columns]
        return {"type": "Table", "firstRowAsHeader": True, "columns": columns, "rows": rows}

    def _input(self, block: Input) -> Iterator[Json]:
        if isinstance(block, SelectInput) and not block.options:
            yield from runs((f"{block.label}: there is nothing to choose yet.",), self.names)
            return
        made = field_of(block, self.surface, self.room)
        if isinstance(block, SelectInput):
            self._took(made)
        yield made
        if wrong := self.errors.get(block.id):
            yield runs((f"⛔ {wrong}",), self.names, color="Attention")[0] | {"id": f"error:{block.id}"}
        if block.hint:
            yield runs((block.hint,), self.names, isSubtle=True, size="Small")[0] | {"spacing": "Small"}
