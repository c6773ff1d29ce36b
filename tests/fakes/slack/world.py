"""What this Slack knows: workspaces, people, channels, messages, files. No HTTP in here."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

APP_ID = "A0LATCHKEY"


class SlackError(Exception):
    """A method ends in this error name, as `{"ok": false, "error": name}`."""

    def __init__(self, name: str, **extra: Any) -> None:
        super().__init__(name)
        self.name = name
        self.extra = extra


@dataclass
class Workspace:
    """One team in which the app is installed; `token` is its bot token."""

    id: str
    token: str
    bot_user_id: str = "UBOT"
    bot_id: str = "BBOT"
    name: str = "Acme"
    enterprise_id: str | None = None
    scopes: str = (
        "app_mentions:read,assistant:write,channels:history,channels:read,chat:write,chat:write.customize,commands,"
        "files:read,files:write,groups:history,groups:read,im:history,im:read,im:write,mpim:history,mpim:read,users:read,"
        "search:read.public,search:read.files,search:read.users"
    )


@dataclass
class Channel:
    """A channel, a private one, or a direct message (`is_im`)."""

    id: str
    team: str
    name: str = ""
    is_im: bool = False
    is_private: bool = False
    is_ext_shared: bool = False
    members: list[str] = field(default_factory=list)
    messages: dict[str, Json] = field(default_factory=dict)
    topic: str = ""

    @property
    def type(self) -> str:
        """The `channel_type` of events that happen here."""
        return "im" if self.is_im else "group" if self.is_private else "channel"

    def as_json(self) -> Json:
        """What `conversations.info` tells."""
        return {
            "id": self.id,
            "name": self.name,
            "is_im": self.is_im,
            "is_channel": not self.is_im and not self.is_private,
            "is_private": self.is_private,
            "is_ext_shared": self.is_ext_shared,
            "is_member": True,
            "context_team_id": self.team,
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
        }


@dataclass
class File:
    """A file with its bytes; downloadable with the bot token only."""

    id: str
    name: str
    mimetype: str
    data: bytes
    url: str
    created: float = field(default_factory=time.time)
    shared: bool = True
    looks: int = 0  # until it is known what is in it

    @property
    def is_picture(self) -> bool:
        """Whether it is known to be one."""
        return self.looks <= 0 and self.mimetype.startswith("image/")

    def as_json(self) -> Json:
        """The file object that stands in `event.files`."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.name,
            "mimetype": "" if self.looks > 0 else self.mimetype,
            "created": int(self.created),
            "filetype": self.name.rpartition(".")[2],
            "size": len(self.data),
            "mode": "hosted",
            "file_access": "visible",
            "url_private": self.url,
            "url_private_download": f"{self.url}?download=1",
        }


class World:
    """All state of the fake; one workspace `T1` with four people and #general to begin with."""

    def __init__(self, bot_token: str) -> None:
        self.workspaces: dict[str, Workspace] = {}
        self.users: dict[str, Json] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self._ids = itertools.count(1)
        self._last_ts = 0  # in microseconds: two messages must never share one
        self.add_workspace("T1", bot_token)
        self.add_user("UADMIN", "Ada Admin", is_admin=True, is_owner=True)
        self.add_user("UMEMBER", "Max Member")
        self.add_user("UGUEST", "Gus Guest", is_restricted=True)
        self.add_user("USTRANGER", "Stella Stranger", is_stranger=True, team_id="T9")
        self.add_channel("CGENERAL", "general")

    def add_workspace(
        self, team: str, token: str, *, bot_user_id: str = "", enterprise_id: str | None = None
    ) -> Workspace:
        """Install the app in a team; its own token and its own bot user."""
        suffix = "" if team == "T1" else team
        workspace = Workspace(team, token, bot_user_id or f"UBOT{suffix}", f"BBOT{suffix}", enterprise_id=enterprise_id)
        self.workspaces[team] = workspace
        self.add_user(workspace.bot_user_id, "latchkey", team_id=team, is_bot=True)
        return workspace

    def add_user(self, user: str, name: str, *, team_id: str = "T1", **flags: bool) -> Json:
        """A person (or bot) with the flags of `users.info`; what is not named is False."""
        known = (
            "is_admin",
            "is_owner",
            "is_primary_owner",
            "is_restricted",
            "is_ultra_restricted",
            "is_bot",
            "is_stranger",
        )
        record: Json = {"id": user, "team_id": team_id, "name": name.split(maxsplit=1)[0].lower(), "deleted": False}
        record |= {flag: False for flag in known if flag != "is_stranger"} | flags
        record |= {
            "real_name": name,
            "tz": "Etc/UTC",
            "profile": {"real_name": name, "display_name": name.split(maxsplit=1)[0]},
        }
        self.users[user] = record
        return record

    def add_channel(
        self, channel: str, name: str, *, team: str = "T1", is_private: bool = False, is_ext_shared: bool = False
    ) -> Channel:
        """A channel with the team's people and its bot in it."""
        members = [u["id"] for u in self.users.values() if u["team_id"] == team or u.get("is_stranger")]
        self.channels[channel] = Channel(channel, team, name, False, is_private, is_ext_shared, members)
        return self.channels[channel]

    def direct(self, user: str, team: str = "T1") -> Channel:
        """The direct message between a person and the bot, made on first use."""
        channel = "D" + user.removeprefix("U") + ("" if team == "T1" else team)
        if channel not in self.channels:
            bot = self.workspaces[team].bot_user_id
            self.channels[channel] = Channel(channel, team, is_im=True, members=[user, bot])
        return self.channels[channel]

    def channel(self, channel: str) -> Channel:
        """The channel, or `channel_not_found`."""
        if channel not in self.channels:
            raise SlackError("channel_not_found")
        return self.channels[channel]

    def message(self, channel: str, ts: str) -> Json:
        """The message, or `message_not_found`."""
        found = self.channel(channel).messages.get(ts)
        if found is None:
            raise SlackError("message_not_found")
        return found

    def post(self, channel: str, message: Json) -> Json:
        """Keep a message under a new, strictly later `ts`."""
        message["ts"] = self.new_ts()
        self.channel(channel).messages[message["ts"]] = message
        return message

    def thread(self, channel: str, root: str) -> list[Json]:
        """Root and replies, oldest first."""
        messages = self.channel(channel).messages.values()
        return sorted((m for m in messages if root in (m["ts"], m.get("thread_ts"))), key=lambda m: float(m["ts"]))

    def new_ts(self) -> str:
        """A message time stamp, later than every one before it."""
        self._last_ts = max(time.time_ns() // 1000, self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def new_id(self, prefix: str) -> str:
        """An id that was never given out before."""
        return f"{prefix}{next(self._ids):08d}"

    def workspace_of_token(self, token: str) -> Workspace:
        """Whose bot token this is, or `invalid_auth`."""
        for workspace in self.workspaces.values():
            if token and workspace.token == token:
                return workspace
        raise SlackError("not_authed" if not token else "invalid_auth")

    def team_of(self, channel: str) -> Workspace:
        """The workspace that owns a channel."""
        return self.workspaces[self.channel(channel).team]
