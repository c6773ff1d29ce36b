"""What `latchkey doctor` asks Slack: whether the tokens are taken, and whether the app may do what it does."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError

from adapters.slack.manifest import SCOPES
from adapters.slack.web_api import SLACK_API, SlackRefused, WebApi
from app.domain.secrets import Secret
from app.errors import PlatformUnavailable, SettingsError


@dataclass(frozen=True, slots=True)
class Health:
    """The workspace's name, and the scopes that the app lacks there."""

    workspace: str
    missing: tuple[str, ...]


async def look(bot_token: Secret, app_token: Secret | None, api_url: str = SLACK_API) -> Health:
    """Ask Slack, changing nothing. Raises SettingsError for a token that is refused, PlatformError when Slack can't be asked."""
    web = WebApi(api_url)
    try:
        health = await _bot(web, bot_token)
        if app_token is not None:
            await web.call(app_token, "apps.connections.open", {})
    except SlackRefused as error:
        raise SettingsError(
            f"Slack refuses SLACK_APP_TOKEN ({error.error}): make one with the scope connections:write (Basic Information)"
        ) from None
    finally:
        await web.close()
    return health


async def _bot(web: WebApi, token: Secret) -> Health:
    try:
        answer = await web.client(token.reveal()).auth_test()
    except SlackApiError as error:
        name = str(error.response.get("error", "no reason given"))
        raise SettingsError(
            f"Slack refuses SLACK_BOT_TOKEN ({name}): install the app again, copy the new token"
        ) from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise PlatformUnavailable(f"Slack cannot be reached ({type(error).__name__})") from None
    headers = {name.lower(): value for name, value in (answer.headers or {}).items()}
    granted = {scope.strip() for scope in str(headers.get("x-oauth-scopes", "")).split(",")} - {""}
    return Health(str(answer.get("team", "")), tuple(scope for scope in SCOPES if granted and scope not in granted))
