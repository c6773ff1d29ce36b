"""What we ask of Teams: with one token, of allowed hosts only, within the limits, and as often as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.teams import refusals
from adapters.teams.connector import Connector
from adapters.teams.http import Http
from adapters.teams.refusals import TeamsNotReachable, TeamsRefused
from adapters.teams.tokens import AppType, BotToken
from adapters.teams.traffic import Limits, Traffic
from adapters.teams.where import Where
from app.domain.chat import ConversationRef, Place
from app.domain.secrets import Secret
from app.errors import NotReachable, PlatformError, PlatformRateLimited, PlatformUnavailable, SettingsError
from tests.adapters.teams.pieces import WORKSPACE, Pieces, cloud_of, listening
from tests.fakes.teams.identity import APP_ID, PASSWORD, TENANT
from tests.fakes.teams.world import BOT, CHANNEL, Json
from tests.fakes.teams_server import TeamsServer

HELLO: Json = {"type": "message", "text": "hello"}


@pytest.fixture
async def pieces() -> AsyncIterator[Pieces]:
    async with listening() as made:
        yield made


def at(pieces: Pieces, conversation: str = CHANNEL) -> Where:
    return Where(pieces.teams.service_url, conversation, BOT["id"], TENANT)


async def test_a_message_is_posted_updated_and_taken_back(pieces: Pieces) -> None:
    place = at(pieces, f"{CHANNEL};messageid=17")
    posted = await pieces.connector.send(place, HELLO)
    await pieces.connector.update(place, posted, {"type": "message", "text": "hello!"})
    (shown,) = pieces.teams.shown(CHANNEL, "17")
    assert (shown["text"], shown["from"], shown["conversation"]["id"]) == (
        "hello!", {"id": BOT["id"]}, f"{CHANNEL};messageid=17",
    )  # fmt: skip
    await pieces.connector.delete(place, posted)
    assert pieces.teams.shown(CHANNEL) == []


async def test_a_targeted_message_is_seen_by_one(pieces: Pieces) -> None:
    recipient = {"id": pieces.teams.world.ann.id, "isTargeted": True}
    await pieces.connector.send(at(pieces), HELLO | {"recipient": recipient}, targeted=True)
    assert pieces.teams.shown(CHANNEL) == []
    assert [a["text"] for a in pieces.teams.world.chats[CHANNEL].targeted.values()] == ["hello"]


async def test_entities_arrive_whole(pieces: Pieces) -> None:
    """botbuilder's own client keeps nothing of them but their type."""
    entity: Json = {
        "type": "https://schema.org/Message",
        "@type": "Message",
        "additionalType": ["AIGeneratedContent"],
        "citation": [{"@type": "Claim", "position": 1}],
    }
    await pieces.connector.send(at(pieces), HELLO | {"entities": [entity]})
    assert pieces.teams.shown(CHANNEL)[0]["entities"] == [entity]


async def test_one_token_serves_all_turns_and_is_fetched_beside_them(pieces: Pieces) -> None:
    pieces.teams.identity.slow = 0.3
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await asyncio.gather(*(pieces.connector.send(at(pieces), HELLO) for _ in range(6)))
    ticking.cancel()
    assert len(pieces.teams.identity.logins) == 1
    assert ticks > 2  # nobody waited for the login but those who needed it (on a busy machine a tick takes its time)


async def test_a_turn_that_replies_asks_for_no_token_of_its_own(pieces: Pieces) -> None:
    """botbuilder asks for one, and for the login's metadata, each time."""
    teams = pieces.teams
    for number in range(5):
        await teams.say(teams.world.ann, f"hello {number}")
        event = pieces.inbound.mentions[-1]
        await pieces.connector.send(await pieces.connector.at(event.conversation, event.hints), HELLO)
    assert len(teams.identity.logins) == 1
    assert len(teams.shown(CHANNEL)) == 5


async def test_the_token_is_renewed_before_it_ends_and_when_it_is_taken_back(pieces: Pieces) -> None:
    teams = pieces.teams
    await pieces.connector.send(at(pieces), HELLO)
    pieces.clock.ahead += 3400
    await pieces.connector.send(at(pieces), HELLO)
    assert len(teams.identity.logins) == 2
    teams.identity.revoke()
    await pieces.connector.send(at(pieces), HELLO)
    assert len(teams.identity.logins) == 3
    assert len(teams.shown(CHANNEL)) == 3


async def test_a_login_that_is_away_does_not_take_a_token_that_holds(pieces: Pieces) -> None:
    teams = pieces.teams
    await pieces.connector.send(at(pieces), HELLO)
    teams.identity.broken = 503
    pieces.clock.ahead += 3400  # time to renew it, not its end
    for _ in range(2):
        await pieces.connector.send(at(pieces), HELLO)
    assert len(teams.identity.logins) == 2  # not asked for every message
    teams.identity.broken, pieces.clock.ahead = 0, pieces.clock.ahead + 16
    await pieces.connector.send(at(pieces), HELLO)
    assert len(teams.identity.logins) == 3
    teams.identity.broken, pieces.clock.ahead = 503, pieces.clock.ahead + 3601
    with pytest.raises(PlatformUnavailable):
        await pieces.connector.send(at(pieces), HELLO, patient=False)


