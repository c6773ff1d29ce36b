"""Channels as a model names them: those of the agent's grants by name or id, all others by what was typed, which no grant fits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from app.errors import BadInput, PlatformError
from app.ports.agents import RunFacts
from app.ports.platform import ChatPlatform

_MOST = 25
_LINK = re.compile(r"<#([^>|]+)(?:\|[^>]*)?>")
_LONGEST = 200


class Places:
    """The channels that grants of a tool name, under the names that the asker knows them by."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names  # by id
        self._ids: dict[str, list[str]] = {}
        for channel, name in names.items():
            self._ids.setdefault(name.casefold(), []).append(channel)

    @classmethod
    async def of(cls, facts: RunFacts, platform: ChatPlatform, tool: str) -> Places:
        """Asks the platform what the granted channels are called; what the asker cannot read has no name."""
        granted = [channel for grant in facts.agent.grants if grant.tool == tool for channel in grant.scope.channels]
        ids = list(dict.fromkeys(granted))[:_MOST]
        found = await asyncio.gather(*(_name(facts, platform, channel) for channel in ids))
        return cls({channel: name for channel, name in zip(ids, found, strict=True) if name})

    def id_of(self, arguments: Mapping[str, Any], argument: str = "channel") -> str:
        """The id of the channel that is meant. Raises BadInput where none is named, or one of several of that name."""
        typed = arguments.get(argument)
        if not isinstance(typed, str) or not typed.strip() or len(typed) > _LONGEST:
            raise BadInput(f"{argument} is the name or the id of a channel, such as #general.", field=argument)
        linked = _LINK.fullmatch(typed.strip())
        name = str(linked[1]) if linked else typed.strip().removeprefix("#")
        ids = [name] if name in self._names else self._ids.get(name.casefold(), [name])
        if len(ids) > 1:
            raise BadInput(f"several channels are called that: give the id of one, {' or '.join(ids)}.", field=argument)
        return ids[0]

    def called(self, channel: str) -> str:
        """What a channel is called."""
        return f"#{self._names.get(channel, channel)}"

    @property
    def listed(self) -> str:
        """The names, for a description."""
        called = (
            f"#{name}" if len(self._ids[name.casefold()]) == 1 else f"{channel} (#{name})"
            for channel, name in self._names.items()
        )
        return ", ".join(called) or "none that you can see by name"


async def _name(facts: RunFacts, platform: ChatPlatform, channel: str) -> str:
    try:
        found = await platform.find_channel(facts.question.asker, channel)
    except PlatformError:
        return ""
    return found.name if found else ""
