"""Buttons, selects, forms and typed-into selects → what they mean to us. Pure; whatever arrives, nothing raises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.slack.emoji import character
from adapters.slack.identity import Identity, Json, items, obj, string
from adapters.slack.parse import Ignored
from app.domain.chat import MessageRef
from app.domain.events import Action, OptionQuery, Submission
from app.domain.secrets import Secret

SECRET = "secret"  # noqa: S105 - an action id: the input under it holds a secret
INPUT = "input"
TWIN = re.compile(r"#\d+$")
"""What tells two buttons of one id in one row apart (Slack wants ids to differ); taken off again here."""


@dataclass(frozen=True, slots=True)
class Handle:
    """What an interaction lets us answer with. Lives as long as the request; never stored."""

    trigger: str = ""
    response_url: str = ""
    user: str = ""
    channel: str = ""
    thread: str = ""
    message: str = ""
    view: str = ""
    view_hash: str = ""
    surface: str = "message"  # message | modal | home
    ephemeral: bool = False
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a modal carries as `private_metadata`: ids only, readable by its user. `channel` is where it was asked for."""

    context: str = ""
    channel: str = ""

    def dump(self) -> str:
        """As a string."""
        return json.dumps({"c": self.context, "ch": self.channel}, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Metadata:
        """Out of a string; an empty one if it is not ours."""
        try:
            found = obj(json.loads(text)) if text else {}
        except ValueError:
            return cls()
        return cls(string(found.get("c")), string(found.get("ch")))


def team_of_interaction(payload: Json) -> str:
    """The team whose installation this is for. In a shared channel `team` is the person's own, so the view's comes first."""
    view = obj(payload.get("view"))
    installed = string(view.get("app_installed_team_id")) or string(view.get("team_id"))
    return installed or string(obj(payload.get("team")).get("id")) or string(obj(payload.get("user")).get("team_id"))


def handle(payload: Json) -> Handle:
    """The ways to answer this interaction or command."""
    view, container = obj(payload.get("view")), obj(payload.get("container"))
    message = obj(payload.get("message"))
    surface = string(view.get("type")) if view else "message"
    channel = string(obj(payload.get("channel")).get("id")) or string(container.get("channel_id"))
    return Handle(
        trigger=string(payload.get("trigger_id")),
        response_url=string(payload.get("response_url")),
        user=string(obj(payload.get("user")).get("id")) or string(payload.get("user_id")),
        channel=channel
        or string(payload.get("channel_id"))
        or Metadata.load(string(view.get("private_metadata"))).channel,
        thread=string(container.get("thread_ts")) or string(message.get("thread_ts")),
        message=string(container.get("message_ts")) or string(message.get("ts")),
        view=string(view.get("id")),
        view_hash=string(view.get("hash")),
        surface=surface if surface in {"modal", "home"} else "message",
        ephemeral=container.get("is_ephemeral") is True,
        inputs=tuple(
            string(obj(b).get("block_id")) for b in items(view.get("blocks")) if obj(b).get("type") == "input"
        ),
    )


def action(payload: Json, me: Identity) -> Action | Ignored:
    """A button pressed, or a select changed."""
    done = items(payload.get("actions"))
    first, view, at = obj(done[0]) if done else {}, obj(payload.get("view")), handle(payload)
    action_id = TWIN.sub("", string(first.get("action_id")))
    if not action_id or not at.user:
        return Ignored("action of nothing")
    values, _ = _state(view)
    in_message = at.channel and at.message and at.surface == "message"
    return Action(
        user=me.user(at.user),
        action_id=action_id,
        value=_chosen(first),
        values=values,
        message=MessageRef(me.workspace, at.channel, at.message) if in_message else None,
        conversation=me.conversation(at.channel, at.thread or at.message) if in_message else None,
        view_id=at.view,
        context=Metadata.load(string(view.get("private_metadata"))).context,
    )


def submission(payload: Json, me: Identity) -> Submission | Ignored:
    """A form sent off; what was typed into a secret input is a Secret from here on."""
    view, user = obj(payload.get("view")), string(obj(payload.get("user")).get("id"))
    if not user or not view:
        return Ignored("form of nobody")
    values, secrets = _state(view)
    context = Metadata.load(string(view.get("private_metadata"))).context
    return Submission(me.user(user), string(view.get("callback_id")), values, secrets, context)


def query(payload: Json, me: Identity) -> OptionQuery | Ignored:
    """What a person has typed into a select with too many options to list."""
    user, action_id = string(obj(payload.get("user")).get("id")), string(payload.get("action_id"))
    named = string(payload.get("block_id")) if action_id == INPUT else TWIN.sub("", action_id)
    if not user or not named:
        return Ignored("query of nothing")
    context = Metadata.load(string(obj(payload.get("view")).get("private_metadata"))).context
    return OptionQuery(me.user(user), named, string(payload.get("value")), context)


def _state(view: Json) -> tuple[dict[str, str], dict[str, Secret]]:
    values: dict[str, str] = {}
    secrets: dict[str, Secret] = {}
    for block_id, action_id, entry in _entries(view):
        if action_id == INPUT:
            values[block_id] = character(_chosen(entry))
        elif action_id == SECRET and (typed := string(entry.get("value")).strip()):
            secrets[block_id] = Secret(typed)
    return values, secrets


def _entries(view: Json) -> Iterator[tuple[str, str, Json]]:
    for block_id, block in obj(obj(view.get("state")).get("values")).items():
        for action_id, entry in obj(block).items():
            yield str(block_id), str(action_id), obj(entry)


def _chosen(entry: Json) -> str:
    """One value for every kind of element; several chosen ones are joined by spaces."""
    option = obj(entry.get("selected_option"))
    for one in (entry.get("value"), option.get("value"), *(entry.get(f"selected_{kind}") for kind in _SINGLE)):
        if isinstance(one, str):
            return one
    for kind in _SEVERAL:
        several = items(entry.get(f"selected_{kind}"))
        if several:
            return " ".join(string(one) or string(obj(one).get("value")) for one in several)
    return ""


_SINGLE = ("channel", "conversation", "user", "date", "time")
_SEVERAL = ("options", "channels", "conversations", "users")
