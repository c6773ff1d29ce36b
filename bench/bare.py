"""The yardstick: a slack-bolt AsyncApp on aiohttp that verifies, authorises, acknowledges, and does nothing. Keeps nothing either."""

from __future__ import annotations

import argparse
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult


async def _authorize(**_: Any) -> AuthorizeResult:
    return AuthorizeResult(
        enterprise_id=None, team_id="T1", bot_user_id="UBOT", bot_id="BBOT", bot_token="xo" + "xb-bench"
    )


def application(secret: str) -> web.Application:
    """The app behind `/slack/events`, its authorisation cached as ours is."""
    app = AsyncApp(signing_secret=secret, authorize=_authorize)

    @app.event("app_mention")
    async def nothing() -> None:
        pass

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    server = web.Application()
    server.router.add_post("/slack/events", events)
    return server


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A bare slack-bolt app.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True)
    told = parser.parse_args()
    web.run_app(application(told.secret), host="127.0.0.1", port=told.port, access_log=None)
