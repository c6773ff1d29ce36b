"""How Slack brings something to the app: signed HTTP with retries, or a Socket Mode envelope."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.fakes.slack.socket_mode import SocketMode
from tests.fakes.slack.world import Json

KINDS = {"event": "events_api", "command": "slash_commands", "interaction": "interactive"}


@dataclass
class Delivery:
    """One thing brought to the app and its answer; `status` 0 means nobody answered."""

    kind: str
    payload: Json
    retry: tuple[int, str] | None = None
    status: int = 0
    body: str = ""
    seconds: float = 0.0
    at: float = field(default_factory=time.time)

    @property
    def ok(self) -> bool:
        """Whether the app took it."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The answer's body as JSON, {} when it has none."""
        return json.loads(self.body) if self.body.strip().startswith(("{", "[")) else {}


class Deliveries:
    """Brings events, commands and interactions to `events_url`, or over an open socket.

    `retry_delays` are the waits before the deliveries 2, 3 and 4 of an event that was not taken (Slack: 0, 60, 300 s; none here
    unless asked for)."""

    def __init__(self, sockets: SocketMode, signing_secret: str, events_url: str) -> None:
        self.signing_secret = signing_secret
        self.events_url = events_url
        self.retry_delays: Sequence[float] = ()
        self.timeout = 3.0
        self.log: list[Delivery] = []
        self._sockets = sockets
        self._session: aiohttp.ClientSession | None = None
        self._retries: set[asyncio.Task[None]] = set()

    async def bring(self, kind: str, payload: Json, retry: tuple[int, str] | None = None) -> Delivery:
        """Deliver once; a refused event is tried again in the background as `retry_delays` say."""
        delivery = Delivery(kind, payload, retry)
        self.log.append(delivery)
        if self._sockets.connections:
            await self._by_socket(delivery)
        elif self.events_url:
            await self._by_http(delivery)
        number = retry[0] if retry else 0
        if not delivery.ok and kind == "event" and number < len(self.retry_delays):
            self._again_later(delivery, number)
        return delivery

    async def post(self, body: bytes, headers: dict[str, str]) -> Delivery:
        """Send raw bytes as they are: for forged, stale and broken requests."""
        delivery = Delivery("raw", {})
        self.log.append(delivery)
        await self._send(delivery, body, headers)
        return delivery

    def sign(self, body: bytes, *, at: float | None = None, secret: str | None = None) -> dict[str, str]:
        """Genuine signature headers for a body."""
        stamp = str(int(time.time() if at is None else at))
        base = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new((secret or self.signing_secret).encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}

    async def settle(self) -> None:
        """Wait until no retry is outstanding."""
        while self._retries:
            await asyncio.gather(*self._retries, return_exceptions=True)

    async def close(self) -> None:
        """Stop retrying and let go of the connections."""
        for task in self._retries:
            task.cancel()
        if self._session is not None:
            await self._session.close()

    async def _by_socket(self, delivery: Delivery) -> None:
        started = time.monotonic()
        answer = await self._sockets.send(
            KINDS[delivery.kind], delivery.payload, retry=delivery.retry, timeout=self.timeout
        )
        delivery.seconds = time.monotonic() - started
        if answer is not None:
            delivery.status = 200
            delivery.body = "" if answer.payload is None else json.dumps(answer.payload)

    async def _by_http(self, delivery: Delivery) -> None:
        kind, payload = delivery.kind, delivery.payload
        if kind == "event":
            body, content_type = json.dumps(payload).encode(), "application/json"
        else:
            form = payload if kind == "command" else {"payload": json.dumps(payload)}
            body, content_type = urlencode(form).encode(), "application/x-www-form-urlencoded"
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0"} | self.sign(body)
        if delivery.retry is not None:
            headers |= {"X-Slack-Retry-Num": str(delivery.retry[0]), "X-Slack-Retry-Reason": delivery.retry[1]}
        await self._send(delivery, body, headers)

    async def _send(self, delivery: Delivery, body: bytes, headers: dict[str, str]) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        started, timeout = time.monotonic(), aiohttp.ClientTimeout(total=self.timeout)
        try:
            async with self._session.post(
                self.events_url, data=io.BytesIO(body), headers=headers, timeout=timeout
            ) as answer:
                delivery.status, delivery.body = answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            delivery.status = 0
        delivery.seconds = time.monotonic() - started

    def _again_later(self, delivery: Delivery, number: int) -> None:
        reason = (
            "http_error"
            if delivery.status
            else "http_timeout"
            if delivery.seconds >= self.timeout
            else "connection_failed"
        )

        async def again() -> None:
            await asyncio.sleep(self.retry_delays[number])
            await self.bring(delivery.kind, delivery.payload, (number + 1, reason))

        task = asyncio.create_task(again())
        self._retries.add(task)
        task.add_done_callback(self._retries.discard)
