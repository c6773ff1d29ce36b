"""Calls of Slack's Web API: one shared session, no hidden retries, errors in our words."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.identity import Json
from app.domain.secrets import Secret
from app.errors import NotReachable, PlatformError, PlatformRateLimited, PlatformUnavailable

SLACK_API = "https://slack.com/api/"

_UNREACHABLE = {
    "channel_not_found", "not_in_channel", "user_not_in_channel", "user_not_found", "is_archived", "cannot_dm_bot",
    "user_disabled", "users_not_found", "messages_tab_disabled", "restricted_action", "user_not_visible",
}  # fmt: skip


class SlackRefused(PlatformError):
    """Slack did not do what it was asked; `error` is its name for why."""

    def __init__(self, method: str, error: str, needed: str = "") -> None:
        super().__init__(f"{method}: {error}")
        self.error = error
        self.needed = needed


class SlackNotReachable(SlackRefused, NotReachable):
    """Slack says that this person or channel cannot be written to."""


def quiet_logger(name: str) -> logging.Logger:
    """A logger for Slack's libraries that never tells what a request or an answer contained.

    Below WARNING they write whole bodies: a typed key, a signature, everything. Their code asks `logger.level`, so it is set here,
    whatever the root logger is set to; and ERROR it is, because bolt's warnings may quote a body too.
    """
    logger = logging.getLogger(f"latchkey.slack.{name}")
    logger.setLevel(logging.ERROR)
    return logger


class WebApi:
    """The Web API at one base URL, for any workspace: the token comes with each call."""

    def __init__(self, base_url: str = SLACK_API, *, timeout: float = 20) -> None:
        self.base_url = base_url if base_url.endswith("/") else f"{base_url}/"
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=5)
        self._session: aiohttp.ClientSession | None = None
        self._clients: dict[str, AsyncWebClient] = {}

    @property
    def session(self) -> aiohttp.ClientSession:
        """The one session of this adapter, made on first use (it needs a running loop)."""
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=100, keepalive_timeout=60)
            self._session = aiohttp.ClientSession(timeout=self._timeout, connector=connector)
            self._clients.clear()
        return self._session

    @property
    def proxy(self) -> str | None:
        """The operator's way out (`HTTPS_PROXY`), as slack_sdk reads it: what we send by ourselves takes the same."""
        return self.client().proxy

    def client(self, token: str = "") -> AsyncWebClient:
        """slack_sdk's client on the shared session; without retries, which could post twice."""
        return AsyncWebClient(
            token=token or None,
            base_url=self.base_url,
            session=self.session,
            logger=quiet_logger("web"),
            retry_handlers=[],
        )

    async def call(self, token: Secret, method: str, args: Json, *, timeout: float | None = None) -> Json:
        """Call a method; raises PlatformRateLimited, PlatformUnavailable or SlackRefused."""
        try:
            async with asyncio.timeout(timeout):
                client = self._client_of(token)
                answer = await client.api_call(method, json=args)
        except SlackApiError as error:
            raise _renamed(method, error) from None  # the original carries the whole answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformUnavailable(f"{method}: {type(error).__name__}") from None
        data = answer.data
        return data if isinstance(data, dict) else {}

    async def form(self, token: Secret, method: str, args: Json) -> Json:
        """Call a reading method that takes no JSON (conversations.*, users.info)."""
        try:
            answer = await self._client_of(token).api_call(method, http_verb="GET", params=args)
        except SlackApiError as error:
            raise _renamed(method, error) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformUnavailable(f"{method}: {type(error).__name__}") from None
        data = answer.data
        return data if isinstance(data, dict) else {}

    async def post(self, url: str, body: Json) -> None:
        """Answer on a response URL of an interaction."""
        try:
            async with self.session.post(url, json=body, allow_redirects=False, proxy=self.proxy) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformUnavailable(f"response_url: {type(error).__name__}") from None
        if status >= 400:
            raise SlackRefused("response_url", f"status {status}")

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()

    def _client_of(self, token: Secret) -> AsyncWebClient:
        revealed, session = token.reveal(), self.session
        client = self._clients.get(revealed)
        if client is None or client.session is not session:
            client = self._clients[revealed] = self.client(revealed)
        return client


def _renamed(method: str, error: SlackApiError) -> PlatformError:
    answer = error.response
    status = int(getattr(answer, "status_code", None) or getattr(answer, "status", None) or 0)
    data = getattr(answer, "data", None)
    fields = data if isinstance(data, dict) else {}
    name = str(fields.get("error") or "")
    if status == 429 or name in {"ratelimited", "rate_limited"}:
        return PlatformRateLimited(f"{method}: rate limited", retry_after=_retry_after(answer))
    if status >= 500 or not name or name in {"internal_error", "service_unavailable", "fatal_error", "request_timeout"}:
        return PlatformUnavailable(f"{method}: {name or status}")
    refused = SlackNotReachable if name in _UNREACHABLE else SlackRefused
    return refused(method, name, str(fields.get("needed") or ""))


def _retry_after(answer: object) -> float:
    headers = getattr(answer, "headers", None) or {}
    try:
        return max(0.0, min(float(headers.get("Retry-After", 1)), 600))
    except (TypeError, ValueError):
        return 1.0
