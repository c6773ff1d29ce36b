"""What time it is, anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.domain.grants import Target, Traits
from app.domain.run import ToolResult, ToolSpec


class CurrentTime:
    """Tells the time of the question, in a zone of the caller's choice. Reads no clock: a replay tells the same."""

    spec = ToolSpec(
        name="current_time",
        description="The current date and time, in UTC or in a time zone such as Europe/Berlin.",
        parameters={
            "type": "object",
            "properties": {
                "time_zone": {"type": "string", "description": "An IANA name, such as Europe/Berlin. Empty for UTC."}
            },
            "required": [],
            "additionalProperties": False,
        },
    )

    traits = Traits(parallel=True)

    def __init__(self, now: datetime) -> None:
        self._now = now

    def target(self, arguments: Mapping[str, Any]) -> Target:
        """See Tool."""
        return Target()

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """See Tool."""
        unknown = set(arguments) - {"time_zone"}
        zone = arguments.get("time_zone") or "UTC"
        if unknown or not isinstance(zone, str):
            return ToolResult(call_id, "current_time takes one argument: time_zone, a text.", is_error=True)
        try:
            there = self._now.astimezone(ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return ToolResult(call_id, "That is not an IANA time zone; try Europe/Berlin or UTC.", is_error=True)
        return ToolResult(call_id, f"{there:%A, %d %B %Y, %H:%M} ({zone}, {there:%z})")
