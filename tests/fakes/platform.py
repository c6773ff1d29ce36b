"""A chat platform in memory, for tests of services: what was whispered, published and answered stands in plain lists.

It keeps `ChatPlatform`'s promises to services: whispers reach one person or raise, a part's id is saved before more is written to it,
`finish` is the whole truth. Requests, signatures and rate limits belong to the servers in this folder that stand in for real platforms.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.domain.chat import ConversationRef, FileRef, Hints, HistoryMessage, MemberKind, MessageRef, Persona, UserRef
from app.domain.run import MadeFile
from app.domain.views import View
from app.errors import NotReachable, PlatformError
from app.ports.platform import (
    Ability,
    ChannelInfo,
    FoundMessage,
    PartRef,
    Readers,
    Reply,
    ReplyTarget,
    SavePart,
    Step,
    folded,
)
from tests.fakes.channels import FakeChannels

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Whisper:
    user: UserRef
    view: View
    conversation: ConversationRef | None


@dataclass
class ChatMessage:
    """A message in a channel; `run` is the answer's, `views` stand under it. `aside`: ours, but no answer (a posted view, a file)."""

    ref: MessageRef
    thread: str
    text: str
    author: UserRef | None = None
    run: str = ""
    views: tuple[View, ...] = ()
    files: tuple[FileRef, ...] = ()
    at: datetime = EPOCH
    aside: bool = False
    persona: Persona | None = None


