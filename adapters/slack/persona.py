"""Under whose name something of ours stands in Slack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from adapters.slack.emoji import shortcode
from adapters.slack.identity import Json
from adapters.slack.text import cut
from adapters.slack.traffic import Traffic
from adapters.slack.web_api import SlackRefused
from app.domain.chat import Persona

_CUSTOMIZE = "chat:write.customize"

Call = Callable[[str, Json], Awaitable[Json]]


async def as_persona(call: Call, traffic: Traffic, persona: Persona, method: str, args: Json) -> Json:
    """Call a method that takes a name and an icon; where the workspace does not let us choose them, under the app's own."""
    if not traffic.has(_CUSTOMIZE) or not persona.name:
        return await call(method, args)
    code = shortcode(persona.emoji)
    name = persona.name if code or not persona.emoji else f"{persona.emoji} {persona.name}"
    dressed = {"username": cut(name, 80)} | ({"icon_emoji": code} if code else {})
    try:
        return await call(method, args | dressed)
    except SlackRefused as error:
        if error.error not in {"missing_scope", "invalid_arguments"}:
            raise
        traffic.lacks(_CUSTOMIZE)
        return await call(method, args)
