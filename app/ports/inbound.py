"""What a platform adapter calls when something happened."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from app.domain.chat import ConversationRef, MessageRef, UserRef
from app.domain.events import Action, Command, Mention, OptionQuery, Outcome, Submission
from app.domain.views import Option, Suggestion


class Inbound(Protocol):
    """Implemented by `app.services.intake`.

    `mention` is durable when it returns and answered later. All else is handled now, and its payload is never stored. Slow work that
    follows from an Outcome is spawned and tracked by the services, never awaited here: every method returns well within 3 seconds.
    A UserError never escapes: it comes back as an Outcome. Any other exception means that nothing was accepted (answer 500).
    """

    async def mention(self, event: Mention) -> None:
        """Keep a message that an agent may have to answer; redeliveries and doubles are recognised."""

    async def command(self, event: Command) -> Outcome:
        """Carry out `/byok …`."""

    async def action(self, event: Action) -> Outcome:
        """A button or select of one of our screens, including feedback, retry and stop under an answer."""

    async def submission(self, event: Submission) -> Outcome:
        """A form of ours was sent off."""

    async def options(self, event: OptionQuery) -> tuple[Option, ...]:
        """What a person typing into a long select may choose from: at most 100."""

    async def home_opened(self, user: UserRef) -> None:
        """Somebody looks at the home tab: publish it anew (spawned)."""

    async def suggestions(self, user: UserRef) -> tuple[Suggestion, ...]:
        """What to offer somebody who opens the chat with the app: at most four."""

    async def stop_requested(self, conversation: ConversationRef, user: UserRef) -> None:
        """Somebody pressed the platform's own stop button in this conversation."""

    async def message_deleted(self, message: MessageRef) -> None:
        """A message was deleted: a run that answers it stops."""

    async def message_edited(self, message: MessageRef, user: UserRef) -> None:
        """A message was edited: if it was a question to an agent, its author is told privately to mention again."""

    async def installed(self, workspace: str, name: str, by: UserRef | None) -> None:
        """The app was installed in a workspace, or is seen there for the first time."""

    async def left(self, workspace: str, channels: Collection[str]) -> None:
        """The app was removed from these channels or chats and is in others still: what is remembered of them is destroyed, runs there stop."""

    async def removed(self, workspace: str) -> None:
        """The app was removed: keys are shredded, runs stopped."""
