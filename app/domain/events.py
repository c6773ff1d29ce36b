"""What comes in from a platform, already parsed, and what is answered on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.chat import ConversationRef, FileRef, Hints, MessageRef, UserRef
from app.domain.secrets import Secret
from app.domain.views import View


class Addressed(StrEnum):
    """Why a message may be for an agent."""

    MENTION = "mention"  # the app was mentioned
    DIRECT = "direct"  # a direct message to the app
    FOLLOW_UP = "follow_up"  # unaddressed, in a thread: for an agent only if one already answers there
    SCHEDULED = "scheduled"  # nobody said it: a schedule is due


@dataclass(frozen=True, slots=True)
class Mention:
    """Something a person said that an agent may have to answer.

    `text` has the app's own mention removed and other people written `<@ID>`. `event_id` is the same on every redelivery; `message_id` is the same
    for the two events that one message may cause. `hints` are the adapter's, returned to it in `open_reply`.
    `retry_of` names the run that this one repeats; its text is then empty and fetched from the platform.
    `continues` names the run whose answer reached its length limit and is to go on; the text is then empty, too.
    `agent` is the id of the one agent that a schedule is for. A schedule's `user` is who set it up, and its thread is yet to be begun.
    """

    event_id: str
    conversation: ConversationRef
    message_id: str
    user: UserRef
    addressed: Addressed
    at: datetime
    text: str = field(repr=False)
    files: tuple[FileRef, ...] = ()
    hints: Hints = field(default_factory=dict)
    from_bot: bool = False
    retry_of: str = ""
    continues: str = ""
    agent: str = ""

    @property
    def scheduled(self) -> bool:
        """Whether nobody is there who waits for the answer."""
        return self.addressed is Addressed.SCHEDULED

    @property
    def workspace(self) -> str:
        """The workspace that pays."""
        return self.conversation.workspace


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command (`/byok …`) or its typed counterpart; never stored."""

    user: UserRef
    text: str = field(repr=False)
    channel: str = ""
    place_is_private: bool = False

    @property
    def workspace(self) -> str:
        """The workspace it was typed in."""
        return self.user.workspace


@dataclass(frozen=True, slots=True)
class Action:
    """A button pressed or a select changed. `value` is the button's value or the chosen option's.

    `values` has what stands in the inputs of the same screen (never secrets). `message` is set when the control sat under a message.
    """

    user: UserRef
    action_id: str
    value: str
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    message: MessageRef | None = None
    conversation: ConversationRef | None = None
    view_id: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """A form sent off. `form` is the View's id, `context` what the View carried (ids only, to be checked again)."""

    user: UserRef
    form: str
    values: Mapping[str, str] = field(repr=False)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    context: str = ""


@dataclass(frozen=True, slots=True)
class OptionQuery:
    """A person types into a select with too many options; answered with at most 100 `Option`s."""

    user: UserRef
    action_id: str
    typed: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Handled; there is nothing to show."""


@dataclass(frozen=True, slots=True)
class Private:
    """Show this to the one who asked and to nobody else."""

    view: View


@dataclass(frozen=True, slots=True)
class Open:
    """Open this as a form (modal, dialog)."""

    view: View


@dataclass(frozen=True, slots=True)
class Replace:
    """Put this in the place of the screen that the control sat on."""

    view: View


@dataclass(frozen=True, slots=True)
class FieldErrors:
    """Keep the form open; say beside each named field what is wrong with it."""

    errors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Close:
    """Close the form; `then` is shown privately afterwards, where given."""

    then: View | None = None


Outcome = Nothing | Private | Open | Replace | FieldErrors | Close
