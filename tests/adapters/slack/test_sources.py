"""Under an answer in Slack stands what it was made from, by the numbers in its text."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from app.domain.chat import Persona
from app.domain.run import Source
from app.domain.views import Feedback, Note, Sources, View, rich
from app.ports.platform import ReplyTarget
from tests.adapters.slack.wire import SlackWire, slack_wire
from tests.conformance.chat_platform import Parts

FOUND = Sources((Source("Keys", "https://docs.example/keys"), Source("Locks", "https://docs.example/locks")), (2, 33))


@pytest.fixture
async def wire() -> AsyncIterator[SlackWire]:
    async with slack_wire() as wire:
        yield wire


async def test_the_number_in_the_text_is_the_number_of_the_link(wire: SlackWire) -> None:
    await wire.say(wire.member, "what opens what?")
    event = wire.inbound.mentions[-1]
    target = ReplyTarget(event.conversation, event.user, event.message_id, "run-1", Persona("Fox"), event.hints)
    reply = await wire.platform.open_reply(target, Parts().save)
    await reply.append("Keys open ")
    await wire.slack.until(lambda: "Keys open" in "".join(wire.answers(event.conversation)))
    await reply.finish("Keys open [2] locks [33].", (View(blocks=(FOUND, Note(rich("note")), Feedback("run-1"))),))
    (answer,) = wire.answers(event.conversation)
    assert "Keys open [2] locks [33]." in answer
    (stop,) = wire.slack.calls("chat.stopStream")
    blocks = json.dumps(stop.args["blocks"])
    assert "<https://docs.example/keys|2. Keys (docs.example)>" in blocks
    assert "<https://docs.example/locks|33. Locks (docs.example)>" in blocks
