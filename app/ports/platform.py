"""What Latchkey asks of a chat platform."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.chat import ConversationRef, FileRef, Hints, HistoryMessage, MemberKind, MessageRef, Persona, UserRef
from app.domain.views import View


@dataclass(frozen=True, slots=True)
class PartRef:
    """One message of an answer. A long answer rolls over into several; `position` counts from 0."""

    position: int
    message: MessageRef
    streamed: bool = False  # whether it was begun as a native stream, which must be closed before it can be edited


SavePart = Callable[[PartRef], Awaitable[None]]
"""Called by a Reply as soon as a part's id is known, and awaited before more is sent to that part."""


@dataclass(frozen=True, slots=True)
class ReplyTarget:
    """Where and as whom to answer. `asked` is the id of the question's message, `hints` the adapter's own from the Mention."""

    conversation: ConversationRef
    asker: UserRef
    asked: str
    run: str
    persona: Persona
    hints: Hints


class Reply(Protocol):
    """One answer in the making. It owns pacing, roll-over, size limits and back-off.

    `append` and `status` return at once and never raise; what they show may lag or be skipped. `finish` and `fail` take the whole truth,
    deliver it in any case (or raise PlatformError when the platform refuses for good), and end the reply.
    """

    async def append(self, text: str) -> None:
        """Show more Markdown of the answer."""

    async def status(self, text: str) -> None:
        """Say in a few words what is being done now, such as `is thinking…`; empty clears it."""

    async def finish(self, text: str, views: Sequence[View] = ()) -> None:
        """End with this whole Markdown text, and these views (footer, feedback) under its last part."""

    async def fail(self, explanation: View, text: str = "") -> None:
        """End with what was said so far (`text`) and why there is no more."""

    async def abandon(self) -> None:
        """Let go without saying anything (the process is going down; another will `resume_reply`)."""


class ChatPlatform(Protocol):
    """Outbound to one platform, all workspaces. Raises PlatformError and its kin only."""

    name: str
    """The prefix of its workspaces' ids, such as `slack`."""

    shows_stop: bool
    """Whether the platform itself offers a stop button while an answer is made."""

    keeps_history: bool
    """Whether `history` can be asked. Where it cannot, Latchkey remembers for itself what was said, sealed and for a time only."""

    names_admins: bool
    """Whether the platform itself has admins and owners. Where it has none, the first to install Latchkey is its first admin."""

    async def open_reply(self, target: ReplyTarget, save: SavePart) -> Reply:
        """Begin an answer; nothing is shown yet but a status."""

    async def resume_reply(self, target: ReplyTarget, parts: Sequence[PartRef], save: SavePart) -> Reply:
        """Take up an answer after a crash. With no `parts` known, adopt our newest message after the question, if there is one.

        Nothing is appended to the old text: `finish` and `fail` replace what is shown.
        """

    async def whisper(self, user: UserRef, view: View, conversation: ConversationRef | None = None) -> None:
        """Show something to one person only: in that conversation where possible, else in their direct chat.

        Never posts it where others can read; raises NotReachable instead.
        """

    async def publish_home(self, user: UserRef, view: View) -> None:
        """Show this as the person's home screen."""

    async def home_stands(self, user: UserRef) -> bool:
        """Whether this person has a home before them that the platform will not say they look at: it is to follow what others change."""

    async def history(self, conversation: ConversationRef, limit: int = 200) -> tuple[HistoryMessage, ...]:
        """The newest `limit` messages of the thread, oldest first, our own included."""

    async def download(self, workspace: str, file: FileRef, limit: int) -> bytes:
        """A file's bytes; raises PlatformError when it is larger than `limit` or not what it says."""

    async def is_admin(self, user: UserRef) -> bool:
        """Whether the platform itself calls this person an admin or owner now (a minute's cache at most; doubt is False)."""

    async def member_kind(self, user: UserRef) -> MemberKind:
        """What this person is to the workspace (minutes' cache at most; doubt is EXTERNAL)."""

    async def display_name(self, user: UserRef) -> str:
        """How people call this person; their id if unknown."""
