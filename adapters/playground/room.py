"""What has been said in the playground: in memory only, gone when the process ends."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from adapters.playground.world import APP_ID, APP_NAME, RESIDENTS, ROOMS, SEEDS, WORKSPACE, Resident, Room
from app.domain.chat import ConversationRef, FileRef, MessageRef, Persona, Place, UserRef
from app.domain.views import Chart, View
from app.ports.charts import ChartPainter, painted
from app.ports.platform import Step

MOST_MESSAGES = 3000
MOST_FILES = 32 * 1024 * 1024  # bytes of all files together
_PAINTING = 10.0


class State(StrEnum):
    """How far a message is."""

    DONE = "done"
    WORKING = "working"
    FAILED = "failed"
    DELETED = "deleted"
    UNSENT = "unsent"  # shown, but Latchkey could not take it: its author may send it again


@dataclass(slots=True, eq=False)
class Post:
    """One message. `author` is a person's id or the app's; `only` the id of the one person who sees it, if it is private.

    `order` and `id` grow with time, `rev` with every change, so that a window knows when it missed one.
    """

    id: str
    order: int
    channel: str
    thread: str
    author: str
    at: datetime
    text: str = field(repr=False, default="")
    persona: Persona | None = None
    views: tuple[View, ...] = field(repr=False, default=())
    files: tuple[FileRef, ...] = ()
    steps: tuple[Step, ...] = ()
    aside: bool = False  # of the app, but nothing that an agent said: a screen, a file
    state: State = State.DONE
    status: str = ""
    only: str = ""
    run: str = ""
    event_id: str = ""
    edited: bool = False
    can_stop: bool = False
    thumbs: dict[str, str] = field(default_factory=dict)
    rev: int = 0

    @property
    def from_app(self) -> bool:
        """Whether the app said it."""
        return self.author == APP_ID

    @property
    def ref(self) -> MessageRef:
        """How the rest of the service names it."""
        return MessageRef(WORKSPACE, self.channel, self.id)


@dataclass(frozen=True, slots=True)
class Changed:
    """A message is new or looks different."""

    post: Post


@dataclass(frozen=True, slots=True)
class Grew:
    """More text of a message."""

    post: Post
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Removed:
    """A message is gone."""

    post: Post


@dataclass(frozen=True, slots=True)
class HomeChanged:
    """A person's home screen is another."""

    person: str


Change = Changed | Grew | Removed | HomeChanged


