"""What Latchkey asks of a chat platform."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from app.domain.chat import ConversationRef, FileRef, Hints, HistoryMessage, MemberKind, MessageRef, Persona, UserRef
from app.domain.run import MadeFile
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


class StepState(StrEnum):
    """How far a step of an answer is."""

    RUNNING = "running"
    WAITING = "waiting"  # for a person
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing an agent did on the way to its answer, in a few words of ours (never a model's)."""

    id: str
    title: str
    state: StepState
    detail: str = ""


def folded(steps: Sequence[Step]) -> str:
    """All steps in one line for beneath the answer, such as `3 steps: searched #general, read a page, ran code`; empty for none."""
    counted: dict[str, int] = {}
    for step in steps:
        words = step.title[:1].lower() + step.title[1:] + (" (failed)" if step.state is StepState.FAILED else "")
        counted[words] = counted.get(words, 0) + 1
    listed = ", ".join(f"{words} ×{times}" if times > 1 else words for words, times in counted.items())
    line = f"{len(steps)} {'step' if len(steps) == 1 else 'steps'}: {listed}"
    return (line if len(line) <= LONGEST_FOLD else f"{line[: LONGEST_FOLD - 1]}…") if steps else ""


LONGEST_FOLD = 300
"""Characters of the line that is left of an answer's steps."""


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """A channel that can be named to tools. `open` says that every member of the workspace can read it."""

    id: str
    name: str
    open: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Readers:
    """Who can read a channel: everybody of the workspace, or these people (ids); outsiders too where it is shared.

    `guests` are those of its readers who, where something is open to everybody, are not meant: they read what they are members of.
    """

    everybody: bool
    people: frozenset[str] = frozenset()
    shared: bool = False
    guests: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A search result: whose words, where, when. It is used at once and never stored."""

    channel: ChannelInfo
    message: HistoryMessage
    link: str = ""


class Ability(StrEnum):
    """What not every platform can do for tools."""

    SEARCH = "search"
    CHANNEL_HISTORY = "channel_history"
    POST = "post"
    UPLOAD = "upload"


class Reply(Protocol):
    """One answer in the making. It owns pacing, roll-over, size limits and back-off.

    `append` and `status` return at once and never raise; what they show may lag or be skipped. `finish` and `fail` take the whole truth,
    deliver it in any case (or raise PlatformError when the platform refuses for good), and end the reply.
    """

    async def append(self, text: str) -> None:
        """Show more Markdown of the answer."""

    async def status(self, text: str) -> None:
        """Say in a few words what is being done now, such as `is thinking…`; empty clears it."""

    async def steps(self, steps: Sequence[Step]) -> None:
        """Show what tools did and do so far, all of them, newest last; as it is then folded beneath the answer. Returns at once, never raises."""

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

    abilities: frozenset[Ability]
    """What it can do for tools. The methods of others raise NotReachable."""

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

    async def post_view(self, conversation: ConversationRef, view: View, persona: Persona) -> MessageRef:
        """Post a screen with its controls into the thread, where everybody there sees it; people named in it may be notified.

        Without a thread it is a new message of the channel, which others can be answered under.
        """

    async def replace_view(self, message: MessageRef, view: View) -> None:
        """Let that message show this instead."""

    async def find_channel(self, asker: UserRef, name: str) -> ChannelInfo | None:
        """The channel of that name (`#name` or `name`) or id, if the asker can read it; None else, whether or not there is one."""

    async def readers(self, workspace: str, channel: str) -> Readers:
        """Who can read this channel now. Doubt is `Readers(False)`: nobody."""

    async def channel_history(
        self, asker: UserRef, channel: str, limit: int, before: str = ""
    ) -> tuple[HistoryMessage, ...]:
        """The newest messages of a channel that the asker can read, oldest first; raises NotReachable for any other."""

    async def search(self, asker: UserRef, query: str, hints: Hints, limit: int) -> tuple[FoundMessage, ...]:
        """Messages that match and that the asker may read. `hints` are the question's."""

    async def post(self, workspace: str, channel: str, text: str, persona: Persona) -> MessageRef:
        """Post Markdown, made inert, as a new message of a channel. Not repeated by itself: an unclear end raises PlatformUnavailable."""

    async def upload(self, target: ReplyTarget, file: MadeFile) -> None:
        """Send a file to the thread."""

    async def hand(self, user: UserRef, file: MadeFile, about: View) -> None:
        """Give a file to one person only, in their own chat with the app, and say this about it there.

        Where the platform has them agree first, it waits for that for a quarter of an hour. Raises NotReachable where there is no such chat.
        """
