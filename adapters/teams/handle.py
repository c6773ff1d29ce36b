"""What our cards carry, and how an interaction with one may be answered. Render writes it, interactions reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from adapters.teams.payload import Json
from adapters.teams.where import Where
from app.domain.chat import ConversationRef, UserRef
from app.domain.events import Outcome
from app.domain.views import Suggestion, View

OURS = "latchkey"
"""The one member of an action's `data` that is ours: an object with the names below, all strings.

`{"latchkey": {"a": action id, "v": value, "c": the view's context, "f": form id}, …input ids…}`; with `f` it is a Submission, with `a`
an Action. What stands in a dialog also says what opened it, as `o` (action id), `ov` (value) and `oc` (context). On a select's own button `i` names the input whose chosen value is the Action's `value`. `h` stands on the
home's cards: they are a screen, not a message that an outcome may take the place of.
"""
ACTION, VALUE, CONTEXT, FORM, INPUT, HOME = "a", "v", "c", "f", "i", "h"
OPENER, OPENER_VALUE, OPENER_CONTEXT = "o", "ov", "oc"

SECRET_PREFIX = "secret:"  # noqa: S105 - the beginning of an input's id: what is typed there becomes a Secret
"""An Input.Text for a secret has the id `secret:<field name>`; all others have the bare field name."""

CHANNELS_PREFIX = "channels:"
"""The same for channels: links and ids are typed there, `cards.channels_in` reads them, and the field's value is ids joined by spaces."""

COMMAND = "latchkey.command"
"""The Action id of a button that opens what a typed command opens: its `value` is the command's text, to be handed to `Inbound.command`."""

DATASET = "latchkey"
"""A filtered ChoiceSet asks us for choices as `choices.data.dataset` = `latchkey|<action id or field name>|<context>`."""


class Way(StrEnum):
    """How an interaction came, hence how it is answered."""

    FETCH = "task/fetch"  # a button that opens a dialog: the invoke's answer is {"task": …}
    SUBMIT = "task/submit"  # a button inside a dialog: the same
    THUMB = "message/submitAction"  # Teams' own thumbs under an answer: it thanks by itself
    EXECUTE = "adaptiveCard/action"  # Action.Execute: the invoke's answer is a card or a message
    MESSAGE = (
        "message"  # Action.Submit on a card, or a typed command: nothing to answer with but new messages and updates
    )


@dataclass(frozen=True, slots=True)
class Handle:
    """What an interaction lets us answer with. Lives as long as the request; never stored.

    `card` is the activity id of the card that was pressed (empty for a command), `opener` what opens, or opened, the
    dialog, `command` the text of a typed command (empty otherwise), `home` whether the card is (one of) the person's home.
    """

    way: Way
    place: Where
    user: UserRef
    conversation: ConversationRef
    card: str = ""
    home: bool = False
    command: str = field(default="", repr=False)
    values: dict[str, str] = field(default_factory=dict, repr=False)
    opener: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person said to a file that was offered. `url` is where it may be put then."""

    token: str
    agreed: bool
    card: str = ""
    url: str = field(repr=False, default="")
    shown_at: str = field(repr=False, default="")
    unique: str = ""
    kind: str = ""
    name: str = ""


class Answers(Protocol):
    """What app.py needs of outcomes.py. Trouble with delivering never undoes what was done, so neither raises PlatformError."""

    async def to_invoke(self, outcome: Outcome, at: Handle, form: View | None = None) -> Json:
        """The body of the invoke's answer; empty where there is nothing to say. `form` is what the dialog shows, for errors in it."""

    async def to_message(self, outcome: Outcome, at: Handle) -> None:
        """Deliver to where there is no answer to write into (`Way.MESSAGE`); called after the 200."""

    async def welcome(self, at: Handle, account: str, prompts: tuple[Suggestion, ...]) -> None:
        """Greet somebody in the one-to-one chat that installing has opened, with what they may ask; below their home, if it comes soon."""

    async def file_answered(self, consent: Consent, user: UserRef, place: Where) -> None:
        """Somebody took a file that was offered to them, or did not want it; called after the 200."""

    async def home_wanted(self, user: UserRef) -> None:
        """Somebody asks for their home: let the next one be posted at the end of their chat. Call before `Inbound.home_opened`."""
