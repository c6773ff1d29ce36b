"""In which teams and chats of a tenant the app is installed: when the last of them is left, the tenant's keys go."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from app.ports.references import ConversationReferences

_SITE, _GONE = "site:", "gone:"
_OF_TEAMS = ("@thread.tacv2", "@thread.skype")
"""How a team's id ends; a group chat's ends otherwise."""
_IN, _OUT = "in", "out"
_MINUTES = 300.0
_MOST = 10_000


class Sites:
    """Teams tells twice of each coming and going, late or again at times: what is told counts by when it happened."""

    def __init__(self, references: ConversationReferences, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._references = references
        self._now = monotonic
        self._heard: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._lock = asyncio.Lock()

    async def entered(self, workspace: str, site: str, when: datetime | None) -> bool:
        """The app came to a chat or a team; whether that is news."""
        async with self._lock:
            gone = await self._references.find(workspace, f"{_GONE}{site}") or {}
            known = await self._references.find(workspace, f"{_SITE}{site}")
            if when is not None and _ms(when) < int(gone.get(_OUT, 0)):
                return False
            since = max(int((known or {}).get(_IN, 0)), _ms(when) if when else 0)
            await self._references.save(workspace, f"{_SITE}{site}", {_IN: str(since)})
            return known is None

    async def heard_in(self, workspace: str, site: str, channel: str, when: datetime | None) -> None:
        """Somebody wrote to the app there, so it is in that chat or team, whether or not we were told when it came."""
        key = (workspace, site, channel)
        if self._heard.get(key, 0.0) > self._now():
            return
        if await self._references.find(workspace, f"{_SITE}{site}") is None:
            await self.entered(workspace, site, when)
        if channel != site and await self._references.find(workspace, f"{_SITE}{site}") is not None:
            await self._references.save(workspace, f"{_channels(site)}{channel}", {_IN: "1"})
        self._heard[key] = self._now() + _MINUTES  # for a while only: another process may be told that the app left
        self._heard.move_to_end(key)
        if len(self._heard) > _MOST:
            self._heard.popitem(last=False)

    async def teams(self, workspace: str) -> tuple[str, ...]:
        """The teams in which the app is, as far as was heard."""
        sites = (key.removeprefix(_SITE) for key in await self._references.keys(workspace, _SITE))
        return tuple(site for site in sites if site.endswith(_OF_TEAMS))

    async def leaving(self, workspace: str, site: str, when: datetime | None) -> frozenset[str] | None:
        """Everywhere in a chat or a team that somebody wrote to the app; None when it came back after it was removed."""
        known = await self._references.find(workspace, f"{_SITE}{site}") or {}
        if when is not None and _ms(when) < int(known.get(_IN, 0)):
            return None
        inside = _channels(site)
        return frozenset({site, *(key.removeprefix(inside) for key in await self._references.keys(workspace, inside))})

    async def left(self, workspace: str, site: str, when: datetime | None) -> bool:
        """The app was removed from a chat or a team; whether that was the last one in its workspace."""
        async with self._lock:
            for key in [key for key in self._heard if key[:2] == (workspace, site)]:
                del self._heard[key]
            for name in (*await self._references.keys(workspace, _channels(site)), f"{_SITE}{site}"):
                await self._references.forget(workspace, name)
            if when is not None:  # what was written there before may still arrive
                await self._references.save(workspace, f"{_GONE}{site}", {_OUT: str(_ms(when))})
            return not await self._references.keys(workspace, _SITE)


def _channels(site: str) -> str:
    return f"channel:{site} "


def _ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)
