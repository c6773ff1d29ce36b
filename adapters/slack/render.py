"""A View → Block Kit: a message, a modal or the Home tab. Pure.

Where Slack cannot show a thing it degrades: a second table (Slack takes one a message, and none elsewhere) becomes aligned text, a
secret is typed unmasked under a hint that says so, inputs are left out of messages, a chart without its picture (a file in Slack, named by
`pictures`) is its numbers, and what is beyond the block limit is named as left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.slack import tables
from adapters.slack.elements import (
    MOST_OPTIONS,
    button,
    buttons,
    groups_of,
    hint_of,
    input_element,
    label,
    mrkdwn,
    option_object,
    plain,
    select,
    text_object,
)
from adapters.slack.identity import Json
from adapters.slack.interactions import Metadata
from adapters.slack.text import cut, escape, literal
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    ChannelInput,
    Chart,
    Checkbox,
    Divider,
    Feedback,
    Fields,
    Heading,
    Level,
    Note,
    Notice,
    Option,
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
    View,
)

_SYMBOLS = {Level.INFO: "ℹ️", Level.SUCCESS: "✅", Level.WARNING: "⚠️", Level.ERROR: "⛔"}
_MESSAGE_BLOCKS, _VIEW_BLOCKS = 50, 100
_INPUTS = (TextInput, SecretInput, SelectInput, Checkbox, ChannelInput)

Files = Mapping[Chart, str]
"""The pictures of charts by the ids of their files."""
_NONE: Files = {}


def message(view: View, *, ringing: bool = False, pictures: Files = _NONE) -> list[Json]:
    """Blocks of a message. `ringing`: others read it, so nobody named in it may be notified."""
    return _fit(_Drawing("message", ringing, pictures).blocks(view), _MESSAGE_BLOCKS)


def under_answer(views: Sequence[View]) -> list[Json]:
    """Blocks that stand under an answer."""
    drawing = _Drawing("message", ringing=True)
    return _fit([block for view in views for block in drawing.blocks(view)], _MESSAGE_BLOCKS - 2)


def modal(view: View, channel: str = "", *, pictures: Files = _NONE) -> Json:
    """A form, or a screen to read; `channel` is where it was asked for."""
    made: Json = {"type": "modal", "title": label(view.title or "Latchkey", 24), "clear_on_close": True}
    made |= {"callback_id": view.id[:255], "private_metadata": Metadata(view.context, channel).dump()}
    made |= {"submit": label(view.submit, 24), "close": label(view.close or "Cancel", 24)} if view.submit else {}
    made |= {"close": label("Close", 24)} if not view.submit else {}
    drawing = _Drawing("modal" if view.submit else "screen", ringing=False, pictures=pictures)
    return made | {"blocks": _fit(drawing.blocks(view), _VIEW_BLOCKS)}


def home(view: View, *, pictures: Files = _NONE) -> Json:
    """The Home tab."""
    blocks = _fit(_Drawing("home", ringing=False, pictures=pictures).blocks(view), _VIEW_BLOCKS)
    return {"type": "home", "private_metadata": Metadata(view.context).dump(), "blocks": blocks}


def groups_or_options(options: Sequence[Option]) -> Json:
    """The answer to somebody who types into a select: at most 100 choices."""
    several = options[:MOST_OPTIONS]
    if any(one.group for one in several):
        return {"option_groups": groups_of(several)}
    return {"options": [option_object(one) for one in several]}


def summary(view: View) -> str:
    """The view in plain words, for notifications and for what cannot show blocks; nobody is mentioned by it."""
    lines = [view.title] if view.title else []
    for block in view.blocks:
        match block:
            case Heading():
                lines.append(block.text)
            case Text() | Note() | Notice() | Row():
                lines.append(plain(block.text))
            case Fields():
                lines += [f"{name}: {plain(value)}" for name, value in block.pairs]
            case Chart():
                lines.append(block.alt or block.title)
            case _:
                pass
    return literal(cut("\n".join(lines), 3000)) or "Latchkey"


def _fit(blocks: list[Json], most: int) -> list[Json]:
    if len(blocks) <= most:
        return blocks or [{"type": "section", "text": label(" ", 1)}]
    left_out = label(f"… and {len(blocks) - most + 1} more that do not fit here.", 150)
    return [*blocks[: most - 1], {"type": "context", "elements": [left_out]}]


@dataclass
class _Drawing:
    """One surface being drawn; remembers whether its one table is used."""

    surface: str  # message | modal (a form) | screen (a modal to read) | home
    ringing: bool
    pictures: Files = field(default_factory=dict)
    tables: int = 0

    def blocks(self, view: View) -> list[Json]:
        return [made for block in view.blocks for made in self._block(block)]

    def _block(self, block: Block) -> Iterator[Json]:
        if isinstance(block, _INPUTS):
            yield from self._input(block)
            return
        draw: dict[type, Callable[..., Iterator[Json]]] = {
            Heading: self._heading,
            Text: self._text,
            Note: self._note,
            Notice: self._notice,
            Row: self._row,
            Fields: self._fields,
            Table: self._table,
            Buttons: self._buttons,
            Select: self._select,
            Divider: self._divider,
            Feedback: self._feedback,
            Sources: self._sources,
            Verbatim: self._verbatim,
            Chart: self._chart,
        }
        yield from draw[type(block)](block)

    def _heading(self, block: Heading) -> Iterator[Json]:
        yield {"type": "header", "text": label(block.text, 150)}

    def _text(self, block: Text) -> Iterator[Json]:
        yield from self._sections(block.text)

    def _note(self, block: Note) -> Iterator[Json]:
        yield {"type": "context", "elements": [text_object(block.text, 3000, ringing=self.ringing)]}

    def _notice(self, block: Notice) -> Iterator[Json]:
        yield from self._sections((f"{_SYMBOLS[block.level]}  ", *block.text))

    def _row(self, block: Row) -> Iterator[Json]:
        made: Json = {"type": "section", "text": text_object(block.text, 3000, ringing=self.ringing)}
        if isinstance(block.control, Button):
            made["accessory"] = button(block.control)
        elif block.control is not None and block.control.options:
            made["accessory"] = select(block.control)
        yield made

    def _fields(self, block: Fields) -> Iterator[Json]:
        made = [self._field(name, value) for name, value in block.pairs]
        for at in range(0, len(made), 10):
            yield {"type": "section", "fields": made[at : at + 10]}

    def _field(self, name: str, value: Rich) -> Json:
        text = f"*{escape(name)}*\n{mrkdwn(value, ringing=self.ringing) or '–'}"
        return {"type": "mrkdwn", "text": cut(text, 2000), "verbatim": True}

    def _table(self, block: Table) -> Iterator[Json]:
        made = tables.table(block, ringing=self.ringing) if self.surface == "message" and not self.tables else None
        if made is None:
            yield from tables.in_words(block, ringing=self.ringing)
            return
        self.tables += 1
        yield made

    def _buttons(self, block: Buttons) -> Iterator[Json]:
        if block.buttons:
            yield {"type": "actions", "elements": buttons(block.buttons[:25])}

    def _select(self, block: Select) -> Iterator[Json]:
        yield from self._row(Row((block.label,), block))

    def _divider(self, _: Divider) -> Iterator[Json]:
        yield {"type": "divider"}

    def _feedback(self, block: Feedback) -> Iterator[Json]:
        good, bad = f"good:{block.run}", f"bad:{block.run}"
        if self.surface != "message":
            yield from self._buttons(Buttons((Button("feedback", "👍", good), Button("feedback", "👎", bad))))
            return
        thumbs: Json = {"type": "feedback_buttons", "action_id": "feedback"}
        thumbs |= {"positive_button": {"text": label("Good answer", 75), "value": good}}
        thumbs |= {"negative_button": {"text": label("Bad answer", 75), "value": bad}}
        yield {"type": "context_actions", "elements": [thumbs]}

    def _sources(self, block: Sources) -> Iterator[Json]:
        links = block.links()
        lines = [Sources.line(links[at : at + 4]) for at in range(0, len(links), 4)]  # more would not fit a text object
        if lines:
            lines[0] = ("Sources: ", *lines[0])
            yield {"type": "context", "elements": [text_object(line, 3000, ringing=self.ringing) for line in lines]}

    def _verbatim(self, block: Verbatim) -> Iterator[Json]:
        text = {"type": "text", "text": block.text or " "}  # rich text knows no markup, so nothing need be escaped
        yield {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [text]}]}

    def _chart(self, block: Chart) -> Iterator[Json]:
        if file := self.pictures.get(block):
            made: Json = {"type": "image", "slack_file": {"id": file}, "alt_text": cut(block.alt or block.title, 2000)}
            yield made | ({"title": label(block.title, 2000)} if block.title else {})
            return
        if block.title:
            yield from self._sections((Bold(block.title),))
        yield from tables.aligned([list(block.columns), *(list(row) for row in block.rows)])

    def _input(self, block: TextInput | SecretInput | SelectInput | Checkbox | ChannelInput) -> Iterator[Json]:
        if self.surface not in {"modal", "home"}:
            return  # neither a message nor a screen without a button to send it takes inputs
        if isinstance(block, SelectInput) and not block.options:
            yield from self._sections((f"{block.label}: there is nothing to choose yet.",))
            return
        made: Json = {"type": "input", "block_id": block.id, "label": label(block.label, 2000)}
        made |= {"element": input_element(block), "optional": isinstance(block, Checkbox) or block.optional}
        hint = hint_of(block)
        yield made | ({"hint": label(hint, 2000)} if hint else {})

    def _sections(self, rich: Rich) -> Iterator[Json]:
        if len(mrkdwn(rich, ringing=self.ringing)) <= 3000:
            yield {"type": "section", "text": text_object(rich, 3000, ringing=self.ringing)}
            return
        text = plain(rich)
        for at in range(0, len(text), 3000):
            yield {"type": "section", "text": label(text[at : at + 3000], 3000)}
