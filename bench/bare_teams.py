"""The yardstick for Teams: botbuilder's own adapter, authentication and connector around an echo bot, on aiohttp. Keeps nothing.

Kinder than life in one thing: its token for the connector is given, where botbuilder would ask the login for one in each turn.
"""

from __future__ import annotations

import argparse

from aiohttp import web
from botbuilder.core import TurnContext
from botbuilder.core.cloud_adapter_base import CloudAdapterBase
from botbuilder.schema import Activity
from botframework.connector.auth import AppCredentials, AuthenticationConfiguration, ServiceClientCredentialsFactory
from botframework.connector.auth.bot_framework_authentication_factory import BotFrameworkAuthenticationFactory


class _Token(AppCredentials):  # type: ignore[misc]  # botbuilder has no types
    def __init__(self, app_id: str, token: str) -> None:
        super().__init__(app_id=app_id)
        self._token = token

    def get_access_token(self, force_refresh: bool = False) -> str:
        return self._token


class _Credentials(ServiceClientCredentialsFactory):  # type: ignore[misc]
    def __init__(self, app_id: str, token: str) -> None:
        self._app_id, self._token = app_id, token

    async def is_valid_app_id(self, app_id: str) -> bool:
        return app_id == self._app_id

    async def is_authentication_disabled(self) -> bool:
        return False

    async def create_credentials(
        self, app_id: str, oauth_scope: str, login_endpoint: str, validate_authority: bool
    ) -> AppCredentials:
        return _Token(app_id, self._token)


class _Adapter(CloudAdapterBase):  # type: ignore[misc]
    pass


async def _echo(context: TurnContext) -> None:
    await context.send_activity(f"Echo: {context.activity.text}")


def application(app_id: str, token: str, origin: str) -> web.Application:
    """The bot behind `/api/messages`."""
    keys = f"{origin}/v1/.well-known/openidconfiguration"
    adapter = _Adapter(
        BotFrameworkAuthenticationFactory.create(
            channel_service="",
            validate_authority=False,
            to_channel_from_bot_login_url=origin,
            to_channel_from_bot_oauth_scope="https://api.botframework.com",
            to_bot_from_channel_token_issuer="https://api.botframework.com",
            oauth_url=origin,
            to_bot_from_channel_open_id_metadata_url=keys,
            to_bot_from_emulator_open_id_metadata_url=keys,
            caller_id="",
            credential_factory=_Credentials(app_id, token),
            auth_configuration=AuthenticationConfiguration(),
        )
    )

    async def messages(request: web.Request) -> web.Response:
        activity = Activity().deserialize(await request.json())
        await adapter.process_activity(request.headers.get("Authorization", ""), activity, _echo)
        return web.Response(status=200)

    server = web.Application()
    server.router.add_post("/api/messages", messages)
    return server


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A bare botbuilder echo bot.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--app-id", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--origin", required=True)
    told = parser.parse_args()
    bot = application(told.app_id, told.token, told.origin)
    web.run_app(bot, host="127.0.0.1", port=told.port, access_log=None)