@dataclass
class FakePlatform:
    """`people` says who is who (an outsider if not named); `broken` makes every outbound act fail until it is cleared.

    `channels` are what tools can name: `channels.add("C2", "support")`, `channels.add("C3", "board", only=[admin])`.
    """

    name: str = "slack"
    shows_stop: bool = False
    keeps_history: bool = True
    names_admins: bool = True
    abilities: frozenset[Ability] = frozenset(Ability)
    tells_of_looks: bool = True  # whether it says when somebody looks at their home
    part_limit: int = 100_000  # characters of one message; a longer answer rolls over
    channels: FakeChannels = field(default_factory=FakeChannels)
    people: dict[UserRef, MemberKind] = field(default_factory=dict)
    names: dict[UserRef, str] = field(default_factory=dict)
    unreachable: set[UserRef] = field(default_factory=set)
    blobs: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    broken: PlatformError | None = None
    post_trouble: PlatformError | None = None  # what posting, and nothing else, ends in
    hand_trouble: PlatformError | None = None  # what handing somebody a file ends in
    whispers: list[Whisper] = field(default_factory=list)
    homes: dict[UserRef, list[View]] = field(default_factory=dict)
    messages: list[ChatMessage] = field(default_factory=list)
    replies: list[FakeReply] = field(default_factory=list)
    uploads: list[tuple[ReplyTarget, MadeFile]] = field(default_factory=list)
    handed: list[tuple[UserRef, MadeFile]] = field(default_factory=list)

    def say(
        self,
        conversation: ConversationRef,
        user: UserRef | None,
        text: str,
        *,
        message_id: str = "",
        files: tuple[FileRef, ...] = (),
    ) -> MessageRef:
        """A person writes in a thread; the message that begins it carries the thread's id."""
        if not message_id:
            begins = not any(
                m.ref.channel == conversation.channel and m.thread == conversation.thread for m in self.messages
            )
            message_id = conversation.thread if begins else self._next_id()
        ref = MessageRef(conversation.workspace, conversation.channel, message_id)
        self.messages.append(ChatMessage(ref, conversation.thread, text, author=user, files=files, at=self._now()))
        return ref

    def answers(self, conversation: ConversationRef) -> list[str]:
        """The texts of our own messages in a thread, oldest first."""
        return [message.text for message in self.thread(conversation) if message.run]

    def thread(self, conversation: ConversationRef) -> list[ChatMessage]:
        where = (conversation.workspace, conversation.channel, conversation.thread)
        return [m for m in self.messages if (m.ref.workspace, m.ref.channel, m.thread) == where]

    def told(self, user: UserRef) -> list[View]:
        """What was whispered to a person."""
        return [whisper.view for whisper in self.whispers if whisper.user == user]

    def home(self, user: UserRef) -> View:
        """The home screen as the person sees it now."""
        return self.homes[user][-1]

    async def open_reply(self, target: ReplyTarget, save: SavePart) -> Reply:
        return self._reply(target, save, [])

    async def resume_reply(self, target: ReplyTarget, parts: Sequence[PartRef], save: SavePart) -> Reply:
        known = {part.message for part in parts}
        if known:
            ours = [message for message in self.messages if message.ref in known]
        else:
            thread = self.thread(target.conversation)
            asked = next((at for at, message in enumerate(thread) if message.ref.id == target.asked), -1)
            ours = [message for message in thread[asked + 1 :] if message.run][-1:]
            for position, message in enumerate(ours):
                await save(PartRef(position, message.ref))
        return self._reply(target, save, ours)

    async def whisper(self, user: UserRef, view: View, conversation: ConversationRef | None = None) -> None:
        self.check()
        if user in self.unreachable:
            raise NotReachable
        self.whispers.append(Whisper(user, view, conversation))

    async def publish_home(self, user: UserRef, view: View) -> None:
        self.check()
        self.homes.setdefault(user, []).append(view)

    async def home_stands(self, user: UserRef) -> bool:
        return not self.tells_of_looks and user in self.homes

    async def history(self, conversation: ConversationRef, limit: int = 200) -> tuple[HistoryMessage, ...]:
        self.check()
        return tuple(_told(m) for m in [m for m in self.thread(conversation) if not m.aside][-limit:])

    async def download(self, workspace: str, file: FileRef, limit: int) -> bytes:
        self.check()
        self.fetched.append(file.id)
        content = self.blobs.get(file.id)
        if content is None or len(content) > limit:
            raise PlatformError
        return content

    async def is_admin(self, user: UserRef) -> bool:
        return await self.member_kind(user) in (MemberKind.OWNER, MemberKind.ADMIN)

    async def member_kind(self, user: UserRef) -> MemberKind:
        return MemberKind.EXTERNAL if self.broken else self.people.get(user, MemberKind.EXTERNAL)

    async def display_name(self, user: UserRef) -> str:
        return self.names.get(user, user.id)

    async def post_view(self, conversation: ConversationRef, view: View, persona: Persona) -> MessageRef:
        self.check()
        ref = MessageRef(conversation.workspace, conversation.channel, self._next_id())
        shown = ChatMessage(
            ref, conversation.thread or ref.id, "", views=(view,), at=self._now(), aside=True, persona=persona
        )  # fmt: skip
        self.messages.append(shown)
        return ref

    async def replace_view(self, message: MessageRef, view: View) -> None:
        self.check()
        found = next((m for m in self.messages if m.ref == message), None)
        if found is None:
            raise NotReachable
        found.views = (view,)

    async def find_channel(self, asker: UserRef, name: str) -> ChannelInfo | None:
        self.check()
        return self.channels.find(asker, name, self.people.get(asker, MemberKind.EXTERNAL))

    async def readers(self, workspace: str, channel: str) -> Readers:
        return Readers(False) if self.broken else self.channels.readers(channel)

    async def channel_history(
        self, asker: UserRef, channel: str, limit: int, before: str = ""
    ) -> tuple[HistoryMessage, ...]:
        self._able(Ability.CHANNEL_HISTORY)
        if await self.find_channel(asker, channel) is None:
            raise NotReachable
        said = [m for m in self.messages if m.ref.channel == channel and m.text and not m.aside]
        older = [m for m in said if not before or float(m.ref.id) < float(before)]
        return tuple(_told(m) for m in older[-limit:]) if limit > 0 else ()

    async def search(self, asker: UserRef, query: str, hints: Hints, limit: int) -> tuple[FoundMessage, ...]:
        self._able(Ability.SEARCH)
        found = []
        for message in self.messages:
            if query.casefold() in message.text.casefold() and message.text and not message.aside:
                channel = await self.find_channel(asker, message.ref.channel)
                if channel is not None:
                    found.append(FoundMessage(channel, _told(message), f"https://chat.example/{message.ref.id}"))
        return tuple(found[:limit])

    async def post(self, workspace: str, channel: str, text: str, persona: Persona) -> MessageRef:
        self._able(Ability.POST)
        if self.post_trouble:
            raise self.post_trouble
        if channel not in self.channels.all:
            raise NotReachable
        ref = MessageRef(workspace, channel, self._next_id())
        posted = ChatMessage(ref, ref.id, _inert(text), at=self._now(), persona=persona)
        self.messages.append(posted)
        return ref

    async def upload(self, target: ReplyTarget, file: MadeFile) -> None:
        self._able(Ability.UPLOAD)
        where, data = target.conversation, base64.b64decode(file.data)
        ref = MessageRef(where.workspace, where.channel, self._next_id())
        made = FileRef(f"F-{ref.id}", file.name, file.media_type, len(data))
        self.blobs[made.id] = data
        self.uploads.append((target, file))
        self.messages.append(ChatMessage(ref, where.thread, "", files=(made,), at=self._now(), aside=True))

    async def hand(self, user: UserRef, file: MadeFile, about: View) -> None:
        if self.hand_trouble or user not in self.people:
            raise self.hand_trouble or NotReachable()
        await self.whisper(user, about)
        self.handed.append((user, file))

    def check(self) -> None:
        if self.broken:
            raise self.broken

    def begin(self, target: ReplyTarget) -> ChatMessage:
        ref = MessageRef(target.conversation.workspace, target.conversation.channel, self._next_id())
        message = ChatMessage(ref, target.conversation.thread, "", run=target.run, at=self._now())
        self.messages.append(message)
        return message

    def _able(self, ability: Ability) -> None:
        self.check()
        if ability not in self.abilities:
            raise NotReachable

    def _reply(self, target: ReplyTarget, save: SavePart, messages: list[ChatMessage]) -> FakeReply:
        self.check()
        reply = FakeReply(self, target, save, messages)
        self.replies.append(reply)
        return reply

    def _next_id(self) -> str:
        return f"1767225600.{len(self.messages) + 1:06d}"

    def _now(self) -> datetime:
        return EPOCH + timedelta(seconds=len(self.messages))


