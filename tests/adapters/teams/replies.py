"""What the tests of answers in Teams share: a question, an answer begun, and what stands in the chat."""

from __future__ import annotations

from app.domain.chat import Persona
from app.domain.events import Addressed, Mention
from app.domain.views import Feedback, Note, View, rich
from app.ports.platform import Reply, ReplyTarget
from tests.adapters.teams.wire import TeamsWire
from tests.conformance.chat_platform import Parts
from tests.fakes.teams.streams import Stream
from tests.fakes.teams.world import Json

UNDER = (View(blocks=(Note(rich("Latchkey · model-1")), Feedback("run-1"))),)


async def asked(wire: TeamsWire, to: Addressed = Addressed.DIRECT) -> Mention:
    await wire.say(wire.member, "what is the answer?", to=to)
    return wire.inbound.mentions[-1]


def target(event: Mention, run: str = "run-1") -> ReplyTarget:
    return ReplyTarget(event.conversation, event.user, event.message_id, run, Persona("Fox", "🦊"), event.hints)


async def begun(wire: TeamsWire, event: Mention, text: str, parts: Parts | None = None) -> Reply:
    """A reply that shows this much already."""
    reply = await wire.platform.open_reply(target(event), (parts or Parts()).save)
    await reply.append(text)
    await wire.teams.until(lambda: text.strip() in "".join(wire.answers(event.conversation)))
    return reply


def stream(wire: TeamsWire) -> Stream:
    """The newest stream in the member's chat."""
    return list(wire.teams.connector.streams(wire.chat(wire.member).id).all.values())[-1]


def shown(wire: TeamsWire, event: Mention) -> list[Json]:
    return wire.teams.shown(event.conversation.channel)
