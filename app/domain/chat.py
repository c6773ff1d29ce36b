"""Who is talking and where: workspaces, people, conversations and messages, on any platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class MemberKind(StrEnum):
    """What somebody is to a workspace; who can't be resolved is EXTERNAL."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"
    EXTERNAL = "external"
    BOT = "bot"


class Place(StrEnum):
    """The kind of a conversation."""

    CHANNEL = "channel"
    DIRECT = "direct"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class UserRef:
    """A person of a workspace. `workspace` is `platform:tenant`, such as `slack:T0123`; `id` is the platform's own."""

    workspace: str
    id: str

    def __str__(self) -> str:
        """Render as operators name people in LATCHKEY_ADMINS: `slack:T0123/U0456`."""
        return f"{self.workspace}/{self.id}"


@dataclass(frozen=True, slots=True)
class ConversationRef:
    """A thread: the unit of order, memory and answering.

    `thread` is the platform's id of the root message (in a flat chat: the chat's own id).
    `shared` says that the channel is shared with people of other organisations.
    """

    workspace: str
    channel: str
    thread: str
    place: Place = Place.CHANNEL
    shared: bool = False

    @property
    def key(self) -> str:
        """A string that names this conversation and no other."""
        return f"{self.workspace}/{self.channel}/{self.thread}"


@dataclass(frozen=True, slots=True)
class MessageRef:
    """One message in a channel, by the platform's id."""

    workspace: str
    channel: str
    id: str


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file that came with a message; its bytes are fetched with `ChatPlatform.download`. `size` is 0 where the platform does not say."""

    id: str
    name: str
    media_type: str
    size: int
    url: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Persona:
    """Under which name and icon an agent answers. `emoji` is the character itself, such as `🦊`."""

    name: str
    emoji: str = ""


@dataclass(frozen=True, slots=True)
class HistoryMessage:
    """One message of a thread as the platform has it. People are written `<@ID>` in `text`; of what people wrote, the app's own mention is removed."""

    id: str
    text: str = field(repr=False)
    author: UserRef | None
    from_agent: bool
    at: datetime
    author_name: str = field(repr=False, default="")
    files: tuple[FileRef, ...] = ()


Hints = Mapping[str, str]
"""What an adapter wants back later to answer somewhere: ids only, flat, small."""
