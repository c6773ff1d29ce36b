"""The bot's own token for the connector: one, kept until shortly before it expires, fetched without blocking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from enum import StrEnum
from http import HTTPStatus

import aiohttp

from adapters.teams.clouds import PUBLIC, MicrosoftCloud
from adapters.teams.http import Http, at_most, parsed
from adapters.teams.payload import string
from app.domain.secrets import Secret
from app.errors import PlatformError, PlatformUnavailable, SettingsError

_EARLY = 300.0
_RETRY = 15.0
_PATIENCE = 10.0
_MOST = 2**16


class AppType(StrEnum):
    """The two kinds of registration that a bot with a client secret may have, by Azure's names."""

    SINGLE = "SingleTenant"
    MULTI = "MultiTenant"


class BotToken:
    """Asks Microsoft's login for the token; everybody who needs it meanwhile waits for the same answer."""

    def __init__(
        self,
        http: Http,
        *,
        app_id: str,
        password: Secret,
        app_type: AppType = AppType.SINGLE,
        tenant: str = "",
        cloud: MicrosoftCloud = PUBLIC,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if app_type is AppType.SINGLE and not tenant:
            raise SettingsError("MICROSOFT_APP_TENANT_ID is needed for a SingleTenant bot: the id of its own tenant.")
        self._http = http
        self._app_id = app_id
        self._password = password
        authority = tenant if app_type is AppType.SINGLE else cloud.authority
        self._url = f"{cloud.login_url.rstrip('/')}/{authority}/oauth2/v2.0/token"
        self._scope = cloud.scope
        self._now = monotonic
        self._token: Secret | None = None
        self._until = 0.0
        self._ends = 0.0
        self._lock = asyncio.Lock()

    async def current(self) -> Secret:
        """A token that holds: for some minutes yet, unless the login is away. Raises PlatformUnavailable, or PlatformError when it refuses us."""
        held = self._held() or (self._last() if self._lock.locked() else None)
        if held is not None:
            return held
        async with self._lock:  # those who waited find what the first one fetched
            return self._held() or await self._renewed()

    def drop(self, token: Secret) -> None:
        """The connector did not take this token: fetch another one next time."""
        if self._token is token:
            self._token = None

    def _held(self) -> Secret | None:
        return self._token if self._now() < self._until else None

    def _last(self) -> Secret | None:
        """The token that was to be renewed, as long as it holds."""
        return self._token if self._now() < self._ends else None

    async def _renewed(self) -> Secret:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._fetch()
        except (PlatformUnavailable, TimeoutError) as error:
            last = self._last()
            if last is None:
                raise PlatformUnavailable(str(error) or "login: no answer in time") from None
            self._until = self._now() + _RETRY
            return last

    async def _fetch(self) -> Secret:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._app_id,
            "client_secret": self._password.reveal(),
            "scope": self._scope,
        }
        try:
            async with self._http.session.post(self._url, data=form, allow_redirects=False) as answer:
                status, body = answer.status, parsed(await at_most(answer, _MOST))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise PlatformUnavailable(f"login: {type(error).__name__}") from None
        if status != HTTPStatus.OK:
            refused = PlatformUnavailable if status >= 500 or status == 429 else PlatformError
            raise refused(f"login: status {status}")  # its text names the app, and sometimes more
        token, lasts = string(body.get("access_token")), body.get("expires_in")
        if not token or not isinstance(lasts, int | str) or not str(lasts).isdecimal():
            raise PlatformUnavailable("login: no token in the answer")
        self._token = Secret(token)
        self._ends = self._now() + int(lasts)
        self._until = self._now() + max(int(lasts) - _EARLY, int(lasts) / 2)
        return self._token