async def test_the_login_is_asked_in_the_name_of_the_app(pieces: Pieces) -> None:
    await pieces.connector.send(at(pieces), HELLO)
    (login,) = pieces.teams.identity.logins
    assert (login["authority"], login["client_id"], login["grant_type"]) == (TENANT, APP_ID, "client_credentials")
    multi = BotToken(
        pieces.http, app_id=APP_ID, password=Secret(PASSWORD), app_type=AppType.MULTI, cloud=cloud_of(pieces.teams)
    )
    await multi.current()
    assert pieces.teams.identity.logins[-1]["authority"] == "botframework.com"
    with pytest.raises(SettingsError, match="MICROSOFT_APP_TENANT_ID"):
        BotToken(pieces.http, app_id=APP_ID, password=Secret(PASSWORD))


async def test_a_refused_password_says_so_and_shows_nothing_of_it(pieces: Pieces) -> None:
    wrong = BotToken(
        pieces.http, app_id=APP_ID, password=Secret("another"), tenant=TENANT, cloud=cloud_of(pieces.teams)
    )
    with pytest.raises(PlatformError, match="login: status 401"):
        await wrong.current()


async def test_the_token_goes_to_no_other_host(pieces: Pieces) -> None:
    async with TeamsServer() as stranger:
        stranger.identity.issued = pieces.teams.identity.issued
        for url in (stranger.service_url, f"{pieces.teams.origin}@{stranger.origin[7:]}/", "https://evil.example/"):
            with pytest.raises(NotReachable):
                await pieces.connector.send(replace(at(pieces), service_url=url), HELLO)
        assert stranger.connector.calls == []
    assert pieces.teams.identity.logins == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_nobody_is_followed_elsewhere(pieces: Pieces, status: int) -> None:
    """Neither with the token nor with the password, nor to other keys."""
    teams = pieces.teams
    async with TeamsServer() as stranger:
        stranger.identity.issued = teams.identity.issued
        teams.connector.fail(status, headers={"Location": f"{stranger.service_url}v3/conversations/x/activities"})
        with pytest.raises(TeamsRefused):
            await pieces.connector.send(at(pieces), HELLO)
        pieces.clock.ahead += 3600
        teams.identity.broken, teams.identity.elsewhere = status, f"{stranger.origin}/{TENANT}/oauth2/v2.0/token"
        with pytest.raises(PlatformError, match="login"):
            await pieces.connector.send(at(pieces), HELLO)
        teams.identity.elsewhere = stranger.openid_url
        assert (await teams.say(teams.world.ann, "hello")).status == 503
        assert (stranger.connector.calls, stranger.identity.logins, stranger.identity.fetches) == ([], [], 0)


@pytest.mark.parametrize("status", [412, 429, 500, 502, 503, 504])
async def test_passing_trouble_is_sat_out(pieces: Pieces, status: int) -> None:
    pieces.teams.connector.fail(status, times=3, headers={"Retry-After": "0"})
    assert await pieces.connector.send(at(pieces), HELLO)
    assert len(pieces.teams.connector.calls) == 4
    assert len(pieces.teams.shown(CHANNEL)) == 1


async def test_what_may_be_skipped_is_not_tried_again(pieces: Pieces) -> None:
    pieces.teams.connector.fail(502)
    with pytest.raises(PlatformUnavailable):
        await pieces.connector.send(at(pieces), HELLO, patient=False)
    pieces.teams.connector.fail(429, headers={"Retry-After": "7"})
    with pytest.raises(PlatformRateLimited) as limited:
        await pieces.connector.send(at(pieces), HELLO, patient=False)
    assert limited.value.retry_after == 7.0
    assert len(pieces.teams.connector.calls) == 2


async def test_a_post_that_broke_off_is_not_repeated_and_an_update_is(pieces: Pieces) -> None:
    """Nobody knows whether the post arrived; twice the same answer would be worse than an error that the caller sees."""
    posted = await pieces.connector.send(at(pieces), HELLO)
    pieces.teams.connector.fail(0, done=True)
    with pytest.raises(PlatformUnavailable):
        await pieces.connector.send(at(pieces), HELLO)
    assert len(pieces.teams.shown(CHANNEL)) == 2
    pieces.teams.connector.fail(0, times=2, done=True)
    await pieces.connector.update(at(pieces), posted, {"type": "message", "text": "changed"})
    assert pieces.teams.shown(CHANNEL)[0]["text"] == "changed"


