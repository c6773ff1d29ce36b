"""What a window sends, read into our own words. Pure: whoever sends nonsense gets BadFrame, and no more is said about it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.playground.room import Post
from adapters.playground.world import APP_NAME, COMMAND, Resident, Room
from app.domain.chat import ConversationRef, UserRef
from app.domain.events import Action, Addressed, Command, Mention, Submission
from app.domain.secrets import Secret
from app.domain.views import (
    Block,
    Button,
    Buttons,
    ChannelInput,
    Checkbox,
    Feedback,
    Row,
    SecretInput,
    Select,
    SelectInput,
    TextInput,
    View,
)

LONGEST_TEXT = 12_000
LONGEST_VALUE = 4_000
LONGEST_ID = 200
MOST_FILES = 5


class BadFrame(Exception):
    """A window sent something that is not of this protocol."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing that a window wants; `fields` are read with `text_of`. `number` is what its answer is known by."""

    type: str
    number: int
    fields: Mapping[str, Any] = field(repr=False)

    def text_of(self, name: str, limit: int = LONGEST_ID) -> str:
        """A field that is a text (empty if missing)."""
        value = self.fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > limit:
            raise BadFrame
        return value

    def texts_of(self, name: str) -> dict[str, str]:
        """A field that maps ids to texts."""
        value = self.fields.get(name, {})
        if not isinstance(value, dict) or len(value) > 100:
            raise BadFrame
        if not all(isinstance(text, str) and len(text) <= LONGEST_VALUE for text in value.values()):
            raise BadFrame
        return value

    def list_of(self, name: str) -> tuple[str, ...]:
        """A field that is a short list of ids."""
        value = self.fields.get(name, [])
        if not isinstance(value, list) or len(value) > MOST_FILES:
            raise BadFrame
        if not all(isinstance(one, str) and len(one) <= LONGEST_ID for one in value):
            raise BadFrame
        return tuple(value)


def frame(raw: str) -> Frame:
    """What was sent; raises BadFrame."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        # The cause is dropped: its text would quote what was sent, and that may be a key.
        raise BadFrame from None
    if not isinstance(value, dict):
        raise BadFrame
    kind, number = value.get("t"), value.get("n", 0)
    if not isinstance(kind, str) or not isinstance(number, int) or isinstance(number, bool):
        raise BadFrame
    return Frame(kind, number, value)


def said(
    post: Post, room: Room, conversation: ConversationRef, author: Resident, people: Mapping[str, Resident]
) -> Mention | None:
    """A message as something an agent may have to answer; None if it is none of the app's business."""
    names = _mentioned(post.text)
    to_app = APP_NAME.lower() in names
    to_people = any(one.name.lower() in names for one in people.values())
    if room.of:
        addressed = Addressed.DIRECT
    elif to_app:
        addressed = Addressed.MENTION
    elif post.thread and not to_people:
        addressed = Addressed.FOLLOW_UP
    else:
        return None
    return Mention(
        event_id=post.event_id,
        conversation=conversation,
        message_id=post.id,
        user=author.ref,
        addressed=addressed,
        at=post.at,
        text=plain(post.text, people),
        files=post.files,
    )


def plain(text: str, people: Mapping[str, Resident]) -> str:
    """A text without the app's own mention, with other people written `<@ID>`."""
    return _people(re.sub(rf"(?<![\w@])@{APP_NAME}\b[ \t]*[:,]?[ \t]*", "", text, flags=re.IGNORECASE), people).strip()


def command(text: str, user: UserRef, room: Room, people: Mapping[str, Resident]) -> Command | None:
    """A typed command; None if it is not ours."""
    word, rest = [*text.split(None, 1), "", ""][:2]
    if word.lower() != COMMAND:
        return None
    return Command(user=user, text=_people(rest, people).strip(), channel=room.id, place_is_private=bool(room.of))


def submission(sent: Frame, form: View, user: UserRef) -> Submission:
    """A form that was sent off: only inputs that it has count, and what is secret is wrapped before anyone sees it."""
    given = sent.texts_of("values")
    values, hidden = {}, {}
    for block in form.blocks:
        if isinstance(block, SecretInput):
            if given.get(block.id):
                hidden[block.id] = Secret(given[block.id][: block.max_length])
        elif isinstance(block, TextInput | SelectInput | Checkbox | ChannelInput):
            values[block.id] = _value(block, given.get(block.id, ""))
    return Submission(user=user, form=form.id, values=values, secrets=hidden, context=form.context)


def action(sent: Frame, screen: View, user: UserRef) -> Action | None:
    """A control of a screen that was used; None if the screen has no such control with such a value."""
    action_id, value = sent.text_of("id"), sent.text_of("value", LONGEST_VALUE)
    if not any(_offers(block, action_id, value) for block in screen.blocks):
        return None
    given = sent.texts_of("values")
    values = {
        block.id: _value(block, given[block.id])
        for block in screen.blocks
        if isinstance(block, TextInput | SelectInput | Checkbox | ChannelInput) and block.id in given
    }
    return Action(user, action_id, value, values, view_id=screen.id, context=screen.context)


def missing(sent: Submission, form: View) -> dict[str, str]:
    """What a person has to fill in before the form can go off, by input."""
    return {
        block.id: "Please fill this in."
        for block in form.blocks
        if isinstance(block, TextInput | SecretInput | SelectInput)
        and not block.optional
        and not (sent.values.get(block.id, "").strip() or block.id in sent.secrets)
    }


def _people(text: str, people: Mapping[str, Resident]) -> str:
    for one in people.values():
        text = re.sub(rf"(?<![\w@])@{re.escape(one.name)}\b", f"<@{one.id}>", text, flags=re.IGNORECASE)
    return text


def _mentioned(text: str) -> set[str]:
    return {name.lower() for name in re.findall(r"(?<![\w@])@(\w+)", text)}


def _value(block: TextInput | SelectInput | Checkbox | ChannelInput, given: str) -> str:
    match block:
        case TextInput():
            return given[: block.max_length]
        case SelectInput():
            return given if any(option.value == given for option in block.options) else ""
        case Checkbox():
            return "yes" if given == "yes" else ""
        case ChannelInput():
            return " ".join(given.split())


def _offers(block: Block, action_id: str, value: str) -> bool:
    controls: tuple[Button | Select | None, ...]
    match block:
        case Buttons():
            controls = block.buttons
        case Row():
            controls = (block.control,)
        case Select():
            controls = (block,)
        case Feedback():
            return action_id == "feedback" and value in {f"good:{block.run}", f"bad:{block.run}"}
        case _:
            return False
    return any(_matches(control, action_id, value) for control in controls if control)


def _matches(control: Button | Select, action_id: str, value: str) -> bool:
    if isinstance(control, Select):
        return control.action_id == action_id and any(option.value == value for option in control.options)
    return (control.id, control.value) == (action_id, value)
