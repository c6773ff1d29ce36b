"""Microsoft's part in Teams, on loopback: the login that both ends ask for tokens, and the keys these are signed with."""

from __future__ import annotations

from typing import Self

from aiohttp import web

from tests.fakes.teams.identity import APP_ID, ISSUER, PASSWORD, Identity

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

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._about)
        app.router.add_routes(self._identity.routes())
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _about(self, _: web.Request) -> web.Response:
        """What a channel asks about the bots' tokens; their keys are the same ones here."""
        return web.json_response({"issuer": ISSUER, "jwks_uri": f"{self.url}/v1/.well-known/keys"})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form.get("client_id"), form.get("client_secret")) != (APP_ID, PASSWORD):
            return web.json_response({"error": "invalid_client"}, status=401)
        scope = str(form.get("scope", "")).split(" ")[0]
        self.given.append(scope)
        if scope == TO_CHANNEL:
            token = self._identity.token("", aud=ISSUER, appid=APP_ID, serviceurl=None)
        else:
            token = self._identity.token(self.service_url)
        return web.json_response({"token_type": "Bearer", "expires_in": 3599, "access_token": token})
