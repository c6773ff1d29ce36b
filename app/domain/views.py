"""A screen, once: what Slack shows as Block Kit, Teams as an Adaptive Card, the playground as HTML.

Text is made of spans, so nothing that a person or a model wrote can become markup: renderers escape every span by its kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.charts import Chart, Series
from app.domain.chat import UserRef
from app.domain.inputs import ChannelInput, Checkbox, Option, SecretInput, SelectInput, TextInput
from app.domain.run import Source

__all__ = [  # besides what is defined here
    "ChannelInput", "Chart", "Checkbox", "Option", "SecretInput", "SelectInput", "Series", "TextInput",
]  # fmt: skip

_CODE = re.compile(r"(?ms)^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1|\Z)|(`+)(?!`).+?(?<!`)\2(?!`)")
_CITED = re.compile(r"\[(\d{1,2})\](?!\()")


@dataclass(frozen=True, slots=True)
class Bold:
    """Strong text."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Something to type, or an id."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link of ours (https) or to a Source, never of a model's."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person, shown as the platform shows people, without notifying."""

    user: UserRef


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, shown as the platform shows channels."""

    id: str


@dataclass(frozen=True, slots=True)
class When:
    """A moment, shown in the reader's own time where the platform can."""

    at: datetime


Span = str | Bold | Code | Link | Person | Channel | When
Rich = tuple[Span, ...]


def rich(*spans: Span) -> Rich:
    """Spans make a line of text; a newline in a plain span breaks it."""
    return spans


class Style(StrEnum):
    """How a button looks."""

    DEFAULT = "default"
    PRIMARY = "primary"
    DANGER = "danger"


class Level(StrEnum):
    """How a notice looks."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Confirm:
    """Asked before a button acts."""

    title: str
    text: str
    yes: str
    no: str = "Cancel"


@dataclass(frozen=True, slots=True)
class Button:
    """Causes an Action with this id and value. `opens` says that a form will be the answer: some platforms must know before it is pressed."""

    id: str
    label: str
    value: str = ""
    style: Style = Style.DEFAULT
    confirm: Confirm | None = None
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Select:
    """A choice that acts at once: an Action whose `value` is the chosen option's.

    Any number of options; where a platform shows only so many, its adapter lets the person type, and asks `Inbound.options`.
    `key` tells several selects of the same id apart (an agent's id): the Action's id is then `id:key`.
    """

    id: str
    label: str
    options: tuple[Option, ...]
    selected: str = ""
    key: str = ""
    placeholder: str = "Choose"

    @property
    def action_id(self) -> str:
        """The id of the Action it causes."""
        return f"{self.id}:{self.key}" if self.key else self.id


@dataclass(frozen=True, slots=True)
class Heading:
    """A title within the screen (plain text, at most 150 characters)."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: Rich


@dataclass(frozen=True, slots=True)
class Note:
    """Small, secondary text."""

    text: Rich


@dataclass(frozen=True, slots=True)
class Notice:
    """Text that must be seen."""

    text: Rich
    level: Level = Level.INFO


@dataclass(frozen=True, slots=True)
class Row:
    """A paragraph with one control at its side."""

    text: Rich
    control: Button | Select | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """Short facts in pairs of name and value."""

    pairs: tuple[tuple[str, Rich], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column heads; at most 100 rows and 20 columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Rich, ...], ...]


@dataclass(frozen=True, slots=True)
class Buttons:
    """Buttons side by side, at most six."""

    buttons: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Divider:
    """A line between parts."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """Thumbs under an answer: an Action `feedback` with value `good:<run>` or `bad:<run>`."""

    run: str


@dataclass(frozen=True, slots=True)
class Sources:
    """What an answer was made from: `[n]` in its text means the item of that number. Without `numbers` the n-th item has the number n."""

    items: tuple[Source, ...]
    numbers: tuple[int, ...] = ()

    def numbered(self) -> tuple[tuple[int, Source], ...]:
        """Those that may be shown, with their numbers."""
        numbers = self.numbers or range(1, len(self.items) + 1)
        return tuple((number, one) for number, one in zip(numbers, self.items, strict=True) if one.host)

    def links(self) -> tuple[Link, ...]:
        """Numbered links that say where they lead, whatever the title says; without those that may not be shown."""
        return tuple(
            Link(f"{number}. {one.title[:80]} ({one.host})" if one.title else f"{number}. {one.host}", one.url)
            for number, one in self.numbered()
        )

    @staticmethod
    def marks(text: str) -> frozenset[int]:
        """The numbers by which a Markdown text cites; brackets in code and links are none."""
        return frozenset(int(found) for found in _CITED.findall(_CODE.sub("", text)))

    @staticmethod
    def line(links: tuple[Link, ...]) -> Rich:
        """Links beside each other."""
        return tuple(span for number, link in enumerate(links) for span in ((" · ", link) if number else (link,)))


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text that somebody must see exactly as it is, line by line, as code: nothing in it is markup, replaced or left out."""

    text: str


Block = (
    Heading | Text | Note | Notice | Row | Fields | Table | Buttons | Select | Divider | Feedback | Sources | Verbatim | Chart
    | TextInput | SecretInput | SelectInput | Checkbox | ChannelInput
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """A screen or a part of one. With a `submit` label it is a form: its Submission carries `id` and `context` back.

    `title` is at most 24 characters where it is a form. `context` holds ids only and is checked again when it comes back.
    """

    blocks: tuple[Block, ...]
    title: str = ""
    id: str = ""
    submit: str = ""
    close: str = "Cancel"
    context: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A prompt offered to somebody who opens the chat with the app."""

    title: str
    message: str
