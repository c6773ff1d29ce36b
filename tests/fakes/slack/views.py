"""Views (modals and Home), trigger ids and response URLs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack.blocks import check_message, check_pictures, check_view
from tests.fakes.slack.world import Json, SlackError, Workspace, World


@dataclass
class ResponseUrl:
    """A callback address of one interaction: five uses, half an hour."""

    channel: str
    user: str
    message_ts: str = ""
    ephemeral: int = -1
    made: float = field(default_factory=time.monotonic)
    uses: int = 0


@dataclass
class Views:
    """What is open for whom. `trigger_lifetime` is Slack's 3 seconds and may be set for a test."""

    world: World
    trigger_lifetime: float = 3.0
    base_url: str = ""
    stacks: dict[str, list[Json]] = field(default_factory=dict)
    homes: dict[str, Json] = field(default_factory=dict)
    responses: list[Json] = field(default_factory=list)
    ephemerals: list[Json] = field(default_factory=list)
    urls: dict[str, ResponseUrl] = field(default_factory=dict)
    _triggers: dict[str, tuple[str, float]] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def new_trigger(self, user: str) -> str:
        """A trigger id as every command and interaction carries one."""
        trigger = f"trigger.{self.world.new_id('')}"
        self._triggers[trigger] = (user, time.monotonic())
        return trigger

    def open(self, workspace: Workspace, args: Json) -> Json:
        """views.open"""
        return {"view": self._show(workspace, args, push=False)}

    def push(self, workspace: Workspace, args: Json) -> Json:
        """views.push"""
        return {"view": self._show(workspace, args, push=True)}

    def update(self, workspace: Workspace, args: Json) -> Json:
        """views.update"""
        view = self.find(str(args.get("view_id") or ""), str(args.get("external_id") or ""))
        self._check(args.get("view"))
        self._check_hash(view, args)
        view |= {"private_metadata": "", "callback_id": ""} | args["view"] | {"hash": self.world.new_id("h.")}
        return {"view": view}

    def publish(self, workspace: Workspace, args: Json) -> Json:
        """views.publish"""
        self._check(args.get("view"))
        user, old = str(args.get("user_id")), self.homes.get(str(args.get("user_id")))
        if user not in self.world.users:
            raise SlackError("user_not_found")
        if old is not None:
            self._check_hash(old, args)
        self.homes[user] = self._full(workspace, args["view"])
        return {"view": self.homes[user]}

    def find(self, view_id: str, external_id: str = "") -> Json:
        """The open modal or Home with this id, or `not_found`."""
        shown = [view for stack in self.stacks.values() for view in stack] + list(self.homes.values())
        for view in shown:
            if view["id"] == view_id or (external_id and view.get("external_id") == external_id):
                return view
        raise SlackError("not_found")

    def close(self, user: str, view_id: str, *, everything: bool = False) -> None:
        """The person's modal goes away (with `everything`, the whole stack)."""
        stack = self.stacks.get(user, [])
        self.stacks[user] = [] if everything else [v for v in stack if v["id"] != view_id]

    def add(self, workspace: Workspace, user: str, view: Json) -> Json:
        """Show one more modal to a person (push, or the first)."""
        self._check(view)
        full = self._full(workspace, view)
        self.stacks.setdefault(user, []).append(full)
        return full

    def new_response_url(self, channel: str, user: str, message_ts: str = "", ephemeral: int = -1) -> str:
        """An address to which the app may post answers to this interaction."""
        name = self.world.new_id("R")
        self.urls[name] = ResponseUrl(channel, user, message_ts, ephemeral)
        return f"{self.base_url}/response/{name}"

    def respond(self, name: str, body: Json) -> None:
        """What posting to a response URL does; Slack's error names for what it may not."""
        url = self.urls.get(name)
        if url is None or url.uses >= 5 or time.monotonic() - url.made > 1800:
            raise SlackError("expired_url" if url is None or url.uses < 5 else "used_url")
        url.uses += 1
        if body.get("blocks"):
            check_message(body["blocks"])
            check_pictures(body["blocks"], self.world.files)
        elif not body.get("text") and not body.get("delete_original"):
            raise SlackError("no_text")
        entry = {
            "channel": url.channel,
            "user": url.user,
            "text": body.get("text", ""),
            "blocks": body.get("blocks", []),
        }
        self.responses.append(entry | {"body": body})
        if url.ephemeral >= 0 and (body.get("replace_original") or body.get("delete_original")):
            self.ephemerals[url.ephemeral] |= entry | {"deleted": bool(body.get("delete_original"))}
        elif url.message_ts and body.get("delete_original"):
            self.world.channel(url.channel).messages.pop(url.message_ts, None)
        elif url.message_ts and body.get("replace_original"):
            self.world.message(url.channel, url.message_ts).update(text=entry["text"], blocks=entry["blocks"])
        elif body.get("response_type") == "in_channel":
            self.world.post(url.channel, {"type": "message", **entry, "user": "", "bot_id": "BBOT"})
        else:
            self.ephemerals.append(entry | {"thread_ts": body.get("thread_ts")})

    def _show(self, workspace: Workspace, args: Json, *, push: bool) -> Json:
        trigger = str(args.get("trigger_id") or "")
        if trigger in self._used:
            raise SlackError("exchanged_trigger_id")
        if trigger not in self._triggers:
            raise SlackError("invalid_trigger_id")
        user, made = self._triggers[trigger]
        if time.monotonic() - made > self.trigger_lifetime:
            raise SlackError("expired_trigger_id")
        if push and len(self.stacks.get(user, [])) >= 3:
            raise SlackError("push_limit_reached")
        self._check(args.get("view"))
        self._used.add(trigger)
        if not push:
            self.stacks[user] = []
        return self.add(workspace, user, args["view"])

    def _full(self, workspace: Workspace, view: Json) -> Json:
        empty = {"private_metadata": "", "callback_id": "", "state": {"values": {}}}
        ids = {
            "id": self.world.new_id("V"),
            "hash": self.world.new_id("h."),
            "team_id": workspace.id,
            "bot_id": workspace.bot_id,
        }
        return empty | view | ids

    def _check(self, view: Any) -> None:
        check_view(view)
        check_pictures(view["blocks"], self.world.files, "invalid_arguments")

    def _check_hash(self, view: Json, args: Json) -> None:
        if args.get("hash") and args["hash"] != view["hash"]:
            raise SlackError("hash_conflict")
