"""Microsoft's part in Teams, on loopback: the login that both ends ask for tokens, and the keys these are signed with."""

from __future__ import annotations

from typing import Self

from aiohttp import web

from tests.fakes.teams.identity import APP_ID, ISSUER, Identity

TO_CHANNEL = "https://api.botframework.com/.default"
"""The scope by which a bot asks for the token that it shows to the connector; a channel asks for the bot's own id."""


class BotFramework:
    """An async context manager. Both ends log in with the bot's secret, as Agents Playground has it; both verify what the other shows."""

    def __init__(self) -> None:
        self.url = ""
        self.service_url = ""
        """What a channel's token says it speaks for: set it to where the connector is."""
        self.given: list[str] = []
        """The scopes that tokens were given for, oldest first."""
        self._identity = Identity()
        self._identity.give = self._give

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_routes(self._identity.routes())
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def _give(self, scopes: str) -> str:
        """Real tokens for both directions: Agents Playground looks into what the bot shows it."""
        scope = scopes.split(" ", maxsplit=1)[0]
        self.given.append(scope)
        if scope == TO_CHANNEL:
            return self._identity.token("", aud=ISSUER, appid=APP_ID, serviceurl=None)
        return self._identity.token(self.service_url)
