"""Teams' activities → what they mean to us. Pure; whatever arrives, nothing raises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.teams import written
from adapters.teams.handle import OURS, Handle, Way
from adapters.teams.payload import Json, items, keepable, obj, string
from adapters.teams.where import PLATFORM, Where, split
from app.domain.chat import ConversationRef, MessageRef, Place, UserRef
from app.domain.events import Addressed, Command, Mention

ACTIVITIES = (
    "conversationUpdate",
    "installationUpdate",
    "invoke",
    "message",
    "messageDelete",
    "messageUpdate",
)
"""The types of activity that are understood; everything else is taken and ignored."""

COMMANDS = ("byok", "home")
"""What may be typed, or chosen from the manifest's lists of commands; a test holds the two together."""

PLACES = {"personal": Place.DIRECT, "groupChat": Place.GROUP, "channel": Place.CHANNEL}
"""The kinds of conversation that are understood."""

_HOME = re.compile(r"/?(?:byok[\s:]+)?home", re.IGNORECASE)
_TYPED = re.compile(r"/?byok\b[\s:]*(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing for us; `why` is a few words for the log."""

    why: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a verified activity happened and who did it. `account` is the person's `29:` id, `site` what the app is installed in: a team or a chat."""

    place: Where
    conversation: ConversationRef
    user: UserRef
    account: str
    site: str

    def handle(self, way: Way) -> Handle:
        """How something that happened here is answered."""
        return Handle(way, self.place, self.user, self.conversation)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command, typed."""

    command: Command


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a card that sends a message: interactions.py reads it."""


@dataclass(frozen=True, slots=True)
class HomeWanted:
    """Somebody asks for the home card, which comes to their one-to-one chat wherever they do."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The app came to a team or chat."""

    at: datetime | None


@dataclass(frozen=True, slots=True)
class Removed:
    """The app was taken out of a team or chat."""

    at: datetime | None


@dataclass(frozen=True, slots=True)
class Edited:
    """A person changed a message."""

    message: MessageRef


@dataclass(frozen=True, slots=True)
class Deleted:
    """A person's message is gone."""

    message: MessageRef


Event = Mention | Typed | Pressed | HomeWanted | Installed | Removed | Edited | Deleted | Ignored


def scene(activity: Json) -> Scene | Ignored:
    """Where and by whom. The tenant is the conversation's, and whatever else names one must agree."""
    conversation, sender = obj(activity.get("conversation")), obj(activity.get("from"))
    data = obj(activity.get("channelData"))
    tenants = {
        string(obj(data.get("tenant")).get("id")).lower(),
        string(conversation.get("tenantId")).lower(),
    } - {""}
    kind = PLACES.get(string(conversation.get("conversationType")))
    full, bot = string(conversation.get("id")), string(obj(activity.get("recipient")).get("id"))
    if len(tenants) != 1 or kind is None or not full or not bot:
        return Ignored("no place that we know of")
    (tenant,) = tenants
    named = (activity.get("id"), activity.get("replyToId"), sender.get("id"), sender.get("aadObjectId"))
    if not keepable(full, bot, tenant, *map(string, named)):
        return Ignored("ids that are none")
    channel, root = split(full)
    if kind is Place.CHANNEL and not root:
        root = string(activity.get("id")) if activity.get("type") == "message" else channel
    place = Where(string(activity.get("serviceUrl")), full, bot, tenant)
    account = string(sender.get("id"))
    user = UserRef(f"{PLATFORM}:{tenant}", string(sender.get("aadObjectId")).lower() or account)
    site = string(obj(data.get("team")).get("id")) or channel  # Teams tells of a team's app in whichever channel
    shared = obj(data.get("channel")).get("type") == "shared"
    where = ConversationRef(f"{PLATFORM}:{tenant}", channel, root or channel, kind, shared)
    return Scene(place, where, user, account, site)


def event(activity: Json, at: Scene) -> Event:
    """What an activity that is not an invoke says."""
    kind = string(activity.get("type"))
    match kind:
        case "message":
            return _message(activity, at)
        case "messageUpdate" | "messageDelete":
            return _changed(activity, at)
        case "installationUpdate":
            return _installation(string(activity.get("action")), activity)
        case "conversationUpdate":
            return _members(activity, at)
        case _:
            return Ignored("unknown activity")


def _message(activity: Json, at: Scene) -> Event:
    if not at.account or at.account == at.place.bot_id:
        return Ignored("our own message, or nobody's")
    if OURS in obj(activity.get("value")):
        return Pressed()
    text, mentioned = written.text_of(activity)
    targeted = obj(activity.get("recipient")).get("isTargeted") is True
    private = at.conversation.place is Place.DIRECT
    to_us = private or mentioned or targeted
    if to_us and _HOME.fullmatch(text):
        return HomeWanted()
    typed = _TYPED.fullmatch(text)
    if to_us and (typed or targeted):
        rest = typed["rest"].strip() if typed else text
        return Typed(Command(at.user, rest, at.conversation.channel, place_is_private=private))
    return _spoken(activity, at, text, mentioned=mentioned)


def _spoken(activity: Json, at: Scene, text: str, *, mentioned: bool) -> Mention | Ignored:
    message, when, files = string(activity.get("id")), moment(activity), written.files_of(activity)
    if not message or when is None:
        return Ignored("message without an id or a time")
    if activity.get("value") is not None and not text and not files:
        return Ignored("a button of somebody else's card")
    addressed = _addressed(at.conversation, message, mentioned=mentioned)
    if addressed is None:
        return Ignored("not for an agent")
    return Mention(
        event_id=f"{at.place.conversation}/{message}",
        conversation=at.conversation,
        message_id=message,
        user=at.user,
        addressed=addressed,
        at=when,
        text=written.with_quotes(text, activity),
        files=files,
        hints=at.place.hints() | {"account": at.account},
        from_bot=at.account.startswith("28:") or obj(activity.get("from")).get("role") == "bot",
    )


def _addressed(conversation: ConversationRef, message: str, *, mentioned: bool) -> Addressed | None:
    """In a flat group chat everything would follow up on everything: there, one has to mention."""
    if conversation.place is Place.DIRECT:
        return Addressed.DIRECT
    if mentioned:
        return Addressed.MENTION
    is_reply = conversation.thread not in {conversation.channel, message}
    return Addressed.FOLLOW_UP if is_reply else None


def _changed(activity: Json, at: Scene) -> Event:
    """Teams names an edited or deleted message by the activity's own id."""
    what = string(obj(activity.get("channelData")).get("eventType"))
    message = MessageRef(at.conversation.workspace, at.conversation.channel, string(activity.get("id")))
    if not message.id or at.account == at.place.bot_id:
        return Ignored("not a person's message")
    if activity.get("type") == "messageDelete" and what in {"softDeleteMessage", ""}:
        return Deleted(message)
    if activity.get("type") == "messageUpdate" and what == "editMessage":
        return Edited(message)
    return Ignored("brought back")


def _installation(action: str, activity: Json) -> Event:
    if action in {"add", "add-upgrade"}:
        return Installed(moment(activity))
    return Removed(moment(activity)) if action == "remove" else Ignored("installed anew")


def _members(activity: Json, at: Scene) -> Event:
    """Where nothing else tells of an installation, the app itself is among the members that came or went."""
    if at.place.bot_id in _ids(activity, "membersAdded"):
        return Installed(moment(activity))
    gone = string(obj(activity.get("channelData")).get("eventType")) == "teamHardDeleted"
    if gone or at.place.bot_id in _ids(activity, "membersRemoved"):
        return Removed(moment(activity))
    return Ignored("members came or went")


def _ids(activity: Json, name: str) -> set[str]:
    return {string(obj(one).get("id")) for one in items(activity.get(name))}


def moment(activity: Json) -> datetime | None:
    """When an activity happened: by its time stamp, else by its id, which is one too."""
    told, message = string(activity.get("timestamp")), string(activity.get("id"))
    try:
        found = datetime.fromisoformat(told)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    if re.fullmatch(r"\d{12,14}", message, re.ASCII):
        return datetime.fromtimestamp(int(message) / 1000, tz=UTC)
    return None
