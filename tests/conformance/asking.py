"""What every promise about answers begins with: a question, and somebody who remembers the parts of the answer."""

from __future__ import annotations

import asyncio
from typing import Any

from app.domain.chat import Persona
from app.domain.events import Addressed, Mention
from app.ports.platform import PartRef, ReplyTarget
from tests.conformance.wire import Outside

RINGS = "Look <!channel> and <!here|here>, <!subteam^S1>, @channel"
PERSONA = Persona("Researcher", "🦊")


class Parts:
    """Remembers what a Reply saves."""

    def __init__(self) -> None:
        self.refs: list[PartRef] = []

    async def save(self, part: PartRef) -> None:
        self.refs.append(part)


async def asked(wire: Outside, *, to: Addressed = Addressed.MENTION) -> Mention:
    await wire.say(wire.member, "what is the answer?", to=to)
    return wire.inbound.mentions[-1]


def target(event: Mention) -> ReplyTarget:
    return ReplyTarget(event.conversation, event.user, event.message_id, "run-1", PERSONA, event.hints)


async def until(condition: Any, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
