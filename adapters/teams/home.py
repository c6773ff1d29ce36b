"""The home of a person: one card in their chat with the app, changed in place; posted anew when they ask for it."""

from __future__ import annotations

from adapters.teams.refusals import TeamsRefused
from adapters.teams.whispers import Whispers
from app.domain.chat import UserRef
from app.domain.views import View
from app.ports.references import ConversationReferences

_ACTIVITY = "activity"


class Homes:
    """Knows, durably, which card is whose home."""

    def __init__(self, whispers: Whispers, references: ConversationReferences) -> None:
        self._whispers = whispers
        self._references = references

    async def publish(self, user: UserRef, view: View) -> None:
        """Show this as the person's home. Raises PlatformError."""
        place, activity = await self._whispers.chat_with(user), await self._known(user)
        if activity:
            try:
                await self._whispers.put(place, activity, view)
            except TeamsRefused:
                pass  # the person has deleted it, or it is too old to change
            else:
                return
        activity = await self._whispers.post(place, view)
        await self._references.save(user.workspace, _key(user), {_ACTIVITY: activity})

    async def take_back(self, user: UserRef) -> None:
        """Remove the card; the next home is posted at the end of the chat. Raises PlatformError."""
        if activity := await self._known(user):
            await self._references.forget(user.workspace, _key(user))
            await self._whispers.take_back(await self._whispers.chat_with(user), activity)

    async def _known(self, user: UserRef) -> str:
        return (await self._references.find(user.workspace, _key(user)) or {}).get(_ACTIVITY, "")


def _key(user: UserRef) -> str:
    return f"home:{user.id}"
