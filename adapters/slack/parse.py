"""Slack's events and commands → what they mean to us. Pure; whatever arrives, nothing raises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.slack.identity import Identity, Json, items, obj, string
from adapters.slack.text import unescape
from app.domain.chat import ConversationRef, FileRef, MessageRef, Place, UserRef
from app.domain.events import Addressed, Command, Mention

EVENTS = (
    "agent_session_stopped",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "tokens_revoked",
)
"""What `event` understands, by the names of the manifest; a test holds the two together."""

COMMANDS = ("/byok",)
"""The slash commands that are handled; the same test holds."""

LEAVE = "search"
"""Under which name a message's leave to search stands in its hints."""

_SPOKEN = {None, "file_share", "thread_broadcast", "me_message", "bot_message"}


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing for us; `why` is a few words for the log."""

    why: str


@dataclass(frozen=True, slots=True)
class HomeOpened:
    """Somebody looks at the Home tab."""

    user: UserRef


@dataclass(frozen=True, slots=True)
class MessagesOpened:
    """Somebody opens the direct chat with the app."""

    user: UserRef
    channel: str


@dataclass(frozen=True, slots=True)
class StopPressed:
    """Slack's own stop button."""

    conversation: ConversationRef
    user: UserRef


@dataclass(frozen=True, slots=True)
class Edited:
    """A person changed the text of a message."""

    message: MessageRef
    user: UserRef


@dataclass(frozen=True, slots=True)
class Deleted:
    """A person's message is gone."""

    message: MessageRef


@dataclass(frozen=True, slots=True)
class Removed:
    """The app is no longer in the workspace, or its token is dead."""

    workspace: str


Event = Mention | HomeOpened | MessagesOpened | StopPressed | Edited | Deleted | Removed | Ignored


def team_of_event(envelope: Json) -> str:
    """The team whose installation this is for: `authorizations[0]`, never `event.team`."""
    authorizations = items(envelope.get("authorizations"))
    first = obj(authorizations[0]) if authorizations else {}
    return string(first.get("team_id")) or string(envelope.get("team_id"))


def event(envelope: Json, me: Identity) -> Event:
    """What an Events API envelope says."""
    inner = obj(envelope.get("event"))
    kind = string(inner.get("type"))
    if kind in {"app_mention", "message"}:
        return _message(envelope, inner, me)
    if kind == "app_home_opened":
        return _opened(inner, me)
    if kind == "agent_session_stopped":
        return _stopped(envelope, inner, me)
    if kind == "app_uninstalled" or (kind == "tokens_revoked" and items(obj(inner.get("tokens")).get("bot"))):
        return Removed(me.workspace)
    return Ignored("unknown event")


def command(form: Json, me: Identity) -> Command | Ignored:
    """What a slash command says."""
    user, channel = string(form.get("user_id")), string(form.get("channel_id"))
    if not user:
        return Ignored("command without a user")
    text = unescape(string(form.get("text"))).strip()
    return Command(me.user(user), text, channel, place_is_private=channel.startswith("D"))


def _message(envelope: Json, inner: Json, me: Identity) -> Event:
    subtype = inner.get("subtype")
    if subtype == "message_changed":
        return _changed(inner, me)
    if subtype == "message_deleted":
        return _deleted(string(inner.get("deleted_ts")), obj(inner.get("previous_message")), inner, me)
    if subtype is not None and (not isinstance(subtype, str) or subtype not in _SPOKEN):
        return Ignored("not spoken by anybody")
    if me.wrote(inner):
        return Ignored("our own message")
    return _spoken(envelope, inner, me)


def _spoken(envelope: Json, inner: Json, me: Identity) -> Event:
    channel, ts, thread = string(inner.get("channel")), string(inner.get("ts")), string(inner.get("thread_ts"))
    author = string(inner.get("user")) or string(inner.get("bot_id"))
    event_id, at = string(envelope.get("event_id")), moment(ts)
    if not (channel and author and event_id) or at is None:
        return Ignored("message without a place, an author or an id")
    raw = string(inner.get("text"))
    conversation = me.conversation(channel, thread or ts, shared=envelope.get("is_ext_shared_channel") is True)
    addressed = _addressed(conversation.place, is_reply=bool(thread) and thread != ts, mentioned=_mention_of(me, raw))
    if addressed is None:
        return Ignored("not for an agent")
    files = files_of(inner)
    return Mention(
        event_id=event_id,
        conversation=conversation,
        message_id=ts,
        user=me.user(author),
        addressed=addressed,
        at=at,
        text=without_mention(raw, me),
        files=files,
        hints=_hints(inner, me),
        from_bot=bool(inner.get("bot_id")) or inner.get("subtype") == "bot_message",
    )


