"""What was said lately in a channel that the asker can read, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.grants import Target, Traits
from app.domain.run import ToolResult, ToolSpec
from app.errors import BadInput, NotReachable, PlatformError
from app.ports.agents import RunFacts
from app.ports.platform import ChatPlatform
from app.services.tools.places import Places
from app.services.tools.told import MATERIAL, Teller, newest

NAME = "channel_history"
MOST = 100
_USUAL = 50


class ChannelHistory:
    """Reads as the asker may at this moment. Whether what stands there may be told here, the host decides."""

    traits = Traits(reads_private=True, parallel=True)

    def __init__(self, facts: RunFacts, platform: ChatPlatform, places: Places, teller: Teller) -> None:
        self._facts = facts
        self._platform = platform
        self._places = places
        self._teller = teller
        self.spec = ToolSpec(
            name=NAME,
            description=(
                f"The newest messages of a channel, oldest first, as far as the person who asks can read it. You may read: {places.listed}."
            ),
            parameters={
                "type": "object",
                "properties": {
                    "channel": {"type": "string", "description": "Its name, such as #general, or its id."},
                    "limit": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": MOST,
                        "description": f"How many messages; {_USUAL} if left out.",
                    },
                    "before": {"type": "string", "description": "Only messages before the one with this id, to page back."},
                },
                "required": ["channel"],
                "additionalProperties": False,
            },
        )  # fmt: skip

    def target(self, arguments: Mapping[str, Any]) -> Target:
        """See Tool."""
        _arguments(arguments)
        return Target(channel=self._places.id_of(arguments))

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """See Tool."""
        try:
            limit, before = _arguments(arguments)
            channel = self._places.id_of(arguments)
        except BadInput as error:
            return ToolResult(call_id, error.message, is_error=True)
        asker = self._facts.question.asker
        try:
            found = await self._platform.find_channel(asker, channel)
            if found is None:
                return ToolResult(call_id, "There is no such channel, or the asker cannot read it.", is_error=True)
            said = await self._platform.channel_history(asker, found.id, limit, before)
        except NotReachable as error:
            return ToolResult(call_id, error.message, is_error=True)
        except PlatformError:
            return ToolResult(call_id, "The channel could not be read just now.", is_error=True)
        taint = await self._teller.taint(said, (found,))
        if not said:
            return ToolResult(call_id, f"Nothing was said in #{found.name}.", taint=taint)
        lines = newest(await self._teller.lines(said))
        oldest = said[len(said) - len(lines)]
        head = f"#{found.name}, {len(lines)} messages, oldest first. {MATERIAL}"
        more = f"\nFor earlier ones ask again with before={oldest.id}." if len(lines) < len(said) or len(said) == limit else ""  # fmt: skip
        return ToolResult(call_id, f"{head}\n\n" + "\n".join(lines) + f"\n{more}".rstrip(), taint=taint)


def _arguments(arguments: Mapping[str, Any]) -> tuple[int, str]:
    limit, before = arguments.get("limit", _USUAL), arguments.get("before") or ""
    if set(arguments) - {"channel", "limit", "before"} or not isinstance(before, str) or len(before) > 100:
        raise BadInput("channel_history takes channel (a name), limit (a number) and before (the id of a message).")
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MOST:
        raise BadInput(f"limit is a number from 1 to {MOST}.", field="limit")
    if before and not before.replace(".", "", 1).isdecimal():
        raise BadInput("before is the id of a message, as channel_history told it.", field="before")
    return limit, before
