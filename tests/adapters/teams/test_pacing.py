"""Fifty conversations at once, within Teams' published limits: every answer ends whole, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from adapters.teams.reply import Pace
from adapters.teams.traffic import Limits
from app.domain.chat import ConversationRef, Persona, Place, UserRef
from app.ports.platform import ReplyTarget
from tests.adapters.teams.wire import WORKSPACE, TeamsWire, teams_wire
from tests.conformance.chat_platform import Parts
from tests.fakes.teams.connector import LIMITS, Call
from tests.fakes.teams.world import CHANNEL, Chat, Member

MANY = 50
WORDS = 60


async def test_fifty_conversations_stream_within_the_limits_and_none_is_lost_or_doubled() -> None:
    async with teams_wire(pace=Pace(every=1.0), limits=Limits()) as wire:
        wire.teams.connector.limited = True
        await wire.say(wire.member, "hello")
        chats = [_chat(wire, number) for number in range(MANY)]
        for status in (429, 502, 504, 412):
            headers = {"Retry-After": "1"} if status == 429 else {}
            wire.teams.connector.fail(status, times=8, when=_in_one_of(chats), headers=headers)
        await asyncio.gather(*(_answer(wire, number, chat) for number, chat in enumerate(chats)))
        for number, chat in enumerate(chats):
            (message,) = wire.teams.shown(chat)
            assert message["type"] == "message"
            assert message["text"].count(_text(number)) == 1
        assert wire.teams.connector.over == 0
        assert _most_at_once(wire.teams.connector.calls) == []
        assert {call.status for call in wire.teams.connector.calls} >= {412, 429, 502, 504}
        updates = sum(call.verb == "PUT" or call.body.get("type") == "typing" for call in wire.teams.connector.calls)
        assert updates > MANY  # and people saw them grow


async def test_a_busy_channel_keeps_its_last_words() -> None:
    async with teams_wire(pace=Pace(every=0.2), limits=Limits()) as wire:
        wire.teams.connector.limited = True
        await wire.say(wire.member, "hello")
        threads = [str(wire.teams.world.new_id()) for _ in range(8)]
        where = [ConversationRef(WORKSPACE, CHANNEL, thread, Place.CHANNEL) for thread in threads]
        await asyncio.gather(*(_write(wire, number, one) for number, one in enumerate(where)))
        for number, thread in enumerate(threads):
            (message,) = wire.teams.shown(CHANNEL, thread)
            assert message["text"].count(_text(number)) == 1
        assert wire.teams.connector.over == 0


async def _answer(wire: TeamsWire, number: int, chat: Chat) -> None:
    kind = Place.DIRECT if chat.kind == "personal" else Place.GROUP
    await _write(wire, number, ConversationRef(WORKSPACE, chat.id, chat.id, kind))


async def _write(wire: TeamsWire, number: int, where: ConversationRef) -> None:
    asker = UserRef(WORKSPACE, wire.teams.world.bob.oid)
    target = ReplyTarget(where, asker, "1", f"run-{number}", Persona("Fox"), {})
    reply = await wire.platform.open_reply(target, Parts().save)
    for word in _text(number).split(" "):
        await reply.append(word + " ")
        await asyncio.sleep(0.05)
    await reply.finish(_text(number))


def _text(number: int) -> str:
    return " ".join(f"w{number}x{word}" for word in range(WORDS))


def _chat(wire: TeamsWire, number: int) -> Chat:
    """Half of them one-to-one chats, half group chats."""
    if number % 2:
        return wire.teams.world.personal(Member(f"P{number}", f"person-{number}"))
    chat_id = f"19:group-{number}@thread.v2"
    return wire.teams.world.chats.setdefault(chat_id, Chat(chat_id, "groupChat", [wire.teams.world.bob]))


def _in_one_of(chats: list[Chat]) -> Callable[[Call], bool]:
    ids = {chat.id for chat in chats}
    seen: Counter[str] = Counter()

    def when(call: Call) -> bool:
        seen[call.conversation] += 1
        return call.conversation in ids and seen[call.conversation] == 3  # somewhere in the middle of each

    return when


def _most_at_once(calls: list[Call]) -> list[tuple[str, int]]:
    """Conversations in which more was asked than the limits allow."""
    times: dict[str, list[float]] = {}
    for call in calls:
        times.setdefault(call.conversation.partition(";")[0], []).append(call.at)
    return [
        (conversation, most)
        for conversation, of_it in times.items()
        for most, seconds in LIMITS
        if conversation and any(b - a < seconds for a, b in zip(of_it, of_it[most:], strict=False))
    ]
