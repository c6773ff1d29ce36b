"""Who we are in a workspace, and how Slack's ids become ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.domain.chat import ConversationRef, Place, UserRef

PLATFORM = "slack"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Identity:
    """The app in one Slack team: the bot user that is mentioned, and the bot that messages name as their author."""

    team: str
    bot_user: str
    bot: str
    name: str = ""
    enterprise: str = ""
    app: str = ""

    @property
    def workspace(self) -> str:
        """The workspace's id throughout Latchkey."""
        return workspace_of(self.team)

    def user(self, user: str) -> UserRef:
        """A person seen in this workspace."""
        return UserRef(self.workspace, user)

    def conversation(self, channel: str, thread: str, *, shared: bool = False) -> ConversationRef:
        """A thread of this workspace. Both events of one mention must give the same, so the place is read off the channel's id."""
        place = Place.DIRECT if channel.startswith("D") else Place.CHANNEL
        return ConversationRef(self.workspace, channel, thread, place, shared)

    def wrote(self, message: Json) -> bool:
        """Whether a message (or event) is the app's own."""
        return (bool(self.bot) and message.get("bot_id") == self.bot) or (
            bool(self.bot_user) and message.get("user") == self.bot_user
        )


def workspace_of(team: str) -> str:
    """`T0123` → `slack:T0123`."""
    return f"{PLATFORM}:{team}"


def team_of(workspace: str) -> str:
    """`slack:T0123` → `T0123`."""
    return workspace.removeprefix(f"{PLATFORM}:")


def obj(value: Any) -> Json:
    """The value if it is a JSON object, else an empty one: what comes over the wire is believed in nothing."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def string(value: Any) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""
