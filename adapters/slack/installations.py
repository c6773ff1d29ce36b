"""In which workspaces the app is installed, with which token, and who it is there.

One workspace by token. Everything asks by team, so that many workspaces by OAuth are another `Installations` and nothing else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from adapters.slack.identity import Identity, string, team_of
from adapters.slack.traffic import Limits, Traffic
from adapters.slack.web_api import SlackRefused, WebApi
from app.domain.secrets import Secret
from app.errors import PlatformError, SettingsError

log = structlog.get_logger(__name__)

_DEAD = {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "no_permission"}


@dataclass(frozen=True, slots=True)
class Installation:
    """The app in one workspace: who it is, its token, and its share of Slack's limits."""

    me: Identity
    token: Secret
    traffic: Traffic


class Installations:
    """Looks the identity up once (`auth.test`) and remembers it: no request waits for Slack because of it again."""

    def __init__(self, web: WebApi, token: Secret, limits: Limits) -> None:
        self._web = web
        self._token = token
        self._limits = limits
        self._known: Installation | None = None
        self._removed = False
        self._lock = asyncio.Lock()

    async def only(self) -> Installation:
        """The one installation; asks Slack the first time. Raises SettingsError when Slack refuses the token."""
        async with self._lock:
            if self._known is None:
                self._known = Installation(await self._identify(), self._token, Traffic(self._limits))
                log.info("slack workspace", workspace=self._known.me.workspace)
            return self._known

    async def of_team(self, team: str) -> Installation | None:
        """The installation in a team; None if the app is not installed there."""
        one = await self.only()
        known = team and team == one.me.team
        return one if known and not self._removed else None

    async def of(self, workspace: str) -> Installation:
        """The installation in one of our workspaces; raises PlatformError if there is none."""
        found = await self.of_team(team_of(workspace))
        if found is None:
            raise PlatformError(f"the app is not installed in {workspace}")
        return found

    def forget(self, workspace: str) -> None:
        """The app was removed there: its token is not used again."""
        if self._known is not None and self._known.me.workspace == workspace:
            self._removed = True

    async def _identify(self) -> Identity:
        try:
            who = await self._web.call(self._token, "auth.test", {})
        except SlackRefused as error:
            if error.error in _DEAD:
                raise SettingsError(
                    f"Slack refuses SLACK_BOT_TOKEN ({error.error}): install the app again, copy the new token"
                ) from None
            raise
        bot = string(who.get("bot_id"))
        return Identity(
            team=string(who.get("team_id")),
            bot_user=string(who.get("user_id")),
            bot=bot,
            name=string(who.get("team")),
            enterprise=string(who.get("enterprise_id")),
            app=await self._app_id(bot),
        )

    async def _app_id(self, bot: str) -> str:
        """The id of our own app, to refuse what is meant for another; empty where Slack does not tell."""
        try:
            found = await self._web.form(self._token, "bots.info", {"bot": bot})
        except PlatformError:
            return ""
        described = found.get("bot")
        return string(described.get("app_id")) if isinstance(described, dict) else ""