def _hints(inner: Json, me: Identity) -> dict[str, str]:
    """What `open_reply` and `search` want back. Slack has put the leave to search into two places so far."""
    leave = string(obj(inner.get("assistant_thread")).get("action_token")) or string(inner.get("action_token"))
    team = string(inner.get("user_team")) or string(inner.get("team")) or me.team
    return {"team": team} | ({LEAVE: leave} if leave else {})


def _addressed(place: Place, *, is_reply: bool, mentioned: bool) -> Addressed | None:
    if place is Place.DIRECT:
        return Addressed.DIRECT
    if mentioned:
        return Addressed.MENTION
    return Addressed.FOLLOW_UP if is_reply else None


def _mention_of(me: Identity, raw: str) -> bool:
    return bool(me.bot_user) and re.search(rf"<@{re.escape(me.bot_user)}(?:\|[^<>]*)?>", raw) is not None


def without_mention(raw: str, me: Identity) -> str:
    """A message's text as its author meant it: Slack's markup read, the app's own mention removed."""
    if me.bot_user:
        raw = re.sub(rf"[ \t]*<@{re.escape(me.bot_user)}(?:\|[^<>]*)?>[ \t]*", " ", raw)
    return unescape(raw).strip()


def _changed(inner: Json, me: Identity) -> Event:
    message, before = obj(inner.get("message")), obj(inner.get("previous_message"))
    if message.get("subtype") == "tombstone":  # a deleted message that has replies
        return _deleted(string(message.get("ts")), before or message, inner, me)
    channel, ts, user = string(inner.get("channel")), string(message.get("ts")), string(message.get("user"))
    if not (channel and ts and user) or me.wrote(message) or message.get("bot_id"):
        return Ignored("not a person's edit")
    if message.get("text") == before.get("text"):
        return Ignored("edited, but not its text")  # Slack adds previews and reply counts in the same way
    return Edited(MessageRef(me.workspace, channel, ts), me.user(user))


def _deleted(ts: str, before: Json, inner: Json, me: Identity) -> Event:
    channel = string(inner.get("channel"))
    if not (channel and ts) or me.wrote(before):
        return Ignored("not a person's deletion")
    return Deleted(MessageRef(me.workspace, channel, ts))


def _opened(inner: Json, me: Identity) -> Event:
    user, channel = string(inner.get("user")), string(inner.get("channel"))
    if not user:
        return Ignored("opened by nobody")
    if inner.get("tab") == "messages":
        return MessagesOpened(me.user(user), channel) if channel else Ignored("opened nowhere")
    return HomeOpened(me.user(user))


def _stopped(envelope: Json, inner: Json, me: Identity) -> Event:
    user, channel, thread = (string(inner.get(name)) for name in ("user", "channel", "thread_ts"))
    if not (user and channel and thread):
        return Ignored("stop of nothing")
    shared = envelope.get("is_ext_shared_channel") is True
    return StopPressed(me.conversation(channel, thread, shared=shared), me.user(user))


def _file(entry: Json) -> FileRef | None:
    file_id, size = string(entry.get("id")), entry.get("size")
    if not file_id or entry.get("mode") in {"tombstone", "hidden_by_limit"}:
        return None
    return FileRef(
        id=file_id,
        name=string(entry.get("name")) or string(entry.get("title")) or file_id,
        media_type=string(entry.get("mimetype")),
        size=size if isinstance(size, int) else 0,
        url=string(entry.get("url_private_download")) or string(entry.get("url_private")),
    )


def files_of(message: Json) -> tuple[FileRef, ...]:
    """The files that hang on a message."""
    return tuple(file for entry in items(message.get("files")) if (file := _file(obj(entry))))


def moment(ts: str) -> datetime | None:
    """When a message was written, read off its id; None when it is no message id."""
    if not re.fullmatch(r"\d{1,11}(\.\d{1,9})?", ts, re.ASCII):
        return None
    return datetime.fromtimestamp(float(ts), tz=UTC)
