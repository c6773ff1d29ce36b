"""Blocks of a View → elements of an Adaptive Card 1.5, one card at a time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adapters.teams.cards import MOST_IN_ALL, Input, Names, Surface, button, field_of, plain, runs, select
from adapters.teams.payload import Json
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    ChannelInput,
    Chart,
    Checkbox,
    Code,
    Divider,
    Feedback,
    Fields,
    Heading,
    Level,
    Note,
    Notice,
    Rich,
    Row,
    SecretInput,
    Select,
    SelectInput,
    Sources,
    Table,
    Text,
    TextInput,
    Verbatim,
)

INPUTS = (TextInput, SecretInput, SelectInput, Checkbox, ChannelInput)

_SYMBOLS = {Level.INFO: "ℹ️", Level.SUCCESS: "✅", Level.WARNING: "⚠️", Level.ERROR: "⛔"}
_MOST_COLUMNS = 3
"""Of a table on a phone; the words of more would run over each other."""
_SENTENCE = 24
"""Characters of a cell that has more to say than a name or a number."""
_BESIDE = 12
"""Characters of a button that stands at the side of a text: on a phone a longer one would leave no room for the text."""
_STYLES = {Level.INFO: "accent", Level.SUCCESS: "good", Level.WARNING: "warning", Level.ERROR: "attention"}


@dataclass
class Drawing:
    """One card being drawn; `errors` by field, `room` is how many options it may still list."""

    surface: Surface
    names: Names
    errors: Mapping[str, str]
    room: int = field(default=MOST_IN_ALL)

    def elements(self, blocks: Sequence[Block]) -> list[Json]:
        """The body of the card."""
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
                yield from self._table(block)
            case Chart():
                yield from self._chart(block)
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

    def _words(self, block: Heading | Text | Note | Notice | Fields | Divider | Sources | Verbatim) -> Iterator[Json]:
        match block:
            case Heading():
                yield from runs((Bold(block.text),), self.names, size="Medium")
            case Text():
                yield from runs(block.text, self.names)
            case Note():
                yield from runs(block.text, self.names, isSubtle=True, size="Small")
            case Sources():
                yield from runs(("Sources: ", *block.line(block.links())), self.names, isSubtle=True, size="Small")
            case Verbatim():
                items = runs((Code(block.text),), self.names)
                yield {"type": "Container", "style": "emphasis", "items": items}
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
            if block.control.confirm is None and len(block.control.label) <= _BESIDE:
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

    def _table(self, block: Table) -> Iterator[Json]:
        if len(block.columns) > _MOST_COLUMNS:
            for row in block.rows:
                yield from runs(_in_a_line(row), self.names)
            return
        heads = tuple((Bold(column),) for column in block.columns)
        rows = [
            {"type": "TableRow", "cells": [{"type": "TableCell", "items": runs(c or ("–",), self.names)} for c in row]}
            for row in (heads, *block.rows)
        ]
        columns = [{"width": _width(column)} for column in zip(heads, *block.rows, strict=False)]
        yield {"type": "Table", "firstRowAsHeader": True, "columns": columns, "rows": rows}

    def _chart(self, block: Chart) -> Iterator[Json]:
        if block.title:
            yield from runs((Bold(block.title),), self.names)
        if url := self.names.pictures.get(block):
            yield {"type": "Image", "url": url, "altText": block.alt or block.title}  # as large as it is, or as fits
            return
        heads = block.columns[1:] if len(block.columns) > 2 else ("",)
        for row in block.rows:
            amounts = " · ".join(f"{head} {cell}".strip() for head, cell in zip(heads, row[1:], strict=True))
            yield {**runs((f"{row[0]}: {amounts}",), self.names)[0], "spacing": "None"}

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


def _width(column: Sequence[Rich]) -> int:
    """A share of the card: a column of sentences has two."""
    return 2 if max(len(plain(cell, Names())) for cell in column) > _SENTENCE else 1


def _in_a_line(row: Sequence[Rich]) -> Rich:
    """The cells that say something, one after the other."""
    said = [cell for cell in row if any(cell)]
    return tuple(span for number, cell in enumerate(said) for span in ((" · ", *cell) if number else cell))
