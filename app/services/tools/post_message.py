"""A new message in a channel, under the agent's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.grants import Target, Traits
from app.domain.run import ToolResult, ToolSpec
from app.errors import BadInput, NotReachable, PlatformError, PlatformRateLimited, PlatformUnavailable
from app.ports.agents import RunFacts
from app.ports.platform import ChatPlatform
from app.services.tools.places import Places
from app.services.tools.told import Redact

NAME = "post_message"
LONGEST = 2_800
"""Characters: what is shown whole to whoever has to agree."""


class PostMessage:
    """Posts once, where the asker could read it too. What was read and by whom it may be read there, the host looks at before."""

    traits = Traits(outward=True)

    def __init__(self, facts: RunFacts, platform: ChatPlatform, places: Places, redact: Redact) -> None:
        self._facts = facts
        self._platform = platform
        self._places = places
        self._redact = redact
        self.spec = ToolSpec(
            name=NAME,
            description=(
                "Posts a new message in another channel, under your name. Your answer in this thread needs no tool. "
                f"You may post to: {places.listed}."
            ),
            parameters={
                "type": "object",
                "properties": {
                    "channel": {"type": "string", "description": "Its name, such as #general, or its id."},
                    "text": {"type": "string", "maxLength": LONGEST, "description": "Markdown. It notifies nobody."},
                },
                "required": ["channel", "text"],
                "additionalProperties": False,
            },
            writes=True,
        )

    def target(self, arguments: Mapping[str, Any]) -> Target:
        """See Tool."""
        _text(arguments)
        return Target(channel=self._places.id_of(arguments))

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """See Tool."""
        try:
            text, channel = _text(arguments), self._places.id_of(arguments)
        except BadInput as error:
            return ToolResult(call_id, error.message, is_error=True)
        failed = await self._posted(channel, text)
        return ToolResult(call_id, failed or f"Posted to {self._places.called(channel)}.", is_error=bool(failed))

    async def _posted(self, channel: str, text: str) -> str:
        """Why it was not; empty if it was."""
        workspace = self._facts.workspace
        if await self._redact(workspace, text) != text:
            return "There is a key in that text. It was not posted."
        try:
            if await self._platform.find_channel(self._facts.question.asker, channel) is None:
                return "There is no such channel, or the asker cannot read it. Nothing was posted."
            await self._platform.post(workspace, channel, text, self._facts.agent.persona)
        except NotReachable:
            return "The app cannot write to that channel. Nothing was posted."
        except PlatformRateLimited:
            return "Too much is being posted just now. Nothing was posted."
        except PlatformUnavailable:
            return "Nobody knows whether it was posted. Do not try again: say that it has to be looked at."
        except PlatformError:
            return "The platform did not take the message. Nothing was posted."
        return ""


def _text(arguments: Mapping[str, Any]) -> str:
    text = arguments.get("text")
    if set(arguments) - {"channel", "text"} or not isinstance(text, str) or not 0 < len(text.strip()) <= LONGEST:
        raise BadInput(f"post_message takes channel and text, of at most {LONGEST} characters.", field="text")
    return text
