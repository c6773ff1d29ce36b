"""Socket Mode: the same requests over a WebSocket that we open, so that no public address is needed."""

from __future__ import annotations

import asyncio

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from adapters.slack.app import SlackApp
from adapters.slack.identity import string
from adapters.slack.web_api import SlackRefused, WebApi, quiet_logger
from app.domain.secrets import Secret
from app.errors import PlatformError, SettingsError

log = structlog.get_logger(__name__)


class SocketMode:
    """One connection, kept open and opened anew by slack_sdk; what arrives goes the way of everything else."""

    def __init__(self, web: WebApi, app: SlackApp, app_token: Secret) -> None:
        self._web = web
        self._app = app
        self._token = app_token
        self._handler: _Handler | None = None
        self._connecting: asyncio.Task[None] | None = None

    async def start(self, *, wait: float = 5) -> None:
        """Connect; raises SettingsError when Slack refuses the token. If Slack can't be reached in time, it goes on trying by itself."""
        url = await self._first_url()
        self._handler = _Handler(self._app, self._web, self._token)
        self._handler.client.wss_uri = url
        self._connecting = asyncio.create_task(self._handler.client.connect(), name="slack socket mode")  # type: ignore[no-untyped-call]
        done, _ = await asyncio.wait([self._connecting], timeout=wait)
        log.info("slack socket mode", connected=bool(done))

    async def stop(self) -> None:
        """Close the connection: nothing more comes in."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._handler is not None:
            await self._handler.client.close()  # type: ignore[no-untyped-call]
            self._handler = None

    async def _first_url(self) -> str | None:
        """Where to connect. Asked for here and not left to slack_sdk, which would try a wrong token for ever, with a traceback each time."""
        try:
            return (
                string((await self._web.call(self._token, "apps.connections.open", {}, timeout=10)).get("url")) or None
            )
        except SlackRefused as error:
            why = f"Slack refuses SLACK_APP_TOKEN ({error.error}): make one with the scope connections:write (Basic Information)"
            raise SettingsError(why) from None
        except PlatformError as error:
            log.warning("slack not reachable yet", reason=error.message)
            return None


class _Handler(AsyncSocketModeHandler):
    """Bolt's handler, but through our own dispatch: it never raises, and answers what is not ours instead of leaving it to be retried."""

    def __init__(self, app: SlackApp, web: WebApi, token: Secret) -> None:
        self._ours = app
        super().__init__(
            app.bolt, token.reveal(), logger=quiet_logger("socket"), web_client=web.client(), ping_interval=5
        )

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """One envelope; acknowledged when it is kept, and not at all when it is not (Slack brings it again)."""
        started = asyncio.get_running_loop().time()
        answer = await self._ours.dispatch(req.payload)
        try:
            await send_async_response(client, req, answer, started)
        except (ConnectionError, RuntimeError) as error:
            log.warning("slack socket closed before the acknowledgement", error=type(error).__name__)
