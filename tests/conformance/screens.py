"""Screens with one of every block there is, for each platform's renderer to show."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from app.domain.chat import UserRef
from app.domain.run import Source
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Channel,
    ChannelInput,
    Chart,
    Checkbox,
    Code,
    Confirm,
    Divider,
    Feedback,
    Fields,
    Heading,
    Level,
    Link,
    Note,
    Notice,
    Option,
    Person,
    Row,
    SecretInput,
    Select,
    SelectInput,
    Series,
    Sources,
    Style,
    Table,
    Text,
    TextInput,
    Verbatim,
    When,
    rich,
)

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
FEW = (Option("a", "Alpha", "Vendor"), Option("b", "Beta"))
MANY = tuple(Option(f"p/model-{n}", f"Model {n}") for n in range(200))


def blocks(text: str, person: UserRef, channel: str) -> tuple[Block, ...]:
    """One of each kind that is shown, with this text wherever text may stand. The first two are a heading and a line of all that text can be."""
    link = Link(text, "https://docs.example/a|b>c")
    line = rich(text, Bold(text), Code(text), link, Person(person), Channel(channel), When(AT))
    confirm = Confirm(text, text, text, text)
    return (
        Heading(text), Text(line), Text(rich(text)), Note(line), *(Notice(line, level) for level in Level),
        Row(line, Button("edit", text, "v" * 3000, Style.PRIMARY, confirm)), Row(rich(text), Select("pick", text, FEW, "a")),
        Row(line), Row(line, Select("none", text, ())), Fields(tuple((text, line) for _ in range(13))),
        Table(("A", "B"), ((line, rich("")), (rich(text), line))), Table(("A",), ((rich(text),),)),
        Buttons(tuple(Button("same", text, str(n), Style.DANGER, opens=n == 2) for n in range(3))), Buttons(()),
        Select("model", text, MANY, "p/model-120", key="agent-1"), Select("grouped", text, (Option("a", text, text), Option("b", text))),
        Divider(), Feedback("run-1"), Sources((Source(text, "https://docs.example/a?b=1&c=2"),) * 20),
        Verbatim(f"first\n{text}"), chart(text, 2), chart(text, 8),
    )  # fmt: skip


def chart(text: str, series: int) -> Chart:
    """A month of bars with this text wherever text may stand."""
    values = tuple(Decimal(n) / 3 for n in range(31))
    parts = tuple(Series(f"{text}-{n}", values) for n in range(series))
    return Chart(text, tuple(f"{text} {n}" for n in range(31)), parts, alt=text)


def inputs(channel: str) -> tuple[Block, ...]:
    """One of each kind that is filled in."""
    return (
        TextInput("name", "Name", value="x" * 400, placeholder="p" * 200, hint="h"),
        TextInput("long", "Long", multiline=True, max_length=9000),
        SecretInput("key", "API key"),
        SelectInput("provider", "Provider", FEW, selected="b"),
        SelectInput("model", "Model", MANY, selected="p/model-149", optional=True),
        SelectInput("empty", "Empty", ()),
        Checkbox("flag", "Flag", checked=True, hint="h"),
        ChannelInput("channels", "Channels", selected=(channel,)),
    )
