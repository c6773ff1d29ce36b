"""Methods that read: auth.test, users.*, conversations.*, files.*, search."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from tests.fakes.slack.world import APP_ID, Channel, File, Json, SlackError, Workspace, World

T = TypeVar("T")
_INTERNAL = {"versions", "streaming_state", "unfurl_links", "unfurl_media"}


@dataclass
class Lookup:
    """Answers questions about people, channels, history and files."""

    world: World
    base_url: str = ""
    uploads: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    minds_dates: bool = True
    looks: int = 2
    """How often one has to ask until Slack knows what was uploaded."""

    def auth_test(self, workspace: Workspace, args: Json) -> Json:
        """auth.test"""
        return {
            "url": "https://acme.example/",
            "team": workspace.name,
            "user": "latchkey",
            "team_id": workspace.id,
            "user_id": workspace.bot_user_id,
            "bot_id": workspace.bot_id,
            "enterprise_id": workspace.enterprise_id,
            "is_enterprise_install": False,
        }

    def users_info(self, workspace: Workspace, args: Json) -> Json:
        """users.info"""
        user = self.world.users.get(str(args.get("user")))
        if user is None:
            raise SlackError("user_not_found")
        return {"user": user}

    def users(self, workspace: Workspace, args: Json) -> Json:
        """users.list"""
        page, cursor = _page(list(self.world.users.values()), args, 100)
        return {"members": page, "response_metadata": {"next_cursor": cursor}}

    def bots_info(self, workspace: Workspace, args: Json) -> Json:
        """bots.info"""
        if args.get("bot") != workspace.bot_id:
            raise SlackError("bot_not_found")
        return {"bot": {"id": workspace.bot_id, "app_id": APP_ID, "user_id": workspace.bot_user_id, "name": "latchkey"}}

    def info(self, workspace: Workspace, args: Json) -> Json:
        """conversations.info"""
        return {"channel": self._known(workspace, args).as_json()}

    def open(self, workspace: Workspace, args: Json) -> Json:
        """conversations.open"""
        user = str(args.get("users"))
        if user not in self.world.users:
            raise SlackError("user_not_found")
        return {"channel": self.world.direct(user, workspace.id).as_json()}

    def members(self, workspace: Workspace, args: Json) -> Json:
        """conversations.members"""
        members = self._known(workspace, args).members
        page, cursor = _page(members, args, 100)
        return {"members": page, "response_metadata": {"next_cursor": cursor}}

    def channels(self, workspace: Workspace, args: Json) -> Json:
        """conversations.list"""
        kinds = set(str(args.get("types") or "public_channel").split(","))
        found = [
            c.as_json() | {"name": c.name}
            for c in self.world.channels.values()
            if c.team == workspace.id
            and not c.is_im
            and (not c.is_private or workspace.bot_user_id in c.members)
            and ("private_channel" if c.is_private else "public_channel") in kinds
        ]
        page, cursor = _page(found, args, 100)
        return {"channels": page, "response_metadata": {"next_cursor": cursor}}

    def replies(self, workspace: Workspace, args: Json) -> Json:
        """conversations.replies: the root, then replies, oldest first"""
        channel = self._readable(workspace, args)
        thread = self.world.thread(channel, str(args.get("ts")))
        if not thread:
            raise SlackError("thread_not_found")
        root, rest = thread[0], [m for m in thread[1:] if _within(m, args)]
        page, cursor = _page([root, *rest], args, 1000)
        return _messages(page, cursor, args)

    def history(self, workspace: Workspace, args: Json) -> Json:
        """conversations.history: newest first, without thread replies"""
        channel = self.world.channel(self._readable(workspace, args))
        top = [
            m
            for m in channel.messages.values()
            if m.get("thread_ts") in {None, m["ts"]} or m.get("subtype") == "thread_broadcast"
        ]
        newest_first = sorted((m for m in top if _within(m, args)), key=lambda m: float(m["ts"]), reverse=True)
        page, cursor = _page(newest_first, args, 100)
        return _messages(page, cursor, args)

    def file_info(self, workspace: Workspace, args: Json) -> Json:
        """files.info"""
        file = self._file(args)
        file.looks -= 1
        return {"file": file.as_json()}

    def file_list(self, workspace: Workspace, args: Json) -> Json:
        """files.list"""
        until = float(args.get("ts_to") or "inf") if self.minds_dates else float("inf")
        return {"files": [one.as_json() for one in self.world.files.values() if one.created <= until]}

    def file_delete(self, workspace: Workspace, args: Json) -> Json:
        """files.delete"""
        del self.world.files[self._file(args).id]
        return {}

    def _file(self, args: Json) -> File:
        if args.get("file") not in self.world.files:
            raise SlackError("file_not_found")
        return self.world.files[str(args["file"])]

    def upload_url(self, workspace: Workspace, args: Json) -> Json:
        """files.getUploadURLExternal"""
        if not args.get("filename") or int(args.get("length") or 0) <= 0:
            raise SlackError("invalid_arguments")
        file = self.world.new_id("F")
        self.names[file] = str(args["filename"])
        return {"file_id": file, "upload_url": f"{self.base_url}/upload/{file}"}

    def complete_upload(self, workspace: Workspace, args: Json) -> Json:
        """files.completeUploadExternal"""
        done = []
        for one in args.get("files") or []:
            if one.get("id") not in self.uploads:
                raise SlackError("file_not_found")
            data = self.uploads[one["id"]]
            kind = "image/png" if data.startswith(b"\x89PNG") else "application/octet-stream"
            done.append(self.add_file(self.names[one["id"]], kind, data, one["id"]))
            done[-1].looks, done[-1].shared = self.looks, bool(args.get("channel_id"))
        if args.get("channel_id"):
            message: Json = {
                "type": "message",
                "text": args.get("initial_comment") or "",
                "files": [f.as_json() for f in done],
            }
            message |= {"user": workspace.bot_user_id, "bot_id": workspace.bot_id}
            message |= {"thread_ts": args["thread_ts"]} if args.get("thread_ts") else {}
            self.world.post(str(args["channel_id"]), message)
        return {"files": [f.as_json() for f in done]}

    def search(self, workspace: Workspace, args: Json) -> Json:
        """assistant.search.context: needs the action token of a message event"""
        if not str(args.get("action_token", "")).startswith("act-"):
            raise SlackError("invalid_action_token")
        words = str(args.get("query", "")).lower().split()
        hits = [
            {
                "author_user_id": m.get("user"),
                "team_id": workspace.id,
                "channel_id": c.id,
                "channel_name": c.name,
                "message_ts": m["ts"],
                "content": m["text"],
                "is_author_bot": "bot_id" in m,
                "permalink": f"https://acme.example/archives/{c.id}/p{m['ts'].replace('.', '')}",
            }
            for c in self.world.channels.values()
            if c.team == workspace.id and not c.is_im and not c.is_private
            for m in c.messages.values()
            if any(word in m.get("text", "").lower() for word in words)
        ]
        return {"results": {"messages": hits[: int(args.get("limit") or 20)]}, "response_metadata": {"next_cursor": ""}}

    def add_file(self, name: str, mimetype: str, data: bytes, file_id: str = "") -> File:
        """Keep a file; its `url` wants the bot token."""
        file_id = file_id or self.world.new_id("F")
        file = File(file_id, name, mimetype, data, f"{self.base_url}/files-pri/{file_id}/{name}")
        self.world.files[file_id] = file
        return file

    def _known(self, workspace: Workspace, args: Json) -> Channel:
        """A channel that the bot may know of: what is private it knows where it is a member."""
        channel = self.world.channel(str(args.get("channel")))
        if channel.is_private and workspace.bot_user_id not in channel.members:
            raise SlackError("channel_not_found")
        return channel

    def _readable(self, workspace: Workspace, args: Json) -> str:
        channel = self.world.channel(str(args.get("channel")))
        if workspace.bot_user_id not in channel.members:
            raise SlackError("not_in_channel")
        return channel.id


def _within(message: Json, args: Json) -> bool:
    ts, inclusive = float(message["ts"]), str(args.get("inclusive", "")).lower() in {"1", "true"}
    oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
    return oldest < ts < latest or (inclusive and ts in (oldest, latest))


def _page(items: list[T], args: Json, default: int) -> tuple[list[T], str]:
    limit = min(int(args.get("limit") or default), 1000)
    start = int(str(args.get("cursor") or "at:0").removeprefix("at:"))
    more = start + limit < len(items)
    return items[start : start + limit], f"at:{start + limit}" if more else ""


def _messages(page: list[Json], cursor: str, args: Json) -> Json:
    hidden = _INTERNAL | (set() if str(args.get("include_all_metadata", "")).lower() in {"1", "true"} else {"metadata"})
    messages = [{k: v for k, v in m.items() if k not in hidden} for m in page]
    return {"messages": messages, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}
