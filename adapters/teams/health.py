"""A look at what the settings say of Microsoft, without a bot: `latchkey doctor` asks."""

from __future__ import annotations

from adapters.teams.http import Http
from adapters.teams.platform import Cloud, Registration
from adapters.teams.signing_keys import SigningKeys
from adapters.teams.tokens import AppType, BotToken


async def look(bot: Registration, cloud: Cloud) -> None:
    """Return if the login takes the app's id and password, and the keys that Teams signs with can be had.

    Raises PlatformUnavailable when somebody could not be asked, another PlatformError when the login refuses the app.
    """
    http, microsoft = Http(), cloud.microsoft
    token = BotToken(
        http,
        app_id=bot.app_id,
        password=bot.password,
        app_type=AppType(bot.app_type),
        tenant=bot.tenant,
        cloud=microsoft,
    )
    try:
        await token.current()
        await SigningKeys(http, microsoft.openid_url).find("")
    finally:
        await http.close()
