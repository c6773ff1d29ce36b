"""Microsoft's clouds: each has its own login, its own signing keys and issuer, and its own connector (names and values as in its Teams SDK)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CloudName(StrEnum):
    """Which one the bot is registered in, by the Teams SDK's names. GCC (without High) is in the public one."""

    PUBLIC = "Public"
    US_GOV = "USGov"  # GCC High
    US_GOV_DOD = "USGovDoD"
    CHINA = "China"  # run by 21Vianet


@dataclass(frozen=True, slots=True)
class MicrosoftCloud:
    """Whom to believe and whom to call there.

    `authority` is where a bot of many tenants asks for its token; `hosts` are the connector's, `below` domains whose hosts are all Microsoft's
    bot service.
    """

    login_url: str
    authority: str
    scope: str
    openid_url: str
    issuer: str
    hosts: frozenset[str]
    below: tuple[str, ...]


PUBLIC = MicrosoftCloud(
    login_url="https://login.microsoftonline.com",
    authority="botframework.com",
    scope="https://api.botframework.com/.default",
    openid_url="https://login.botframework.com/v1/.well-known/openidconfiguration",
    issuer="https://api.botframework.com",
    hosts=frozenset(
        {
            "smba.trafficmanager.net",  # and not what else is below it: anybody can register names there
            "smba.onyx.prod.teams.trafficmanager.net",
            "smba.infra.gcc.teams.microsoft.com",
        }
    ),
    below=(".botframework.com",),
)


def _us_government(connector: str) -> MicrosoftCloud:
    return MicrosoftCloud(
        login_url="https://login.microsoftonline.us",
        authority="MicrosoftServices.onmicrosoft.us",
        scope="https://api.botframework.us/.default",
        openid_url="https://login.botframework.azure.us/v1/.well-known/openidconfiguration",
        issuer="https://api.botframework.us",
        hosts=frozenset({connector}),
        below=(".botframework.azure.us",),
    )


CLOUDS = {
    CloudName.PUBLIC: PUBLIC,
    CloudName.US_GOV: _us_government("smba.infra.gov.teams.microsoft.us"),
    CloudName.US_GOV_DOD: _us_government("smba.infra.dod.teams.microsoft.us"),
    CloudName.CHINA: MicrosoftCloud(
        login_url="https://login.partner.microsoftonline.cn",
        authority="microsoftservices.partner.onmschina.cn",
        scope="https://api.botframework.azure.cn/.default",
        openid_url="https://login.botframework.azure.cn/v1/.well-known/openidconfiguration",
        issuer="https://api.botframework.azure.cn",
        hosts=frozenset({"frontend.botapi.msg.infra.teams.microsoftonline.cn"}),
        below=(".botframework.azure.cn",),
    ),
}
