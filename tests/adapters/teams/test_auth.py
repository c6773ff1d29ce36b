"""Who may speak to us. Each bad token is a 401 of one log line without a traceback; nothing of it reaches Inbound."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import jwt
import pytest
import structlog
from cryptography.hazmat.primitives import serialization

from adapters.teams.auth import Verifier
from adapters.teams.services import Services
from adapters.teams.signing_keys import SigningKeys
from app.errors import SettingsError
from tests.adapters.teams.pieces import Pieces, listening
from tests.fakes.teams.identity import APP_ID, TENANT, Key
from tests.fakes.teams_server import TeamsServer

CANARY = "canary-text-77aa"
HOUR = 3600


@pytest.fixture
async def pieces() -> AsyncIterator[Pieces]:
    async with listening() as made:
        yield made


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _claims(**changed: Any) -> Callable[[TeamsServer], dict[str, str]]:
    return lambda teams: _bearer(teams.identity.token(teams.service_url, **changed))


def _at(seconds: int, name: str) -> Callable[[TeamsServer], dict[str, str]]:
    def made(teams: TeamsServer) -> dict[str, str]:
        shifted: dict[str, Any] = {name: int(time.time()) + seconds} | (
            {"nbf": int(time.time()) - 2 * HOUR} if name == "exp" else {}
        )
        return _bearer(teams.identity.token(teams.service_url, **shifted))

    return made


def _unsigned(teams: TeamsServer) -> dict[str, str]:
    said = jwt.decode(teams.identity.token(teams.service_url), options={"verify_signature": False})
    return _bearer(jwt.encode(said, "", algorithm="none", headers={"kid": teams.identity.key.kid}))


def _public_key_as_secret(teams: TeamsServer) -> dict[str, str]:
    """The classic confusion: signed by HMAC with what everybody can read, written by hand because PyJWT refuses to."""
    public = teams.identity.key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    said = jwt.decode(teams.identity.token(teams.service_url), options={"verify_signature": False})
    parts = [{"alg": "HS256", "typ": "JWT", "kid": teams.identity.key.kid}, said]
    head = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signed = base64.urlsafe_b64encode(hmac.new(public, head, hashlib.sha256).digest()).rstrip(b"=")
    return _bearer((head + b"." + signed).decode())


def _unknown_key(teams: TeamsServer) -> dict[str, str]:
    return _bearer(teams.identity.token(teams.service_url, key=Key()))


def _known_id_other_key(teams: TeamsServer) -> dict[str, str]:
    return _bearer(teams.identity.token(teams.service_url, key=Key(kid=teams.identity.key.kid)))


def _withdrawn(teams: TeamsServer) -> dict[str, str]:
    token = teams.identity.token(teams.service_url)
    teams.identity.rotate()
    return _bearer(token)


def _unendorsed(teams: TeamsServer) -> dict[str, str]:
    teams.identity.keys.append(Key(endorsements=("webchat", "skype")))
    return _bearer(teams.identity.token(teams.service_url))


def _emulator(teams: TeamsServer) -> dict[str, str]:
    issuer = "https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"
    return _bearer(teams.identity.token(teams.service_url, iss=issuer, appid=APP_ID, ver="1.0"))


def _headed(raw: bytes) -> dict[str, str]:
    return _bearer(f"{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}.e30.AA")


def _cut(teams: TeamsServer) -> dict[str, str]:
    return _bearer(teams.identity.token(teams.service_url)[:-10])


BAD: dict[str, Callable[[TeamsServer], dict[str, str]]] = {
    "none": lambda _: {},
    "empty": lambda _: {"Authorization": ""},
    "only the word": lambda _: {"Authorization": "Bearer "},
    "another scheme": lambda teams: {"Authorization": f"Basic {teams.identity.token(teams.service_url)}"},
    "garbage": lambda _: _bearer("garbage"),
    "garbage with dots": lambda _: _bearer("a.b.c"),
    "endless": lambda _: _bearer("a" * 6_000),
    "cut short": _cut,
    "expired": _at(-HOUR, "exp"),
    "expired just beyond the leeway": _at(-310, "exp"),
    "not yet valid": _at(HOUR, "nbf"),
    "without an end": _claims(exp=None),
    "without a beginning": _claims(nbf=None),
    "wrong audience": _claims(aud="22222222-2222-4333-8444-555555555555"),
    "a list of audiences": _claims(aud=[APP_ID, "another"]),
    "no audience": _claims(aud=None),
    "wrong issuer": _claims(iss="https://example.com"),
    "no issuer": _claims(iss=None),
    "wrong serviceurl": _claims(serviceurl="https://smba.trafficmanager.net/apac/"),
    "no serviceurl": _claims(serviceurl=None),
    "empty serviceurl": _claims(serviceurl=""),
    "another app's token": _claims(aud="another-app", appid=APP_ID),
    "alg none": _unsigned,
    "HS256 with the public key": _public_key_as_secret,
    "unknown key id": _unknown_key,
    "known key id, another key": _known_id_other_key,
    "withdrawn key": _withdrawn,
    "unendorsed key": _unendorsed,
    "emulator issuer": _emulator,
    "a key in the header": lambda teams: _bearer(
        teams.identity.token(teams.service_url, key=(own := Key()), headers={"jwk": own.jwk()})
    ),
    "critical extensions": lambda teams: _bearer(
        teams.identity.token(teams.service_url, headers={"crit": ["x"], "x": 1})
    ),
    "a header without a bottom": lambda _: _headed(b"[" * 2_900),
    "a header that is no object": lambda _: _headed(b"null"),
    "several algorithms": lambda _: _headed(b'{"alg":["RS256"],"kid":"x"}'),
    "no key id": lambda teams: _bearer(teams.identity.token(teams.service_url, headers={"kid": ""})),
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_token_is_refused_in_one_line(
    pieces: Pieces, kind: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    teams = pieces.teams
    activity = teams.activity(teams.world.ann, **teams.words(CANARY, mention=True))
    headers = BAD[kind](teams)
    with structlog.testing.capture_logs() as lines:
        answer = await teams.post(activity, headers)
    assert (answer.status, answer.body) == (401, "")
    assert [line["event"] for line in lines] == ["teams request refused"]
    out = capsys.readouterr()
    own = [r.getMessage() for r in caplog.records if not r.name.startswith("asyncio")]
    assert CANARY not in (told := str(lines) + out.out + out.err + "\n".join(own))
    assert "Traceback" not in told
    assert pieces.inbound.quiet


async def test_two_tokens_are_none(pieces: Pieces) -> None:
    teams = pieces.teams
    pair = [("Authorization", f"Bearer {teams.identity.token(teams.service_url)}")] * 2
    async with (
        aiohttp.ClientSession() as session,
        session.post(teams.bot_url, headers=pair, json=teams.activity(teams.world.ann, text="hi")) as answer,
    ):
        assert answer.status == 401
    assert pieces.inbound.quiet


async def test_a_good_token_is_taken(pieces: Pieces) -> None:
    answer = await pieces.teams.say(pieces.teams.world.ann, "hello")
    assert (answer.status, [m.text for m in pieces.inbound.mentions]) == (200, ["hello"])


@pytest.mark.parametrize("late", [-290, 0])
async def test_clocks_may_differ_by_five_minutes(pieces: Pieces, late: int) -> None:
    teams = pieces.teams
    for made in (_at(late, "exp"), _at(-late, "nbf")):
        answer = await teams.post(teams.activity(teams.world.ann, **teams.words("hi", mention=True)), made(teams))
        assert answer.status == 200


async def test_a_freshly_rotated_key_is_taken_at_once(pieces: Pieces) -> None:
    teams = pieces.teams
    assert (await teams.say(teams.world.ann, "one")).status == 200
    teams.identity.rotate()
    assert (await teams.say(teams.world.ann, "two")).status == 200
    assert teams.identity.fetches == 2


async def test_keys_are_fetched_once_for_many(pieces: Pieces) -> None:
    for _ in range(5):
        await pieces.teams.say(pieces.teams.world.ann, "hello")
    assert pieces.teams.identity.fetches == 1


async def test_invented_key_ids_make_us_ask_once_in_five_minutes(pieces: Pieces) -> None:
    teams = pieces.teams
    await teams.say(teams.world.ann, "hello")
    for _ in range(6):
        await teams.post(teams.activity(teams.world.ann), _unknown_key(teams))
    assert teams.identity.fetches == 2
    pieces.clock.ahead += 301
    await teams.post(teams.activity(teams.world.ann), _unknown_key(teams))
    assert teams.identity.fetches == 3


async def test_keys_are_asked_for_anew_after_a_day_and_hold_on_when_they_cannot_be_had(pieces: Pieces) -> None:
    teams = pieces.teams
    await teams.say(teams.world.ann, "hello")
    pieces.clock.ahead += 86_401
    teams.identity.broken = 500
    assert (await teams.say(teams.world.ann, "still there?")).status == 200
    asked = teams.identity.fetches
    assert (await teams.say(teams.world.ann, "and now?")).status == 200
    assert teams.identity.fetches == asked == 2  # not for every request
    teams.identity.broken = 0
    pieces.clock.ahead += 6
    await teams.say(teams.world.ann, "back")
    assert teams.identity.fetches == 3


async def test_a_key_that_cannot_be_looked_up_is_not_called_unknown(pieces: Pieces) -> None:
    """Microsoft rotates while its list cannot be had: Teams is to bring it again, and then it is looked up at once."""
    teams = pieces.teams
    await teams.say(teams.world.ann, "hello")
    teams.identity.rotate()
    teams.identity.broken = 500
    assert (await teams.say(teams.world.ann, "new key")).status == 503
    assert (await teams.post(teams.activity(teams.world.ann), _unknown_key(teams))).status == 503
    teams.identity.broken = 0
    pieces.clock.ahead += 6
    assert (await teams.say(teams.world.ann, "new key")).status == 200
    assert (await teams.post(teams.activity(teams.world.ann), _unknown_key(teams))).status == 401


async def test_who_has_a_known_key_does_not_wait_for_the_list(pieces: Pieces) -> None:
    teams = pieces.teams
    await teams.say(teams.world.ann, "hello")
    pieces.clock.ahead += 86_401
    teams.identity.slow = 0.6
    first = asyncio.create_task(teams.say(teams.world.ann, "this one asks"))
    await teams.until(lambda: teams.identity.fetches == 2)
    second = await teams.say(teams.world.ann, "this one need not")
    assert second.status == 200
    assert not first.done()
    assert (await first).status == 200


async def test_without_any_keys_nothing_is_judged(pieces: Pieces) -> None:
    teams = pieces.teams
    teams.identity.broken = 503
    assert (await teams.say(teams.world.ann, "hello")).status == 503  # Teams brings it again
    teams.identity.broken = 0
    pieces.clock.ahead += 6
    assert (await teams.say(teams.world.ann, "hello")).status == 200


async def test_keys_from_somewhere_else_are_no_keys(pieces: Pieces) -> None:
    async with TeamsServer() as stranger:
        stranger.identity.keys = pieces.teams.identity.keys
        pieces.teams.identity.jwks_uri = f"{stranger.origin}/v1/.well-known/keys"
        assert (await pieces.teams.say(pieces.teams.world.ann, "hello")).status == 503
    assert pieces.inbound.quiet


async def test_an_empty_app_id_refuses_to_start(pieces: Pieces) -> None:
    with pytest.raises(SettingsError, match="MICROSOFT_APP_ID"):
        Verifier("", SigningKeys(pieces.http), Services())


@pytest.mark.parametrize("channel", ["emulator", "webchat", "directline", "", None, 7])
async def test_another_channel_is_not_teams(pieces: Pieces, channel: object) -> None:
    teams = pieces.teams
    activity = teams.activity(teams.world.ann, **teams.words("hi", mention=True)) | {"channelId": channel}
    assert (await teams.post(activity)).status == 401
    assert pieces.inbound.quiet


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "http://smba.trafficmanager.net/emea/",
        "https://smba.trafficmanager.net.evil.example/",
        "https://smba.trafficmanager.net@evil.example/",
        "https://smba.trafficmanager.net:8443/",
        "https://evil.example/#smba.trafficmanager.net",
        "https://evilbotframework.com/",
        "https://smba.trafficmanager.net\\.evil.example/",
        "",
        None,
    ],
)
async def test_a_service_that_is_none_of_teams_is_refused_even_with_a_good_token(
    pieces: Pieces, url: str | None
) -> None:
    teams = pieces.teams
    activity = teams.activity(teams.world.ann, **teams.words("hi", mention=True)) | {"serviceUrl": url}
    assert (await teams.post(activity, _bearer(teams.identity.token(url or "")))).status == 401
    assert pieces.inbound.quiet


@pytest.mark.parametrize(
    "url",
    [
        "https://smba.trafficmanager.net/emea/",
        f"https://smba.trafficmanager.net/teams/{TENANT}/",
        "https://europe.botframework.com",
    ],
)
def test_the_services_of_teams_are_known(url: str) -> None:
    assert Services().allows(url)


async def test_only_tenants_on_the_list_are_served() -> None:
    async with listening(tenants=["some-other-tenant"]) as pieces:
        with structlog.testing.capture_logs() as lines:
            assert (await pieces.teams.say(pieces.teams.world.ann, "hello")).status == 403
        assert len(lines) == 1
        assert pieces.inbound.quiet
    async with listening(tenants=[TENANT]) as pieces:
        assert (await pieces.teams.say(pieces.teams.world.ann, "hello")).status == 200
