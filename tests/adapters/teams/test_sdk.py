"""botbuilder's turn, and each of its ways that fail (PLATFORM §2.1, §2.14) shown not to be ours.

Tokens that make it raise, rotated keys, emulator tokens, an empty app id and a missing header: test_auth.py. Mentions cut out by name:
test_parse.py. Entities that lose their fields, a token per turn, a login on the event loop: test_connector.py.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from botbuilder.core import TurnContext
from botbuilder.schema import Activity, Entity

from adapters.teams import sdk
from adapters.teams.body import Unusable
from adapters.teams.sdk import Sdk
from tests.adapters.teams.pieces import Pieces, listening
from tests.fakes.teams.identity import APP_ID
from tests.fakes.teams.world import Json


@pytest.fixture
async def pieces() -> AsyncIterator[Pieces]:
    async with listening() as made:
        yield made


def _answering(body: Json) -> Any:
    async def act() -> Json:
        return body

    return act


async def test_an_invoke_is_answered_with_its_body(pieces: Pieces) -> None:
    """`CloudAdapter.process` would serialise the body twice, and answer 500."""
    body = {"task": {"type": "continue", "value": {"title": "A form", "card": {"content": {"body": []}}}}}
    activity = pieces.teams.activity(pieces.teams.world.ann, type="invoke", name="task/fetch")
    assert await Sdk(APP_ID, pieces.connector).turn(activity, _answering(body)) == (200, body)
    pieces.shown.body = body
    pressed: Json = {"data": {"latchkey": {"a": "go"}}}
    for name in ("task/fetch", "task/submit"):
        answer = await pieces.teams.invoke(pieces.teams.world.ann, name, pressed)
        assert (answer.status, answer.body) == (200, body)
    answer = await pieces.teams.invoke(pieces.teams.world.ann, "adaptiveCard/action", {"action": pressed})
    assert (answer.status, answer.body) == (200, body)


async def test_a_message_is_answered_with_nothing(pieces: Pieces) -> None:
    activity = pieces.teams.activity(pieces.teams.world.ann, text="hi", deliveryMode="expectReplies")
    assert await Sdk(APP_ID, pieces.connector).turn(activity, _answering({})) == (200, None)


async def test_what_the_turn_raises_is_raised(pieces: Pieces) -> None:
    async def act() -> Json:
        raise OSError("the database is away")

    with pytest.raises(OSError, match="away"):
        await Sdk(APP_ID, pieces.connector).turn(pieces.teams.activity(pieces.teams.world.ann), act)


async def test_what_is_no_activity_is_unusable(pieces: Pieces) -> None:
    with pytest.raises(Unusable):
        await Sdk(APP_ID, pieces.connector).turn({"conversation": 7}, _answering({}))


async def test_what_botbuilder_does_not_understand_is_not_lost(pieces: Pieces) -> None:
    """Its models are of 2019: what Teams has come to send since must not cost a message."""
    odd: Json = {"localTimestamp": "a while ago", "semanticAction": [1], "textHighlights": 3, "relatesTo": "x"}
    assert (await pieces.teams.say(pieces.teams.world.ann, "hello", **odd)).status == 200
    assert [m.text for m in pieces.inbound.mentions] == ["hello"]
    pressed: Json = {"data": {"latchkey": {"a": "go"}}}
    answer = await pieces.teams.invoke(pieces.teams.world.ann, "task/fetch", pressed, **odd)
    assert (answer.status, answer.body) == (200, pieces.shown.body)


def test_nothing_else_names_botbuilder() -> None:
    """So its calls that block the loop, its storages that unpickle and its checks that let through are out of reach."""
    folder = Path(sdk.__file__).parents[2]
    naming = {
        path.relative_to(folder).as_posix()
        for part in ("adapters", "agents", "app")
        for path in (folder / part).rglob("*.py")
        if re.search(r"^\s*(from|import) (botbuilder|botframework|msrest|msal)\b", path.read_text(), re.MULTILINE)
    }
    assert naming == {"adapters/teams/sdk.py"}


async def test_a_turn_asks_nobody_anything(pieces: Pieces) -> None:
    """By itself botbuilder fetches metadata, keys and a token from Microsoft; no test may connect there."""
    turn = Sdk(APP_ID, pieces.connector).turn
    activity = pieces.teams.activity(pieces.teams.world.ann, text="hi")
    for _ in range(3):
        assert await turn(activity, _answering({})) == (200, None)
    assert (pieces.teams.identity.fetches, pieces.teams.identity.logins) == (0, [])


async def test_other_requests_go_on_while_keys_are_fetched(pieces: Pieces) -> None:
    teams = pieces.teams
    await pieces.edge.start()
    teams.identity.slow = 0.4
    asked = asyncio.create_task(teams.say(teams.world.ann, "hello"))
    ticks = 0
    while not asked.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert asked.result().status == 200
    assert ticks > 15


def test_why_mentions_and_entities_are_not_left_to_botbuilder() -> None:
    """If these ever fail, botbuilder was mended, and written.py and the connector may be looked at again."""
    at = "<at>Agent</at>"
    bot = {"id": "28:app", "name": "Agent"}
    mention = {"type": "mention", "text": at, "mentioned": bot}
    told = {"type": "message", "text": f"{at} what is an Agent?", "recipient": bot, "entities": [mention]}
    said = Activity().deserialize(told)
    assert "Agent" not in (TurnContext.remove_recipient_mention(said) or "")
    entity = Entity().deserialize({"type": "streaminfo", "streamId": "1", "streamType": "final"})
    assert entity.serialize() == {"type": "streaminfo"}
