"""Listening: one aiohttp application for every platform's routes, with health and metrics beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog
from aiohttp import web

from app.errors import SettingsError
from app.http.guards import MAX_BODY, Connection, guard, secure
from app.telemetry import metrics

log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[bool]]


class Server:
    """Serves `routes` until stopped. `/readyz` answers 200 while every check holds."""

    def __init__(
        self,
        routes: Iterable[web.AbstractRouteDef],
        checks: Mapping[str, Check],
        *,
        head_seconds: float = 30.0,
        body_seconds: float = 10.0,
    ) -> None:
        self._checks = checks
        self._head_seconds = head_seconds
        application = web.Application(client_max_size=MAX_BODY, middlewares=[guard(body_seconds)])
        application.on_response_prepare.append(secure)
        application.add_routes(
            [
                web.get("/healthz", _alive),
                web.get("/readyz", self._ready),
                web.get("/metrics", _metrics),
                *routes,
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=5.0)
        self._listening: asyncio.Server | None = None

    async def start(self, host: str, *ports: int) -> int:
        """Listen on the first port that is free (0: any), and tell which. Raises SettingsError if none is."""
        await self._runner.setup()
        serving, loop = self._runner.server, asyncio.get_running_loop()
        assert serving is not None  # noqa: S101 - setup made it

        def connect() -> asyncio.Protocol:
            # What arrives compressed is refused, so nothing is unpacked; idle or slow to send its head is hung up on.
            return Connection(
                serving,
                loop=loop,
                keepalive_timeout=self._head_seconds,
                lingering_time=1.0,  # for who is still sending when refused, to hear of it
                auto_decompress=False,
            )

        for port in ports:
            try:
                self._listening = await loop.create_server(connect, host, port, backlog=512)
                break
            except OSError as error:
                reason = error.strerror or "that address is not of this machine"
        else:
            await self._runner.cleanup()
            raise SettingsError(
                f"Cannot listen on {host}:{ports[-1]}: {reason}. "
                "Set LATCHKEY_PORT (or LATCHKEY_HOST), or stop what listens there."
            )
        chosen: int = self._listening.sockets[0].getsockname()[1]
        log.info("listening", host=host, port=chosen)
        return chosen

    async def stop_listening(self) -> None:
        """Take no new connections; requests under way go on."""
        if self._listening is not None:
            self._listening.close()

    async def stop(self) -> None:
        """Let requests under way end, then close everything."""
        await self.stop_listening()
        await self._runner.cleanup()

    async def _ready(self, _request: web.Request) -> web.Response:
        found = {name: await _holds(check) for name, check in self._checks.items()}
        return web.json_response(found, status=200 if all(found.values()) else 503)


async def _holds(check: Check) -> bool:
    try:
        async with asyncio.timeout(2):
            return await check()
    except Exception as error:  # noqa: BLE001 - a check that breaks does not hold
        log.warning("readiness check failed", error=type(error).__name__)
        return False


async def _alive(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=metrics.page(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
