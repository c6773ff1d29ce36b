"""Spans, buttons, selects and inputs → the small elements of Adaptive Cards 1.5. Pure.

What anybody wrote stands in text runs, in which nothing is markup: a TextBlock would read Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from adapters.teams.handle import (
    ACTION,
    CHANNELS_PREFIX,
    CONTEXT,
    DATASET,
    FORM,
    HOME,
    INPUT,
    OURS,
    SECRET_PREFIX,
    VALUE,
    Way,
)
from adapters.teams.payload import Json
from adapters.teams.text import JOINER, cut
from app.domain.chat import UserRef
from app.domain.views import (
    Bold,
    Button,
    Channel,
    ChannelInput,
    Chart,
    Checkbox,
    Code,
    Link,
    Option,
    Person,
    Rich,
    SecretInput,
    Select,
    SelectInput,
    Span,
    Style,
    TextInput,
    When,
)

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
MOST_LISTED = 50
"""Of a select with more options we are asked while the person types."""
MOST_IN_ALL = 60
"""So many options may stand in one card; it would grow too large with several long lists."""
_LIST = 5
"""So many lines of one text are a list, whose items must be told apart where they do not fit in a line."""
_WHEN = "%Y-%m-%d %H:%M UTC"
_CHANNEL = re.compile(r"19:[\w.-]+@thread\.(?:tacv2|skype|v2)")

Input = TextInput | SecretInput | SelectInput | Checkbox | ChannelInput


@dataclass(frozen=True, slots=True)
class Names:
    """How people and channels are called, by id; who is not in it is shown by id. And pictures of charts, as data URIs; a chart without is its numbers."""

    people: Mapping[UserRef, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[Chart, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Surface:
    """Where a card stands. `opener` is what opened a dialog, as handle.py has it: for errors beside its fields it is asked for again."""

    in_dialog: bool = False
    home: bool = False
    context: str = ""
    form: str = ""
    opener: Mapping[str, str] = field(default_factory=dict)

    def data(self, more: Mapping[str, str]) -> Json:
        """The data of an action here."""
        ours = {CONTEXT: self.context, HOME: "1" if self.home else "", **self.opener, **more}
        return {OURS: {name: value for name, value in ours.items() if value}}


def attachment(card: Json) -> Json:
    """A card as it hangs on a message or in a dialog."""
    return {"contentType": CARD_TYPE, "content": card}


def plain(rich: Rich, names: Names) -> str:
    """The text without any markup, for notifications."""
    return "".join(_words(span, names) for span in rich)


def runs(rich: Rich, names: Names, **looks: object) -> list[Json]:
    """Lines of text, each a RichTextBlock; `looks` are set on every run."""
    lines: list[list[Json]] = [[]]
    for span in rich:
        for number, piece in enumerate(_words(span, names).split("\n")):
            if number:
                lines.append([])
            if piece:
                lines[-1].append(_run(piece, span) | looks)
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    spacing = "None" if len(lines) < _LIST else "Small"
    blocks = [
        {"type": "RichTextBlock", "inlines": line or [{"type": "TextRun", "text": " "}], "spacing": spacing}
        for line in lines
    ]
    blocks[0].pop("spacing")
    return blocks


def _run(text: str, span: Span) -> Json:
    made: Json = {"type": "TextRun", "text": text.replace("{{", "{" + JOINER + "{")}  # {{DATE(…)}} is a function
    match span:
        case Bold():
            made["weight"] = "Bolder"
        case Code():
            made["fontType"] = "Monospace"
        case Link():
            made["selectAction"] = {"type": "Action.OpenUrl", "url": span.url}
        case _:
            pass
    return made


def _words(span: Span, names: Names) -> str:
    match span:
        case str():
            return span
        case Code():
            return _typed(span.text)
        case Bold() | Link():
            return span.text
        case Person():
            return names.people.get(span.user) or span.user.id
        case Channel():
            return f"#{names.channels.get(span.id) or span.id}"
        case When():
            return span.at.strftime(_WHEN)


def _typed(text: str) -> str:
    """A command as one types it in Teams: without a slash, and after a mention where somebody else is to be mentioned too."""
    if not text.startswith("/byok"):
        return text
    return f"@Latchkey {text[1:]}" if "@" in text else text[1:]


def button(one: Button, at: Surface) -> Json:
    """A button; one that asks first unfolds its question with the button that acts."""
    act = _act(one.label, at, {ACTION: one.id, VALUE: one.value}, opens=one.opens) | _style(one)
    if one.confirm is None:
        return act
    sure = _act(one.confirm.yes, at, {ACTION: one.id, VALUE: one.value}, opens=one.opens) | _style(one)
    question = [*runs((Bold(one.confirm.title),), Names()), *runs((one.confirm.text,), Names())]
    card: Json = {"type": "AdaptiveCard", "body": [*question, {"type": "ActionSet", "actions": [sure]}]}
    return {"type": "Action.ShowCard", "title": cut(one.label, 75), "card": card} | _style(one)


def opener(label: str, action: str, value: str) -> Json:
    """A button that opens a dialog with what this action, or typed command, is answered with."""
    return _act(label, Surface(), {ACTION: action, VALUE: value}, opens=True) | {"style": "positive"}


def submit(label: str, at: Surface) -> Json:
    """The button that sends a form off."""
    return {"type": "Action.Submit", "title": cut(label, 75), "style": "positive", "data": at.data({FORM: at.form})}


def _act(label: str, at: Surface, ours: Mapping[str, str], *, opens: bool) -> Json:
    data = at.data(ours)
    if at.in_dialog:
        return {"type": "Action.Submit", "title": cut(label, 75), "data": data, "associatedInputs": "None"}
    if opens:
        fetch = {"msteams": {"type": Way.FETCH.value}}
        return {"type": "Action.Submit", "title": cut(label, 75), "data": data | fetch}
    return {"type": "Action.Execute", "title": cut(label, 75), "verb": ours[ACTION], "data": data}


def _style(one: Button) -> Json:
    styles = {Style.PRIMARY: {"style": "positive"}, Style.DANGER: {"style": "destructive"}, Style.DEFAULT: {}}
    return dict(styles[one.style])


def select(one: Select, at: Surface, room: int) -> Json:
    """A choice and the button that makes it: a card cannot act on a choice by itself. `room`: how many options may be listed."""
    choice = choices(one.action_id, one.options, one.selected, at, room) | {"placeholder": one.placeholder}
    act = _act("Set", at, {ACTION: one.action_id, INPUT: one.action_id}, opens=False)
    act.pop("associatedInputs", None)
    return {
        "type": "ColumnSet",
        "columns": [
            {"type": "Column", "width": "stretch", "items": [choice]},
            {
                "type": "Column",
                "width": "auto",
                "verticalContentAlignment": "Bottom",
                "items": [{"type": "ActionSet", "actions": [act]}],
            },
        ],
    }


def choices(name: str, options: Sequence[Option], selected: str, at: Surface, room: int) -> Json:
    """A choice set: listed, listed and filtered while one types, or asked of us while one types."""
    made: Json = {"type": "Input.ChoiceSet", "id": name, "style": "compact" if len(options) <= 8 else "filtered"}
    listed = list(options)
    if len(options) > min(MOST_LISTED, room):
        made["choices.data"] = {"type": "Data.Query", "dataset": f"{DATASET}|{name}|{at.context}"}
        first = [one for one in options if one.value == selected]
        listed = first + [one for one in options if one.value != selected][: 5 if room > 5 else 0]
    made["choices"] = [choice(one) for one in listed]
    return made | ({"value": selected} if selected else {})


def choice(one: Option) -> Json:
    """One choice; a card has no groups, so the group stands before the label."""
    return {"title": cut(f"{one.group} · {one.label}" if one.group else one.label, 100), "value": one.value}


def field_of(one: Input, at: Surface, room: int) -> Json:
    """What a person fills in, without its hint."""
    match one:
        case TextInput():
            made: Json = {"type": "Input.Text", "id": one.id, "maxLength": one.max_length}
            made |= {"isMultiline": True} if one.multiline else {}
            made |= {"value": one.value} if one.value else {}
            made |= {"placeholder": one.placeholder} if one.placeholder else {}
        case SecretInput():
            made = {
                "type": "Input.Text",
                "id": SECRET_PREFIX + one.id,
                "style": "Password",
                "maxLength": one.max_length,
            }
        case SelectInput():
            made = choices(one.id, one.options, one.selected, at, room)
        case Checkbox():
            yes = [{"title": one.label, "value": "yes"}]
            made = {"type": "Input.ChoiceSet", "id": one.id, "isMultiSelect": True, "style": "expanded", "choices": yes}
            return made | {"wrap": True} | ({"value": "yes"} if one.checked else {})
        case ChannelInput():
            made = {"type": "Input.Text", "id": CHANNELS_PREFIX + one.id, "isMultiline": True}
            made |= {"placeholder": "Links of channels (… → Get link to channel)"}
            made |= {"value": "\n".join(one.selected)} if one.selected else {}
    needed = {} if one.optional else {"isRequired": True, "errorMessage": f"{one.label} is needed."}
    return made | {"label": one.label} | needed


def channels_in(typed: str) -> tuple[str, ...]:
    """The ids of the channels whose links or ids were typed, each once."""
    return tuple(dict.fromkeys(found for word in typed.split() for found in _channels_of(unquote(word))))


def _channels_of(word: str) -> Iterator[str]:
    yield from (found[0] for found in _CHANNEL.finditer(word))
