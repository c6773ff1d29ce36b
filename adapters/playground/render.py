"""Screens and messages as the JSON that the page draws. Pure: nothing here sends or keeps anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.playground.room import Post, State
from adapters.playground.world import APP_EMOJI, APP_ID, APP_NAME, COMMANDS, Resident, Room
from app.domain.chat import UserRef
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
    Divider,
    Feedback,
    Fields,
    Heading,
    Link,
    Note,
    Notice,
    Option,
    Person,
    Rich,
    Row,
    SecretInput,
    Select,
    SelectInput,
    Sources,
    Span,
    Suggestion,
    Table,
    Text,
    TextInput,
    Verbatim,
    View,
    When,
)
from app.ports.platform import folded

Json = dict[str, Any]

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What is shown as a picture; anything else is offered to be kept."""


@dataclass(frozen=True, slots=True)
class Names:
    """How people and channels are called; and the file with a chart's picture, empty for none."""

    person: Callable[[UserRef], str]
    channel: Callable[[str], str]
    picture: Callable[[Chart], str] = lambda _: ""


def view(screen: View, names: Names) -> Json:
    """A screen; what it carries as context stays on the server."""
    return {
        "title": screen.title,
        "submit": screen.submit,
        "close": screen.close,
        "blocks": [_block(block, names) for block in screen.blocks],
    }


def message(post: Post, viewer: str, names: Names, resident: Resident | None) -> Json:
    """A message as this viewer sees it; `resident` is its author, None for the app."""
    return {
        "id": post.id,
        "order": post.order,
        "rev": post.rev,
        "channel": post.channel,
        "thread": post.thread or None,
        "author": _author(post, resident),
        "at": _milliseconds(post.at.timestamp()),
        "text": post.text,
        "views": [view(screen, names) for screen in post.views],
        "files": [
            {"id": file.id, "name": file.name, "size": file.size, "picture": file.media_type in PICTURES}
            for file in post.files
        ],
        "steps": [{"title": one.title, "detail": one.detail, "state": one.state.value} for one in post.steps],
        "fold": folded(post.steps),
        "state": post.state.value,
        "status": post.status,
        "edited": post.edited,
        "onlyYou": bool(post.only),
        "canStop": post.can_stop and post.state is State.WORKING,
        "feedback": post.thumbs.get(viewer),
    }


def person(resident: Resident) -> Json:
    """A person."""
    return {"id": resident.id, "name": resident.name, "role": resident.role, "tint": resident.tint}


def room(place: Room) -> Json:
    """A channel, or the chat with the app."""
    kind = {"kind": "app", "emoji": APP_EMOJI} if place.of else {"kind": "channel"}
    return {"id": place.id, "name": place.name, "topic": place.topic, "private": bool(place.only), **kind}


def suggestion(prompt: Suggestion) -> Json:
    """A prompt on offer."""
    return {"title": prompt.title, "message": prompt.message}


APP: Json = {"id": APP_ID, "name": APP_NAME, "emoji": APP_EMOJI}
COMMAND_HINTS: list[Json] = [{"text": one.text, "usage": one.usage, "about": one.about} for one in COMMANDS]


def _author(post: Post, resident: Resident | None) -> Json:
    if resident:
        return {"kind": "person", "id": resident.id, "name": resident.name, "tint": resident.tint}
    persona = post.persona
    name, emoji = (persona.name, persona.emoji) if persona else (APP_NAME, APP_EMOJI)
    return {"kind": "app", "id": APP_ID, "name": name, "emoji": emoji or APP_EMOJI}


def _block(block: Block, names: Names) -> Json:
    match block:
        case Heading() | Verbatim():
            return {"type": "verbatim" if isinstance(block, Verbatim) else "heading", "text": block.text}
        case Text() | Note():
            return {"type": "note" if isinstance(block, Note) else "text", "text": _rich(block.text, names)}
        case Notice():
            return {"type": "notice", "text": _rich(block.text, names), "level": block.level.value}
        case Row():
            control = _control(block.control) if block.control else None
            return {"type": "row", "text": _rich(block.text, names), "control": control}
        case Fields():
            return {"type": "fields", "pairs": [[name, _rich(value, names)] for name, value in block.pairs]}
        case Table() | Chart():
            return _rows(block, names)
        case Buttons():
            return {"type": "buttons", "buttons": [_control(button) for button in block.buttons]}
        case Select():
            return _control(block)
        case Divider():
            return {"type": "divider"}
        case Feedback():
            return {"type": "feedback", "run": block.run}
        case Sources():
            return {"type": "sources", "links": [{"text": one.text, "url": one.url} for one in block.links()]}
        case _:
            return _input(block)


def _rows(block: Table | Chart, names: Names) -> Json:
    if isinstance(block, Table):
        rows = [[_rich(cell, names) for cell in row] for row in block.rows]
        return {"type": "table", "columns": list(block.columns), "rows": rows}
    drawn: Json = {"type": "chart", "title": block.title, "picture": names.picture(block), "alt": block.alt}
    return drawn | {"columns": list(block.columns), "rows": [list(row) for row in block.rows]}


def _control(control: Button | Select) -> Json:
    if isinstance(control, Select):
        return {
            "type": "select",
            "id": control.action_id,
            "label": control.label,
            "options": _options(control.options),
            "selected": control.selected,
            "placeholder": control.placeholder,
        }
    confirm = control.confirm
    return {
        "type": "button",
        "id": control.id,
        "label": control.label,
        "value": control.value,
        "style": control.style.value,
        "confirm": confirm and {"title": confirm.title, "text": confirm.text, "yes": confirm.yes, "no": confirm.no},
    }


def _input(block: TextInput | SecretInput | SelectInput | Checkbox | ChannelInput) -> Json:
    common: Json = {"id": block.id, "label": block.label, "hint": block.hint}
    match block:
        case TextInput():
            more = {"type": "text_input", "value": block.value, "placeholder": block.placeholder}
            return (
                common
                | more
                | {"multiline": block.multiline, "optional": block.optional, "max_length": block.max_length}
            )
        case SecretInput():
            return common | {"type": "secret_input", "optional": block.optional, "max_length": block.max_length}
        case SelectInput():
            more = {"type": "select_input", "selected": block.selected}
            return common | more | {"options": _options(block.options), "optional": block.optional}
        case Checkbox():
            return common | {"type": "checkbox", "checked": block.checked}
        case ChannelInput():
            return common | {"type": "channel_input", "selected": list(block.selected), "optional": block.optional}


def _options(options: tuple[Option, ...]) -> list[Json]:
    return [{"value": one.value, "label": one.label, "group": one.group} for one in options]


def _rich(spans: Rich, names: Names) -> list[str | Json]:
    return [_span(span, names) for span in spans]


def _span(span: Span, names: Names) -> str | Json:
    match span:
        case str():
            return span
        case Bold():
            return {"type": "bold", "text": span.text}
        case Code():
            return {"type": "code", "text": span.text}
        case Link():
            return {"type": "link", "text": span.text, "url": span.url}
        case Person():
            return {"type": "person", "name": names.person(span.user)}
        case Channel():
            return {"type": "channel", "name": names.channel(span.id)}
        case When():
            return {"type": "when", "at": _milliseconds(span.at.timestamp())}


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
