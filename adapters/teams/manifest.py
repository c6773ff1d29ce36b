"""The app package to upload to Teams: manifest and icons in a zip."""

from __future__ import annotations

import json
import zipfile
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from adapters.teams import icons
from adapters.teams.payload import Json

SCHEMA = "1.30"
EXAMPLE_ID = "00000000-0000-0000-0000-000000000000"
EXAMPLE_URL = "https://latchkey.example.com"

COMMANDS = {
    "home": "Your keys, agents and settings on one card, in the chat with Latchkey",
    "byok help": "All that Latchkey can be told, also what this list has no room for",
    "byok setkey": "Set your organisation's own model key, in a form that only you see",
    "byok keys": "Which keys pay for the answers; test and revoke them",
    "byok agents": "Who answers here, and how to name an agent",
    "byok model": "Which model an agent thinks with",
    "byok settings": "Who is answered, and what is remembered",
    "byok privacy": "What is stored, and for how long",
    "byok usage": "What was spent, by whom and on what; your own, if you are no admin",
    "byok grants": "What an agent may do, and change it",
    "byok schedules": "What agents do regularly",
    "byok admins": "Who looks after keys and agents; add somebody by mentioning them",
}
"""The commands that Teams offers after a mention, each answered privately: as many as a list holds. The first of them it also offers in a one-to-one chat."""

PROMPTS = {
    "What can you do?": "What can you help me with here?",
    "Draft a message": "Help me draft a short, friendly message to my team. Ask me first what it is about.",
    "Explain something": "I would like something explained in plain words. Ask me what.",
    "Think along": "I have to decide something. Ask me what you need to know, then advise me.",
}
"""What Teams offers to somebody who opens the chat: it is put where one types, to be sent off or changed."""

MOST = 12
"""Commands and prompts in a list of the manifest."""

_FULL = (
    "Mention Latchkey in a channel or chat, or write to it: an agent of your organisation answers. "
    "The thinking is paid for by your organisation's own key with a model provider, which its admins set, check, replace and revoke from "
    "inside Teams with `byok setkey` or on the home card. Without a key nobody is asked. Keys are stored encrypted and sent to their "
    "provider only; a question goes there with the conversation around it. What is remembered of a conversation is kept encrypted, and for "
    "as long as an admin has chosen: type `byok privacy` for all of it."
)


def manifest(app_id: str, url: str, *, slash: bool = False) -> Json:
    """The manifest for a bot with this app id, at this public address (`https://…`). `slash`: with slash commands, a preview of Teams'."""
    address = url.rstrip("/")
    listed = [_command(title, about) for title, about in COMMANDS.items()]
    prompts = [{"title": title, "type": "prompt", "prompt": text} for title, text in PROMPTS.items()]
    bot: Json = {
        "botId": app_id,
        "scopes": ["personal", "team", "groupChat"],
        "isNotificationOnly": False,
        "supportsFiles": True,
        "commandLists": [
            {"scopes": ["team", "groupChat"], "commands": listed}
            | ({"triggers": ["mention", "slash"]} if slash else {}),
            {"scopes": ["personal"], "commands": [*listed[: MOST - len(prompts)], *prompts]},
        ],
    }
    return {
        "$schema": f"https://developer.microsoft.com/json-schemas/teams/v{SCHEMA}/MicrosoftTeams.schema.json",
        "manifestVersion": SCHEMA,
        "version": version("latchkey"),
        "id": app_id,
        "developer": {"name": "Latchkey", "websiteUrl": address, "privacyUrl": address, "termsOfUseUrl": address},
        "name": {"short": "Latchkey", "full": "Latchkey: agents on your own model key"},
        "description": {"short": "Agents that think on your organisation's own model key.", "full": _FULL},
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": "#1F2A44",
        "bots": [bot | ({"supportsTargetedMessages": True} if slash else {})],
        "defaultInstallScope": "personal",
        "defaultGroupCapability": {"team": "bot", "groupchat": "bot"},
        "supportsChannelFeatures": "tier1",
        "validDomains": [urlsplit(address).hostname or ""],
    }


def package(app_id: str, url: str, out: Path, *, slash: bool = False) -> None:
    """Write the zip that Teams' “Upload a custom app” takes."""
    described = json.dumps(manifest(app_id, url, slash=slash), indent=2, ensure_ascii=False)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("manifest.json", described)
        bundle.writestr("color.png", icons.color())
        bundle.writestr("outline.png", icons.outline())


def _command(title: str, about: str) -> Json:
    return {"title": title, "description": about}
