"""The app comes to a tenant's teams and chats, and leaves them: who is greeted, and when the tenant's keys go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.adapters.teams.pieces import WORKSPACE, Pieces, listening
from tests.fakes.teams.world import BOT, CHANNEL, Chat, Json


@pytest.fixture
async def pieces() -> AsyncIterator[Pieces]:
    async with listening() as made:
        yield made


def _told(pieces: Pieces, where: Chat | str, action: str, *, seconds_ago: float = 0) -> Json:
    """That the app was put there, or taken out, some time ago."""
    when = (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat()
    return pieces.teams.activity(
        pieces.teams.world.ann, where, type="installationUpdate", action=action, timestamp=when
    )


async def test_who_installs_is_told_of_and_greeted_once(pieces: Pieces) -> None:
    teams = pieces.teams
    chat = teams.world.personal(teams.world.ann)
    await teams.install(teams.world.ann, chat)
    await teams.until(lambda: pieces.inbound.homes)
    assert set(pieces.inbound.installs) == {WORKSPACE}
    assert [(place.conversation, user.id) for place, user in pieces.shown.welcomes] == [(chat.id, teams.world.ann.oid)]
    assert await pieces.connector.personal(WORKSPACE, teams.world.ann.oid) is not None
    assert teams.connector.calls == []  # the chat was known from what arrived


async def test_the_keys_go_with_the_last_place(pieces: Pieces) -> None:
    teams = pieces.teams
    chat = teams.world.personal(teams.world.ann)
    for where in (chat, CHANNEL):
        await teams.install(teams.world.ann, where)
    await teams.install(teams.world.ann, chat, "remove")
    assert pieces.inbound.removals == []
    await teams.install(teams.world.ann, CHANNEL, "remove")
    assert set(pieces.inbound.removals) == {WORKSPACE}


async def test_a_team_is_left_in_whichever_channel_teams_tells_of_it(pieces: Pieces) -> None:
    teams = pieces.teams
    await teams.install(teams.world.ann, CHANNEL)
    told = teams.activity(teams.world.ann, type="installationUpdate", action="remove")
    told["conversation"]["id"] = "19:selected-when-installed@thread.tacv2"
    await teams.post(told)
    assert pieces.inbound.removals == [WORKSPACE]


async def test_where_somebody_wrote_to_the_app_it_is_though_nobody_told_of_its_coming(pieces: Pieces) -> None:
    teams, ann, bob = pieces.teams, pieces.teams.world.ann, pieces.teams.world.bob
    await teams.say(bob, "hello", teams.world.personal(bob))
    await teams.install(ann, teams.world.personal(ann))
    await teams.install(ann, teams.world.personal(ann), "remove")
    assert pieces.inbound.removals == []
    await teams.install(bob, teams.world.personal(bob), "remove")
    assert set(pieces.inbound.removals) == {WORKSPACE}


async def test_leaving_a_team_leaves_all_of_its_channels(pieces: Pieces) -> None:
    teams, ann = pieces.teams, pieces.teams.world.ann
    await teams.install(ann, teams.world.personal(ann))
    await teams.install(ann, CHANNEL)
    elsewhere = teams.activity(ann, **teams.words("hello", mention=True))
    elsewhere["conversation"]["id"] = "19:another@thread.tacv2;messageid=17"
    await teams.post(elsewhere)
    await teams.install(ann, CHANNEL, "remove")
    assert pieces.inbound.departures[0] == (WORKSPACE, frozenset({CHANNEL, "19:another@thread.tacv2"}))
    assert pieces.inbound.removals == []


async def test_two_tellings_at_once_greet_once(pieces: Pieces) -> None:
    """Teams tells of one installation in two activities, at the same moment."""
    teams = pieces.teams
    chat = teams.world.personal(teams.world.ann)
    twin = teams.activity(teams.world.ann, chat, type="conversationUpdate", membersAdded=[dict(BOT)])
    await asyncio.gather(teams.post(_told(pieces, chat, "add")), teams.post(twin))
    await pieces.app.drain(2)
    assert len(pieces.shown.welcomes) == len(pieces.inbound.homes) == 1


async def test_a_removal_told_late_does_not_undo_a_new_installation(pieces: Pieces) -> None:
    teams = pieces.teams
    await teams.post(_told(pieces, CHANNEL, "add"))
    assert (await teams.post(_told(pieces, CHANNEL, "remove", seconds_ago=30))).status == 200
    assert pieces.inbound.departures == []
    assert pieces.inbound.removals == []
    await teams.post(_told(pieces, CHANNEL, "remove"))
    assert pieces.inbound.removals == [WORKSPACE]


async def test_what_was_written_before_a_removal_does_not_hold_the_keys(pieces: Pieces) -> None:
    """A message, or the news of an installation, that arrives after the removal it came before."""
    teams = pieces.teams
    chat = teams.world.personal(teams.world.ann)
    for where in (chat, CHANNEL):
        await teams.post(_told(pieces, where, "add", seconds_ago=60))
    await teams.post(_told(pieces, CHANNEL, "remove", seconds_ago=20))
    before = (datetime.now(UTC) - timedelta(seconds=40)).isoformat()
    await teams.say(teams.world.ann, "one more thing", timestamp=before)
    await teams.post(_told(pieces, CHANNEL, "add", seconds_ago=50))
    assert pieces.inbound.removals == []
    await teams.post(_told(pieces, chat, "remove"))
    assert pieces.inbound.removals == [WORKSPACE]


async def test_a_team_that_is_deleted_for_good_is_left(pieces: Pieces) -> None:
    teams = pieces.teams
    await teams.install(teams.world.ann, CHANNEL)
    for event in ("teamArchived", "teamDeleted", "teamRenamed"):
        await teams.post(teams.activity(teams.world.ann, type="conversationUpdate", channelData={"eventType": event}))
    assert pieces.inbound.removals == []
    gone = {"eventType": "teamHardDeleted"}
    await teams.post(teams.activity(teams.world.ann, type="conversationUpdate", channelData=gone))
    assert pieces.inbound.removals == [WORKSPACE]


async def test_a_tenant_is_not_called_like_a_team_in_it(pieces: Pieces) -> None:
    await pieces.teams.install(pieces.teams.world.ann, CHANNEL)
    assert set(pieces.inbound.names) == {""}