class Rooms:
    """All rooms, their messages and the people's home screens; whoever listens hears of every change."""

    def __init__(self, charts: ChartPainter | None = None) -> None:
        self.people: dict[str, Resident] = {person.id: person for person in RESIDENTS}
        self.channels: dict[str, Room] = {room.id: room for room in ROOMS}
        self.homes: dict[str, View] = {}
        self.listeners: list[Callable[[Change], None]] = []
        self._posts: OrderedDict[str, Post] = OrderedDict()
        self._files: OrderedDict[str, tuple[FileRef, bytes]] = OrderedDict()
        self._pictures: dict[Chart, str] = {}
        self._charts = charts
        self._last = 0
        self._seed()

    def add(self, channel: str, author: str, text: str = "", *, thread: str = "", at: datetime | None = None) -> Post:
        """Make a message that nobody sees until `tell`: fill in what it needs first."""
        # Ids are microseconds, never twice: the inbox knows them for a day, and a restart forgets everything here.
        self._last = max(time.time_ns() // 1000 if at is None else int(at.timestamp() * 1_000_000), self._last + 1)
        post = Post(
            id=f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}",
            order=self._last,
            channel=channel,
            thread=thread if thread in self._posts else "",
            author=author,
            at=datetime.fromtimestamp(self._last / 1_000_000, UTC),
            text=text,
            event_id=f"E{secrets.token_hex(8)}",
        )
        self._posts[post.id] = post
        while len(self._posts) > MOST_MESSAGES:
            _, oldest = self._posts.popitem(last=False)
            self._say(Removed(oldest))
        return post

    def tell(self, post: Post) -> None:
        """Show a message as it is now."""
        post.rev += 1
        self._say(Changed(post))

    def grow(self, post: Post, text: str) -> None:
        """Add to a message's text."""
        post.text += text
        post.rev += 1
        self._say(Grew(post, text))

    def remove(self, post: Post) -> None:
        """Take a message away; the root of a thread leaves a mark while it has replies."""
        if not post.thread and any(other.thread == post.id for other in self._posts.values()):
            post.text, post.views, post.files, post.state = "This message was deleted.", (), (), State.DELETED
            self.tell(post)
        else:
            self._posts.pop(post.id, None)
            self._say(Removed(post))

    def set_home(self, person: str, view: View) -> None:
        """Give a person this home screen."""
        self.homes[person] = view
        self._say(HomeChanged(person))

    def post(self, post_id: str) -> Post | None:
        """A message by its id."""
        return self._posts.get(post_id)

    def seen_by(self, person: str) -> Iterator[Post]:
        """What a person can read, oldest first."""
        return (post for post in self._posts.values() if self.shows(post, person))

    def shows(self, post: Post, person: str) -> bool:
        """Whether a person can read a message."""
        room = self.channels.get(post.channel)
        return post.only in {"", person} and room is not None and room.open_to(person)

    def thread(self, conversation: ConversationRef) -> list[Post]:
        """What stands in a thread for all to read, oldest first."""
        root = conversation.thread
        return [
            post
            for post in self._posts.values()
            if post.channel == conversation.channel and root in {post.id, post.thread} and not post.only
        ]

    def said_in(self, channel: str) -> list[Post]:
        """What was said in a channel for all who are in it, oldest first."""
        return [
            post
            for post in self._posts.values()
            if post.channel == channel
            and (post.text or post.files)
            and not (post.only or post.aside)
            and post.state in {State.DONE, State.FAILED}
        ]

    def conversation(self, post: Post) -> ConversationRef:
        """The thread that a message belongs to."""
        return self.conversation_at(post.channel, post.thread or post.id)

    def conversation_at(self, channel: str, thread: str) -> ConversationRef:
        """A thread by its root."""
        place = Place.DIRECT if self.channels[channel].of else Place.CHANNEL
        return ConversationRef(WORKSPACE, channel, thread, place)

    def person_name(self, user: UserRef) -> str:
        """What a person is called; the id if unknown."""
        if user.id == APP_ID:
            return APP_NAME
        person = self.people.get(user.id) if user.workspace == WORKSPACE else None
        return person.name if person else user.id

    def channel_name(self, channel: str) -> str:
        """What a channel is called; the id if unknown."""
        room = self.channels.get(channel)
        return room.name if room else channel

    def keep_file(self, name: str, media_type: str, data: bytes) -> FileRef:
        """Keep a file's bytes; the oldest ones go when there are too many."""
        file = FileRef(f"F{secrets.token_hex(8)}", name, media_type, len(data))
        self._files[file.id] = (file, data)
        while sum(kept.size for kept, _ in self._files.values()) > MOST_FILES:
            self._files.popitem(last=False)
        return file

    def file(self, file_id: str) -> FileRef | None:
        """A file that was kept."""
        kept = self._files.get(file_id)
        return kept[0] if kept else None

    def file_bytes(self, file_id: str) -> bytes | None:
        """What is in it."""
        kept = self._files.get(file_id)
        return kept[1] if kept else None

    async def paint(self, view: View) -> None:
        """Have pictures of the charts in a screen before it is shown; what can't be painted is shown in words."""
        missing = View(blocks=tuple(one for one in view.blocks if isinstance(one, Chart) and not self.picture(one)))
        for chart, data in (await painted(self._charts, (missing,), seconds=_PAINTING)).items():
            self._pictures[chart] = self.keep_file("chart.png", "image/png", data).id

    def picture(self, chart: Chart) -> str:
        """The file with a chart's picture; empty if there is none."""
        file = self._pictures.get(chart, "")
        if file and file not in self._files:
            del self._pictures[chart]
            return ""
        return file

    def _say(self, change: Change) -> None:
        for listener in self.listeners:
            listener(change)

    def _seed(self) -> None:
        now = datetime.now(UTC)
        made: list[Post] = []
        for seed in SEEDS:
            thread = "" if seed.replies_to is None else made[seed.replies_to].id
            made.append(self.add(seed.room, seed.by.id, seed.text, thread=thread, at=now - seed.ago))
