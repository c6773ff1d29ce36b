"""The home of a person: a card (of a large workspace, several) in their chat with the app, changed in place; posted anew when they ask for it."""

from __future__ import annotations

import asyncio
import contextlib
from weakref import WeakValueDictionary

from adapters.teams.refusals import TeamsRefused
from adapters.teams.whispers import Whispers
from app.domain.chat import UserRef
from app.domain.views import View
from app.ports.references import ConversationReferences

_ACTIVITY = "activity"


class Homes:
    """Knows, durably, which cards are whose home."""

    def __init__(self, whispers: Whispers, references: ConversationReferences) -> None:
        self._whispers = whispers
        self._references = references
        self._awaited: dict[UserRef, asyncio.Event] = {}
        self._turns: WeakValueDictionary[UserRef, asyncio.Lock] = WeakValueDictionary()

    async def publish(self, user: UserRef, view: View) -> None:
        """Show this as the person's home. Raises PlatformError."""
        async with self._turn(user):
            await self._publish(user, view)
        if awaited := self._awaited.get(user):
            awaited.set()

    async def _publish(self, user: UserRef, view: View) -> None:
        place, pages = await self._whispers.chat_with(user), await self._whispers.pages(view)
        before = known = await self._known(user)
        try:
            for activity, page in zip(known, pages, strict=False):
                await self._whispers.put(place, activity, page, home=True)
        except TeamsRefused:  # the person has deleted it, or it is too old to change
            known = []
        shown = known[: len(pages)]
        for page in pages[len(shown) :]:
            shown.append(await self._whispers.post(place, page, home=True))
        if shown != before:
            await self._references.save(user.workspace, _key(user), {_ACTIVITY: " ".join(shown)})
        for activity in before:
            if activity not in shown:
                await self._whispers.take_back(place, activity)

    async def stands(self, user: UserRef) -> bool:
        """Whether they have one."""
        return bool(await self._known(user))

    async def awaited(self, user: UserRef, *, seconds: float) -> None:
        """Wait for a person's home to be there; not for ever."""
        awaited = self._awaited.setdefault(user, asyncio.Event())
        if not await self._known(user):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await awaited.wait()
        self._awaited.pop(user, None)

    async def take_back(self, user: UserRef) -> None:
        """Remove it; the next home is posted at the end of the chat. Raises PlatformError."""
        async with self._turn(user):
            if known := await self._known(user):
                await self._references.forget(user.workspace, _key(user))
                place = await self._whispers.chat_with(user)
                for activity in known:
                    await self._whispers.take_back(place, activity)

    def _turn(self, user: UserRef) -> asyncio.Lock:
        """One at a time: two that find no card would both post one."""
        return self._turns.setdefault(user, asyncio.Lock())

    async def _known(self, user: UserRef) -> list[str]:
        return (await self._references.find(user.workspace, _key(user)) or {}).get(_ACTIVITY, "").split()


def _key(user: UserRef) -> str:
    return f"home:{user.id}"
