"""The playground as a ChatPlatform: what Latchkey asks of Slack it can ask of this too."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from adapters.playground.parse import plain
from adapters.playground.reply import PlaygroundReply, inert
from adapters.playground.room import Post, Rooms, State
from adapters.playground.world import APP_ID, NAME, WORKSPACE, Resident, Room
from app.domain.chat import ConversationRef, FileRef, Hints, HistoryMessage, MemberKind, MessageRef, Persona, UserRef
from app.domain.run import MadeFile
from app.domain.views import View
from app.errors import NotReachable, PlatformError
from app.ports.platform import Ability, ChannelInfo, FoundMessage, PartRef, Readers, ReplyTarget, SavePart

_NOT_READABLE = "There is no such channel, or the person who asks cannot read it."


class Playground:
    """Outbound to the rooms. Its one workspace lives as long as the process."""

    name = NAME
    shows_stop = True
    keeps_history = True
    names_admins = True
    abilities = frozenset(Ability)

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def open_reply(self, target: ReplyTarget, save: SavePart) -> PlaygroundReply:
        """Begin an answer: an empty message with a status, and a stop button beside it."""
        return PlaygroundReply(self._rooms, await self._begin(target, save), resumed=False)

    async def resume_reply(self, target: ReplyTarget, parts: Sequence[PartRef], save: SavePart) -> PlaygroundReply:
        """Take up an answer by its parts, else by its run's id; begin anew where neither is left (a restart forgets all)."""
        known = next((post for part in parts if (post := self._rooms.post(part.message.id))), None)
        if known is None:
            known = next((post for post in self._rooms.thread(target.conversation) if post.run == target.run), None)
            if known:
                await save(PartRef(0, known.ref))
        if known is None:
            return PlaygroundReply(self._rooms, await self._begin(target, save), resumed=False)
        known.state, known.can_stop = State.WORKING, True
        self._rooms.tell(known)
        return PlaygroundReply(self._rooms, known, resumed=True)

    async def whisper(self, user: UserRef, view: View, conversation: ConversationRef | None = None) -> None:
        """Show something to one person only, in the thread where they are or in their chat with the app."""
        person = self._person(user)
        if person is None:
            raise NotReachable
        channel, thread = (conversation.channel, conversation.thread) if conversation else ("", "")
        room = self._rooms.channels.get(channel)
        if room is None or not room.open_to(person.id):
            channel, thread = f"D-{person.id}", ""
        await self._rooms.paint(view)
        post = self._rooms.add(channel, APP_ID, thread=thread)
        post.only, post.views = person.id, (view,)
        self._rooms.tell(post)

    async def publish_home(self, user: UserRef, view: View) -> None:
        """Show this as the person's home screen."""
        person = self._person(user)
        if person is None:
            raise NotReachable
        await self._rooms.paint(view)
        self._rooms.set_home(person.id, view)

    async def home_stands(self, user: UserRef) -> bool:
        """Never: the page says when somebody looks at it."""
        return False

    async def history(self, conversation: ConversationRef, limit: int = 200) -> tuple[HistoryMessage, ...]:
        """The newest messages of a thread; what is empty or deleted is left out."""
        posts = [
            post for post in self._rooms.thread(conversation) if post.state is not State.DELETED and not post.aside
        ]
        spoken = [post for post in posts if post.text or post.files]
        return tuple(self._remembered(post) for post in spoken[-limit:]) if limit > 0 else ()

    async def download(self, workspace: str, file: FileRef, limit: int) -> bytes:
        """A file's bytes."""
        data = self._rooms.file_bytes(file.id) if workspace == WORKSPACE else None
        if data is None:
            raise PlatformError("That file is no longer there.")
        if len(data) > limit:
            raise PlatformError("That file is too large.")
        return data

    async def is_admin(self, user: UserRef) -> bool:
        """Whether this is the admin."""
        return await self.member_kind(user) in {MemberKind.ADMIN, MemberKind.OWNER}

    async def member_kind(self, user: UserRef) -> MemberKind:
        """What this person is here; strangers are external."""
        person = self._person(user)
        return person.kind if person else MemberKind.EXTERNAL

    async def display_name(self, user: UserRef) -> str:
        """How this person is called."""
        return self._rooms.person_name(user)

    async def post_view(self, conversation: ConversationRef, view: View, persona: Persona) -> MessageRef:
        """Post a screen with its controls into the thread."""
        if conversation.channel not in self._rooms.channels:
            raise NotReachable
        post = self._rooms.add(conversation.channel, APP_ID, thread=conversation.thread)
        post.views, post.persona, post.aside = (view,), persona, True
        self._rooms.tell(post)
        return post.ref

    async def replace_view(self, message: MessageRef, view: View) -> None:
        """Let that message show this instead."""
        post = self._rooms.post(message.id)
        if post is None or post.ref != message:
            raise NotReachable
        post.views = (view,)
        self._rooms.tell(post)

    async def find_channel(self, asker: UserRef, name: str) -> ChannelInfo | None:
        """The channel of that name or id, if the asker is in it."""
        wanted, person = name.strip().removeprefix("#"), self._person(asker)
        rooms = [room for room in self._rooms.channels.values() if not room.of and wanted in {room.id, room.name}]
        return next((_described(room) for room in rooms if person and room.open_to(person.id)), None)

    async def readers(self, workspace: str, channel: str) -> Readers:
        """Who can read a channel."""
        room = self._rooms.channels.get(channel) if workspace == WORKSPACE else None
        if room is None:
            return Readers(False)
        return Readers(not (room.of or room.only), frozenset((room.of,) if room.of else room.only))

    async def channel_history(
        self, asker: UserRef, channel: str, limit: int, before: str = ""
    ) -> tuple[HistoryMessage, ...]:
        """The newest messages of a channel and of its threads, oldest first."""
        if await self.find_channel(asker, channel) is None:
            raise NotReachable(_NOT_READABLE)
        said = self._rooms.said_in(channel)
        older = [post for post in said if not before or float(post.id) < float(before)]
        return tuple(self._remembered(post) for post in older[-limit:]) if limit > 0 else ()

    async def search(self, asker: UserRef, query: str, hints: Hints, limit: int) -> tuple[FoundMessage, ...]:
        """Messages with the most words of the query in them, the newest first among equals, out of channels that the asker is in."""
        words, person, found = query.casefold().split(), self._person(asker), list[tuple[int, int, Post]]()
        for room in self._rooms.channels.values():
            if person and not room.of and room.open_to(person.id):
                for post in self._rooms.said_in(room.id):
                    if hits := sum(word in post.text.casefold() for word in words):
                        found.append((hits, post.order, post))
        best = [post for _, _, post in sorted(found, key=lambda one: one[:2], reverse=True)]
        return tuple(
            FoundMessage(_described(self._rooms.channels[post.channel]), self._remembered(post))
            for post in best[:limit]
        )

    async def post(self, workspace: str, channel: str, text: str, persona: Persona) -> MessageRef:
        """Post Markdown as a new message of a channel."""
        room = self._rooms.channels.get(channel)
        if workspace != WORKSPACE or room is None or room.of:
            raise NotReachable(_NOT_READABLE)
        post = self._rooms.add(channel, APP_ID, inert(text))
        post.persona = persona
        self._rooms.tell(post)
        return post.ref

    async def upload(self, target: ReplyTarget, file: MadeFile) -> None:
        """Send a file to the thread."""
        where = target.conversation
        if where.channel not in self._rooms.channels:
            raise NotReachable
        post = self._rooms.add(where.channel, APP_ID, thread=where.thread)
        kept = self._rooms.keep_file(file.name[:200], file.media_type, base64.b64decode(file.data))
        post.files, post.persona, post.aside = (kept,), target.persona, True
        self._rooms.tell(post)

    async def hand(self, user: UserRef, file: MadeFile, about: View) -> None:
        """Give a file to one person only."""
        person = self._person(user)
        if person is None:
            raise NotReachable
        post = self._rooms.add(f"D-{person.id}", APP_ID)
        kept = self._rooms.keep_file(file.name[:200], file.media_type, base64.b64decode(file.data))
        post.only, post.views, post.files = person.id, (about,), (kept,)
        self._rooms.tell(post)

    async def _begin(self, target: ReplyTarget, save: SavePart) -> Post:
        channel = target.conversation.channel
        if channel not in self._rooms.channels:
            raise NotReachable
        post = self._rooms.add(channel, APP_ID, thread=target.conversation.thread)
        post.state, post.run, post.persona, post.can_stop = State.WORKING, target.run, target.persona, True
        try:
            await save(PartRef(0, post.ref))
        except BaseException:
            self._rooms.remove(post)
            raise
        self._rooms.tell(post)
        return post

    def _remembered(self, post: Post) -> HistoryMessage:
        return HistoryMessage(
            id=post.id,
            text=post.text if post.from_app else plain(post.text, self._rooms.people),
            author=None if post.from_app else UserRef(WORKSPACE, post.author),
            from_agent=post.from_app,
            at=post.at,
            author_name=post.persona.name if post.persona else self._rooms.person_name(UserRef(WORKSPACE, post.author)),
            files=post.files,
        )

    def _person(self, user: UserRef) -> Resident | None:
        return self._rooms.people.get(user.id) if user.workspace == WORKSPACE else None


def _described(room: Room) -> ChannelInfo:
    return ChannelInfo(room.id, room.name, open=not (room.of or room.only))
