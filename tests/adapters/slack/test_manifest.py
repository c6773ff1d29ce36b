"""The manifest asks for what is used, and what is used is asked for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import adapters.slack
from adapters.slack import parse
from adapters.slack.identity import Identity, Json
from adapters.slack.manifest import SCOPES, manifest

ROOT = Path(__file__).parents[3]
SOURCES = "\n".join(path.read_text() for path in Path(adapters.slack.__path__[0]).glob("*.py"))
ME = Identity("T1", "UBOT", "BBOT")

SCOPES_OF_METHODS = {
    "agents.sessions.setStatus": "chat:write",
    "apps.connections.open": "",  # the app token's own scope
    "assistant.search.context": "search:read.public",
    "assistant.threads.setStatus": "chat:write",
    "assistant.threads.setSuggestedPrompts": "assistant:write",
    "assistant.threads.setTitle": "assistant:write",
    "auth.test": "",
    "bots.info": "users:read",
    "chat.appendStream": "chat:write",
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.startStream": "chat:write",
    "chat.stopStream": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history groups:history",
    "conversations.info": "channels:read groups:read",
    "conversations.list": "channels:read groups:read",
    "users.list": "users:read",
    "conversations.members": "channels:read groups:read mpim:read",
    "conversations.replies": "channels:history groups:history im:history mpim:history",
    "files.completeUploadExternal": "files:write",
    "files.delete": "files:write",
    "files.getUploadURLExternal": "files:write",
    "files.info": "files:read",
    "files.list": "files:read",
    "users.info": "users:read",
    "views.open": "",
    "views.publish": "",
    "views.push": "",
    "views.update": "",
}
SCOPES_OF_EVENTS = {
    "agent_session_stopped": "",
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "app_uninstalled": "",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "tokens_revoked": "",
}
SCOPES_OF_FEATURES = {
    "a persona": "chat:write.customize",
    "a slash command": "commands",
    "agent_view": "assistant:write",
}


def test_the_file_is_the_socket_mode_manifest() -> None:
    assert json.loads((ROOT / "manifests" / "slack.json").read_text()) == manifest(None)


def test_every_method_that_is_called_is_known_here() -> None:
    called = set(
        re.findall(r'"((?:agents|apps|assistant|auth|bots|chat|conversations|files|users|views)\.[a-zA-Z.]+)"', SOURCES)
    )
    assert called - {"files.slack.com"} == set(SCOPES_OF_METHODS)


def test_every_scope_is_used_and_every_used_one_is_asked_for() -> None:
    asked = set(manifest(None)["oauth_config"]["scopes"]["bot"])
    tables = (SCOPES_OF_METHODS, SCOPES_OF_EVENTS, SCOPES_OF_FEATURES)
    assert asked == {scope for table in tables for scopes in table.values() for scope in scopes.split()}
    assert len(asked) == len(SCOPES)


def test_every_event_is_handled_and_every_handled_one_is_subscribed() -> None:
    subscribed = manifest(None)["settings"]["event_subscriptions"]["bot_events"]
    assert set(subscribed) == set(SCOPES_OF_EVENTS)
    for name in subscribed:
        assert not isinstance(parse.event(_example(name), ME), parse.Ignored), name
    handled = set(
        re.findall(r'"((?:app|agent|tokens|member|reaction|assistant)_[a-z_]+)"', Path(parse.__file__).read_text())
    )
    fields = {"assistant_thread"}  # which is no event: a part of a message's
    assert handled - {name.partition(".")[0] for name in subscribed} - fields == set()


def test_every_command_is_handled() -> None:
    assert tuple(one["command"] for one in manifest(None)["features"]["slash_commands"]) == parse.COMMANDS


@pytest.mark.parametrize("url", [None, "https://latchkey.example.com", "https://latchkey.example.com/"])
def test_addresses_stand_in_it_exactly_when_there_is_one(url: str | None) -> None:
    made = manifest(url)
    settings, found = made["settings"], json.dumps(made)
    assert settings["socket_mode_enabled"] is (url is None)
    assert found.count("https://latchkey.example.com/slack/events") == (4 if url else 0)
    assert set(settings["interactivity"]) == (
        {"is_enabled", "request_url", "message_menu_options_url"} if url else {"is_enabled"}
    )


def test_it_keeps_the_lengths_that_slack_allows() -> None:
    made = manifest("https://latchkey.example.com")
    assert len(made["display_information"]["name"]) <= 35
    assert len(made["display_information"]["description"]) <= 140
    assert len(made["features"]["agent_view"]["agent_description"]) <= 300
    assert "assistant_view" not in made["features"]


def _example(name: str) -> Json:
    message: Json = {"type": "message", "user": "U1", "text": "<@UBOT> hi", "ts": "1783000000.000100", "channel": "C1"}
    inner: Json = {
        "agent_session_stopped": {"channel": "C1", "thread_ts": "1783000000.000100", "user": "U1"},
        "app_home_opened": {"user": "U1", "tab": "home"},
        "app_mention": message,
        "message.im": message | {"channel": "D1"},
        "tokens_revoked": {"tokens": {"bot": ["UBOT"], "oauth": []}},
    }.get(name, message if name.startswith("message.") else {})
    return {
        "type": "event_callback",
        "event_id": "Ev1",
        "team_id": "T1",
        "event": inner | {"type": name.partition(".")[0]},
    }
