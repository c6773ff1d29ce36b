"""The app manifest to paste at api.slack.com/apps: for Socket Mode, or for a public address."""

from __future__ import annotations

from adapters.slack.identity import Json
from adapters.slack.parse import COMMANDS, EVENTS

SCOPES = (
    "app_mentions:read",  # to be mentioned
    "assistant:write",  # prompts offered in the messages tab, and what an app with agent_view must have
    "channels:history",  # follow-ups in a thread, and the thread as context
    "channels:read",  # which channels there are and who is in them, for tools
    "chat:write",
    "chat:write.customize",  # an agent answers under its own name and icon
    "commands",
    "files:read",  # files that hang on a question
    "files:write",  # files that agents make
    "groups:history",
    "groups:read",
    "im:history",
    "mpim:history",
    "mpim:read",
    "search:read.public",  # an agent that may search finds what its asker may read
    "users:read",  # who is an admin, a guest or a stranger
)


def manifest(url: str | None) -> Json:
    """The manifest for Socket Mode (no `url`), or for requests to this public address (`https://…`)."""
    endpoint = f"{url.rstrip('/')}/slack/events" if url else ""
    events: Json = {"bot_events": sorted(EVENTS)}
    interactivity: Json = {"is_enabled": True}
    if endpoint:
        events = {"request_url": endpoint} | events
        interactivity |= {"request_url": endpoint, "message_menu_options_url": endpoint}
    return {
        "_metadata": {"major_version": 2},
        "display_information": {
            "name": "Latchkey",
            "description": "Agents that think on your own model key. Set it with /byok setkey, then mention @Latchkey.",
            "background_color": "#1f2a44",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "agent_view": {
                "agent_description": "Ask an agent of your workspace. It answers in the thread, under your own model key."
            },
            "bot_user": {"display_name": "Latchkey", "always_online": True},
            "slash_commands": [_command(name, endpoint) for name in COMMANDS],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": not endpoint,
            "token_rotation_enabled": False,
        },
    }


def _command(name: str, endpoint: str) -> Json:
    described = {
        "command": name,
        "description": "Your workspace's model keys and agents",
        "usage_hint": "help | setkey | keys | agents | model",
    }
    return described | ({"url": endpoint} if endpoint else {}) | {"should_escape": True}
