"""What is posted in Teams beside answers: screens with their controls in a thread, and an agent's own messages in channels."""

from __future__ import annotations

import asyncio

from adapters.teams.addresses import Addresses
from adapters.teams.answer import MADE_BY_AI
from adapters.teams.channels import Channels
from adapters.teams.connector import Connector
from adapters.teams.payload import Json
from adapters.teams.text import inert, size
from adapters.teams.whispers import Whispers
from app.domain.chat import ConversationRef, MessageRef, Persona
from app.domain.views import View
from app.errors import PlatformError, PlatformRateLimited

_TRIES = 4
_LONGEST_WAIT = 30.0
_LARGEST = 18_000
"""Of one message that an agent posts, as Teams counts it."""


class Posts:
    """Whoever is in the thread or the channel sees them."""

    def __init__(self, connector: Connector, addresses: Addresses, whispers: Whispers, channels: Channels) -> None:
        self._connector = connector
        self._addresses = addresses
        self._whispers = whispers
        self._channels = channels

    async def view(self, conversation: ConversationRef, view: View) -> MessageRef:
        """Post a screen in the thread; whose it is, the screen says: Teams shows the app's own name beside every message."""
        place = await self._addresses.at(conversation, {})
        return MessageRef(conversation.workspace, conversation.channel, await self._whispers.post(place, view))

    async def replace(self, message: MessageRef, view: View) -> None:
        """Let the message show this instead."""
        await self._whispers.put(await self._channels.place(message.workspace, message.channel), message.id, view)

    async def message(self, workspace: str, channel: str, text: str, persona: Persona) -> MessageRef:
        """Post Markdown as a new message of a channel, made inert."""
        shown = f"{heading(persona)}{inert(text)}"
        if not text.strip() or size(shown) > _LARGEST:
            raise PlatformError("A message has words, and fits one message of Teams'.")
        place = await self._channels.place(workspace, channel)
        message: Json = {"type": "message", "textFormat": "markdown", "text": shown, "entities": [MADE_BY_AI]}
        for attempt in range(_TRIES):
            try:
                return MessageRef(workspace, channel, await self._connector.send(place, message, patient=False))
            except PlatformRateLimited as error:  # anything else may have posted it
                wait = error.retry_after or 1.0
                if attempt == _TRIES - 1 or wait > _LONGEST_WAIT:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")


def heading(persona: Persona) -> str:
    """Under which name it is."""
    name = " ".join(word for word in (persona.emoji, inert(persona.name.replace("*", "∗"))) if word)
    return f"**{name}**\n\n" if name else ""