@dataclass
class FakeReply:
    """An answer that shows every append at once. `ended` is `finished`, `failed` or `abandoned`."""

    platform: FakePlatform
    target: ReplyTarget
    save: SavePart
    messages: list[ChatMessage]
    statuses: list[str] = field(default_factory=list)
    appended: list[str] = field(default_factory=list)
    shown_steps: list[tuple[Step, ...]] = field(default_factory=list)
    explanation: View | None = None
    ended: str = ""

    def __post_init__(self) -> None:
        self._resumed = bool(self.messages)

    async def append(self, text: str) -> None:
        self.appended.append(text)
        if not self._resumed and not self.platform.broken:
            await self._show("".join(self.appended))

    async def status(self, text: str) -> None:
        self.statuses.append(text)

    async def steps(self, steps: Sequence[Step]) -> None:
        self.shown_steps.append(tuple(steps))
        if not self._resumed and not self.platform.broken:
            said = "".join(self.appended)
            await self._show(f"{said}\n{steps[-1].title}" if steps else said)

    async def finish(self, text: str, views: Sequence[View] = ()) -> None:
        self.platform.check()
        fold = folded(self.shown_steps[-1]) if self.shown_steps else ""
        await self._show(f"{text}\n{fold}" if fold else text)
        self.messages[-1].views = tuple(views)
        self.ended = "finished"

    async def fail(self, explanation: View, text: str = "") -> None:
        self.platform.check()
        await self._show(text)
        self.messages[-1].views = (explanation,)
        self.explanation = explanation
        self.ended = "failed"

    async def abandon(self) -> None:
        self.ended = "abandoned"

    async def _show(self, text: str) -> None:
        text = _inert(text)
        limit = self.platform.part_limit
        pieces = [text[at : at + limit] for at in range(0, len(text), limit)] or [""]
        for position, piece in enumerate(pieces):
            if position == len(self.messages):
                message = self.platform.begin(self.target)
                self.messages.append(message)
                await self.save(PartRef(position, message.ref))
            self.messages[position].text = piece


def _inert(text: str) -> str:
    return text.replace("<!", "<\u200b!").replace("@channel", "@\u200bchannel")  # an answer rings nobody


def _told(message: ChatMessage) -> HistoryMessage:
    ours = bool(message.run) or message.persona is not None
    return HistoryMessage(
        id=message.ref.id, text=message.text, author=message.author, from_agent=ours, at=message.at, files=message.files
    )
