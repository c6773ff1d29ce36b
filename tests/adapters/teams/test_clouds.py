"""Microsoft's clouds by their names: each believes its own issuer, asks its own login, and calls its own connector."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.teams.clouds import CLOUDS, PUBLIC, CloudName, MicrosoftCloud
from adapters.teams.platform import Cloud
from adapters.teams.services import Services
from adapters.teams.tokens import AppType
from app.domain.chat import ConversationRef, Place
from app.edges import teams_of
from app.settings import load
from tests.adapters.teams.pieces import WORKSPACE, listening
from tests.fakes.teams.identity import APP_ID, PASSWORD, TENANT
from tests.fakes.teams.world import CHANNEL

CONNECTORS = {
    CloudName.PUBLIC: "https://smba.infra.gcc.teams.microsoft.com/teams",
    CloudName.US_GOV: "https://smba.infra.gov.teams.microsoft.us/gcch/",
    CloudName.US_GOV_DOD: "https://smba.infra.dod.teams.microsoft.us/dod/",
    CloudName.CHINA: "https://frontend.botapi.msg.infra.teams.microsoftonline.cn",
}


@pytest.mark.parametrize("name", CloudName)
def test_a_cloud_knows_its_own_connector_and_no_others(name: CloudName) -> None:
    allowed = [one for one, url in CONNECTORS.items() if Services(cloud=CLOUDS[name]).allows(url)]
    assert allowed == [name]


def test_anybodys_name_below_microsofts_balancer_is_no_connector() -> None:
    assert not Services().allows("https://somebody.trafficmanager.net/")
    assert Services().allows("https://smba.onyx.prod.teams.trafficmanager.net/")


@pytest.mark.parametrize("name", CloudName)
async def test_a_bot_is_heard_and_answers_in_its_own_cloud(name: CloudName) -> None:
    own = CLOUDS[name]
    async with listening(cloud=own, app_type=AppType.MULTI) as pieces:
        teams = pieces.teams
        teams.identity.issuer, teams.identity.scope = own.issuer, own.scope
        assert (await teams.say(teams.world.ann, "hello")).status == 200
        place = await pieces.connector.at(ConversationRef(WORKSPACE, CHANNEL, CHANNEL, Place.CHANNEL), {})
        await pieces.connector.send(place, {"type": "message", "text": "hello"})
        (login,) = teams.identity.logins
        assert (login["authority"], login["scope"]) == (own.authority, own.scope)
        assert len(teams.shown(CHANNEL)) == 1


@pytest.mark.parametrize("name", [name for name in CloudName if name is not CloudName.PUBLIC])
async def test_another_clouds_issuer_is_not_believed(name: CloudName) -> None:
    async with listening(cloud=CLOUDS[name]) as pieces:
        assert (await pieces.teams.say(pieces.teams.world.ann, "hello")).status == 401
        assert pieces.inbound.quiet
    async with listening() as pieces:
        pieces.teams.identity.issuer = CLOUDS[name].issuer
        assert (await pieces.teams.say(pieces.teams.world.ann, "hello")).status == 401


@pytest.mark.parametrize(
    ("variables", "meant"),
    [
        ({}, PUBLIC),
        ({"LATCHKEY_TEAMS_CLOUD": "USGov"}, CLOUDS[CloudName.US_GOV]),
        ({"LATCHKEY_TEAMS_CLOUD": "China"}, CLOUDS[CloudName.CHINA]),
        (
            {"LATCHKEY_TEAMS_CLOUD": "USGovDoD", "LATCHKEY_TEAMS_LOGIN_URL": "https://login.example/"},
            replace(CLOUDS[CloudName.US_GOV_DOD], login_url="https://login.example/"),
        ),
    ],
)
def test_the_settings_name_the_cloud(variables: dict[str, str], meant: MicrosoftCloud) -> None:
    bot = {"MICROSOFT_APP_ID": APP_ID, "MICROSOFT_APP_PASSWORD": PASSWORD, "MICROSOFT_APP_TENANT_ID": TENANT}
    settings = load(**(bot | variables))
    assert settings.microsoft_app_password
    _, cloud = teams_of(settings, settings.microsoft_app_password)
    assert isinstance(cloud, Cloud)
    assert cloud.microsoft == meant
