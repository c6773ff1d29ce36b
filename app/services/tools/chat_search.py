"""Messages of the workspace that match and that the asker can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.domain.chat import Place
from app.domain.grants import Target, Traits
from app.domain.run import Source, ToolResult, ToolSpec
from app.errors import BadInput, NotReachable, PlatformError
from app.ports.agents import RunFacts
from app.ports.platform import ChannelInfo, ChatPlatform, FoundMessage, Readers
from app.services.permissions import only
from app.services.policy import within
from app.services.tools.told import LONGEST, MATERIAL, Teller

NAME = "chat_search"
MOST = 20
_LONGEST_QUERY = 250


class ChatSearch:
    """What is found is told and forgotten. What not everybody in this conversation can read is left out, and that it was is said."""

    spec = ToolSpec(
        name=NAME,
        description="Searches the messages of this workspace that the person who asks can read. Best matches first.",
        parameters={
            "type": "object",
            "properties": {
                "query": {"type": "string", "maxLength": _LONGEST_QUERY, "description": "Words, or a question."},
                "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "description": "How many at most; 10 if left out."},
            },
            "required": ["query"],
            "additionalProperties": False,
        },
    )  # fmt: skip
    traits = Traits(reads_private=True, parallel=True)

    def __init__(self, facts: RunFacts, platform: ChatPlatform, teller: Teller) -> None:
        self._facts = facts
        self._platform = platform
        self._teller = teller

    def target(self, arguments: Mapping[str, Any]) -> Target:
        """See Tool."""
        _arguments(arguments)
        return Target()

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """See Tool."""
        try:
            query, limit = _arguments(arguments)
        except BadInput as error:
            return ToolResult(call_id, error.message, is_error=True)
        try:
            found = await self._platform.search(self._facts.question.asker, query, self._facts.hints, limit)
            told = await self._may_be_told([one.channel for one in found])
        except NotReachable as error:
            return ToolResult(call_id, error.message, is_error=True)
        except PlatformError:
            return ToolResult(call_id, "The search did not work just now.", is_error=True)
        shown = [one for one in found if one.channel.id in told]
        taint = await self._teller.taint([one.message for one in shown], [one.channel for one in shown])
        left_out = _left_out(len(found) - len(shown))
        if not shown:
            return ToolResult(call_id, f"Nothing was found. {left_out}".strip(), taint=taint)
        lines = await self._lines(shown)
        head = f"{len(lines)} messages, best first. {MATERIAL} {left_out}".strip()
        sources = tuple(
            Source(f"#{one.channel.name}, {one.message.at:%d %B %Y}", one.link) for one in shown if one.link
        )
        return ToolResult(call_id, f"{head}\n\n" + "\n".join(lines), sources=sources, taint=taint)

    async def _lines(self, shown: Sequence[FoundMessage]) -> list[str]:
        lines: list[str] = []
        room = LONGEST
        for one in shown:
            (line,) = await self._teller.lines([one.message], place=f"#{one.channel.name}")
            room -= len(line) + 1
            if room < 0 and lines:
                break
            lines.append(line[:LONGEST])
        return lines

    async def _may_be_told(self, channels: Sequence[ChannelInfo]) -> frozenset[str]:
        """Those of which everybody in this conversation could read what was found: the answer stands before all of them."""
        where = self._facts.conversation
        own = {channel.id for channel in channels if channel.id == where.channel}
        others = {channel.id for channel in channels} - own
        if not others:
            return frozenset(own)
        here = await self._here()
        there = {channel: await self._platform.readers(where.workspace, channel) for channel in sorted(others)}
        return frozenset(own | {channel for channel in others if within(here, there[channel])})

    async def _here(self) -> Readers:
        where = self._facts.conversation
        if where.place is Place.DIRECT:
            return only(self._facts)
        found = await self._platform.readers(where.workspace, where.channel)
        return replace(found, shared=found.shared or where.shared)


def _left_out(number: int) -> str:
    if not number:
        return ""
    return f"{number} more were found where not everybody here can read them, and are left out."


def _arguments(arguments: Mapping[str, Any]) -> tuple[str, int]:
    query, limit = arguments.get("query"), arguments.get("limit", 10)
    if (
        set(arguments) - {"query", "limit"}
        or not isinstance(query, str)
        or not 0 < len(query.strip()) <= _LONGEST_QUERY
    ):
        raise BadInput(f"chat_search takes query, at most {_LONGEST_QUERY} characters, and limit.", field="query")
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MOST:
        raise BadInput(f"limit is a number from 1 to {MOST}.", field="limit")
    return query.strip(), limit