async def test_a_post_for_which_there_was_no_connection_is_sent_again(pieces: Pieces) -> None:
    """Many answers at once may wait for the few connections there are; nothing left here, so nothing can be doubled."""
    few = Http(connect=0.2, connections=1)
    connector = Connector(few, pieces.token, pieces.services, pieces.addresses, first_pause=0.05)
    await pieces.token.current()
    pieces.teams.identity.slow = 0.7
    busy = asyncio.create_task(few.get_json(pieces.teams.openid_url))
    await pieces.teams.until(lambda: pieces.teams.identity.fetches)
    assert await connector.send(at(pieces), HELLO)
    await busy
    assert len(pieces.teams.shown(CHANNEL)) == len(pieces.teams.connector.calls) == 1
    await few.close()


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (403, "Content stream was canceled by user", refusals.CANCELED),
        (403, "Content stream finished due to exceeded streaming time.", refusals.TIMED_OUT),
        (403, "Content stream is not allowed", refusals.NOT_STREAMABLE),
        (403, "Content stream is not allowed on an already completed streamed message", refusals.COMPLETED),
        (403, "Request content should contain the previously streamed content", refusals.NOT_CUMULATIVE),
        (413, "", refusals.TOO_LARGE),
        (404, "", refusals.GONE),
        (400, "whatever", ""),
    ],
)
async def test_a_refusal_has_its_reason(pieces: Pieces, status: int, text: str, reason: str) -> None:
    pieces.teams.connector.fail(status, text=text)
    with pytest.raises(TeamsRefused) as refused:
        await pieces.connector.send(at(pieces), HELLO)
    assert (refused.value.status, refused.value.reason) == (status, reason)
    assert len(pieces.teams.connector.calls) == 1


async def test_a_chat_that_threw_us_out_is_not_reachable(pieces: Pieces) -> None:
    pieces.teams.world.chats[CHANNEL].bot_in = False
    with pytest.raises(TeamsNotReachable):
        await pieces.connector.send(at(pieces), HELLO)


async def test_a_personal_chat_is_made_once(pieces: Pieces) -> None:
    teams = pieces.teams
    assert await pieces.connector.personal(WORKSPACE, teams.world.ann.oid) is None  # nothing ever came from there
    await teams.say(teams.world.ann, "hello")
    first = await pieces.connector.personal(WORKSPACE, teams.world.ann.oid)
    again = await pieces.connector.personal(WORKSPACE, teams.world.ann.oid)
    assert first == again == at(pieces, teams.world.personal(teams.world.ann).id)
    assert len(teams.connector.of("POST")) == 1
    assert await pieces.connector.personal(WORKSPACE, "nobody") is None


async def test_a_conversation_is_found_without_its_hints(pieces: Pieces) -> None:
    thread = ConversationRef(WORKSPACE, CHANNEL, "17", Place.CHANNEL)
    with pytest.raises(NotReachable):
        await pieces.connector.at(thread, {})
    await pieces.teams.say(pieces.teams.world.ann, "hello")
    assert await pieces.connector.at(thread, {}) == at(pieces, f"{CHANNEL};messageid=17")


async def test_what_is_known_is_not_written_again(pieces: Pieces) -> None:
    teams = pieces.teams
    for number in range(4):
        await teams.say(teams.world.ann, f"hello {number}")
    assert pieces.references.saves == 4  # the service, the person, what the connector calls them, the team
    pieces.clock.ahead += 301
    await teams.say(teams.world.ann, "after a while")  # another process may have been told otherwise
    assert pieces.references.saves == 6


async def test_a_burst_stays_within_the_limits(pieces: Pieces) -> None:
    pieces.teams.connector.limited = True
    await asyncio.gather(*(pieces.connector.send(at(pieces), HELLO | {"text": str(n)}) for n in range(12)))
    assert pieces.teams.connector.over == 0
    assert sorted(int(a["text"]) for a in pieces.teams.shown(CHANNEL)) == list(range(12))


async def test_who_somebody_is_can_be_asked_in_a_busy_conversation(pieces: Pieces) -> None:
    await asyncio.gather(*(pieces.connector.send(at(pieces), HELLO) for _ in range(6)))
    member = await pieces.connector.member(at(pieces), pieces.teams.world.ann.oid)
    assert member["name"] == "Ann"


def test_the_last_word_has_room_when_chunks_have_not() -> None:
    now = 100.0
    traffic = Traffic(Limits(), monotonic=lambda: now)
    while traffic.wait_for("t", "c", spare=True) == 0:
        traffic.count("t", "c")
    assert traffic.wait_for("t", "c", spare=True) > 0
    assert traffic.wait_for("t", "c", spare=False) == 0
    assert traffic.wait_for("t", "another", spare=True) == 0
    traffic.block("c", 5)
    assert traffic.wait_for("t", "c", spare=False) == 5
