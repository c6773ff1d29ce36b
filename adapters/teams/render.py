"""A View → an Adaptive Card 1.5: under an answer, in a message, in a dialog, as the home. Pure.

Where Teams cannot show a thing it degrades: a choice that acts at once has a button beside it, a button that asks first unfolds its question,
channels are given by their links, a chart without its picture is its numbers, inputs are left out where nothing sends them, and what is beyond the
size limit is named as left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from adapters.teams.cards import (
    Names,
    Surface,
    attachment,
    opener,
    plain,
    runs,
    submit,
)
from adapters.teams.drawing import INPUTS, Drawing
from adapters.teams.payload import Json
from adapters.teams.text import cut
from app.domain.chat import UserRef
from app.domain.views import (
    Block,
    Bold,
    Channel,
    ChannelInput,
    Chart,
    Checkbox,
    Divider,
    Feedback,
    Fields,
    Heading,
    Note,
    Notice,
    Person,
    Rich,
    Row,
    SelectInput,
    Sources,
    Table,
    Text,
    TextInput,
    View,
)

LARGEST = 24_000
"""Bytes of a card; Teams takes about 28 kB of message in all."""
_MARGIN = 500


def message(view: View, names: Names, *, largest: int = LARGEST, home: bool = False) -> Json:
    """A card in a message, or (one of) the home."""
    surface = Surface(context=view.context, home=home)
    return _card(Drawing(surface, names, {}).elements(view.blocks), largest)


def pages(view: View, names: Names) -> tuple[View, ...]:
    """The screen in parts that each fit a card, cut between its sections where that is enough."""
    made: list[list[Block]] = [[]]
    room = LARGEST
    for piece in _pieces(view, names):
        room -= _size(piece, names)
        if room < _MARGIN and made[-1]:
            made.append([])
            room = LARGEST - _size(piece, names)
        made[-1] += piece if made[-1] or not isinstance(piece[0], Divider) else piece[1:]
    return tuple(replace(view, blocks=tuple(blocks)) for blocks in made)


def beneath(views: Sequence[View], names: Names) -> tuple[str, Json | None]:
    """What stands under an answer: notes as a line of its text, all else as one card. Thumbs and sources are in neither (see `asks_feedback`, `citations`).

    A message is text or one card: of both together Teams may make two messages, and then refuses to change them.
    """
    shown = [blocks for view in views if (blocks := _without_teams_own(view))]
    notes = [block for blocks in shown if all(isinstance(b, Note) for b in blocks) for block in blocks]
    said = [plain(block.text, names) for block in notes if isinstance(block, Note)]
    rest = tuple(block for blocks in shown if not all(isinstance(b, Note) for b in blocks) for block in blocks)
    return "\n\n".join(said), message(View(blocks=rest), names) if rest else None


def unfinished(text: str, below: View) -> Json:
    """An answer that is still being made: its text so far, and what can be pressed."""
    drawn = Drawing(Surface(), Names(), {}).elements(below.blocks)
    return _card([{"type": "TextBlock", "text": text, "wrap": True}, *drawn], LARGEST)


def asks_feedback(views: Iterable[View]) -> bool:
    """Whether thumbs belong under the answer: Teams has its own."""
    return any(isinstance(block, Feedback) for view in views for block in view.blocks)


def dialog(
    view: View, names: Names, *, opener: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> Json:
    """What a dialog shows: a form, or a screen to read. `opener` is what opened it, `errors` stand beside their fields."""
    surface = Surface(in_dialog=True, context=view.context, form=view.id, opener=opener or {})
    blocks = view.blocks if view.submit else tuple(b for b in view.blocks if not isinstance(b, INPUTS))
    drawing = Drawing(surface, names, _beside(blocks, errors or {}))
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
            case Chart():
                lines.append(block.alt or block.title)
            case _:
                pass
    return cut("\n".join(lines), 1000) or "Latchkey"


def people_in(views: Iterable[View]) -> set[UserRef]:
    """Everybody who is named in these views."""
    return {span.user for view in views for rich in _texts(view) for span in rich if isinstance(span, Person)}


def channels_in(views: Iterable[View]) -> set[str]:
    """Every channel that is named in these views."""
    return {span.id for view in views for rich in _texts(view) for span in rich if isinstance(span, Channel)}


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


def _pieces(view: View, names: Names) -> Iterator[tuple[Block, ...]]:
    """Sections, each with the line before it; of a section that fits no card, its blocks."""
    sections: list[list[Block]] = [[]]
    for block in view.blocks:
        if isinstance(block, Divider):
            sections.append([])
        sections[-1].append(block)
    for section in sections:
        if section and _size(section, names) < LARGEST - _MARGIN:
            yield tuple(section)
        else:
            yield from ((block,) for block in section)


def _size(blocks: Sequence[Block], names: Names) -> int:
    drawn = Drawing(Surface(home=True), names, {}).elements(blocks)  # the larger of what it may be drawn on
    return len(json.dumps(drawn, ensure_ascii=False).encode())


def _without_teams_own(view: View) -> tuple[Block, ...]:
    return tuple(block for block in view.blocks if not isinstance(block, Feedback | Sources))


def _beside(blocks: Sequence[Block], errors: Mapping[str, str]) -> dict[str, str]:
    """Errors by field; what names no field of this form stands beside the first."""
    names = [block.id for block in blocks if isinstance(block, INPUTS)]
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
    room, kept = largest - _MARGIN, 0
    for element in body:
        room -= len(json.dumps(element, ensure_ascii=False).encode())
        if room < 0:
            break
        kept += 1
    if kept == len(body):
        return body or runs((" ",), Names())
    return [*body[:kept], *runs((f"… and {len(body) - kept} more that do not fit here.",), Names(), isSubtle=True)]
