"""`POST /api/messages`: believed only with a token of the Bot Framework's that was made for this very request."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from adapters.teams import body, parse
from adapters.teams.app import TeamsApp
from adapters.teams.auth import Verifier
from adapters.teams.connector import Connector
from adapters.teams.payload import Json
from app.errors import BadSignature, PlatformUnavailable

log = structlog.get_logger(__name__)

PATH = "/api/messages"

Turn = Callable[[Json, Callable[[], Awaitable[Json]]], Awaitable[tuple[int, Any]]]


class Edge:
    """Judges a request before anything in it is acted upon: token, size, shape, channel, service, tenant. One log line for a bad one.

    `tenants` are the ids of those that are served; empty means all.
    """

    def __init__(
        self, verifier: Verifier, app: TeamsApp, connector: Connector, *, app_id: str, tenants: Collection[str] = ()
    ) -> None:
        self._verifier = verifier
        self._app = app
        self._connector = connector
        self._app_id = app_id
        self._tenants = frozenset(one.lower() for one in tenants)
        self._sdk_turn: Turn | None = None
        self._loading = asyncio.Lock()

    async def start(self) -> Turn:
        """Load botbuilder, beside everything else: importing it takes a second."""
        if self._sdk_turn is None:
            async with self._loading:
                sdk = await asyncio.to_thread(importlib.import_module, "adapters.teams.sdk")
                self._sdk_turn = sdk.Sdk(self._app_id, self._connector).turn
        return self._sdk_turn

    def routes(self) -> list[web.RouteDef]:
        """What the HTTP server is to listen to."""
        return [web.post(PATH, self.handle)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request of Teams', or of somebody who would like to be Teams."""
        try:
            claims = await self._verifier.verify(request.headers.getall("Authorization", []))
            activity = await body.read(request)
            self._verifier.bind(claims, activity)
        except BadSignature as error:
            return _refused(HTTPStatus.UNAUTHORIZED, error.message)
        except PlatformUnavailable as error:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, error.message)
        except body.Unusable as error:
            return _refused(error.status, str(error))
        at = parse.scene(activity)
        if isinstance(at, parse.Ignored):
            log.debug("teams activity ignored", why=at.why)
            return web.Response(status=HTTPStatus.OK)
        if self._tenants and at.place.tenant not in self._tenants:
            return _refused(HTTPStatus.FORBIDDEN, "a tenant that is not served")
        return await self._turn(activity, at)

    async def _turn(self, activity: Json, at: parse.Scene) -> web.Response:
        try:
            turn = await self.start()
            status, answer = await turn(activity, lambda: self._app.act(activity, at))
        except body.Unusable as error:
            return _refused(error.status, str(error))
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, Teams gets a status and we get one line
            log.error("teams request failed", error=type(error).__name__)  # noqa: TRY400 - a traceback may hold content
            return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
        if not answer:
            return web.Response(status=status)
        return web.json_response(answer, status=status)


def _refused(status: HTTPStatus, why: str) -> web.Response:
    log.warning("teams request refused", status=status.value, why=why)
    headers = {"Connection": "close"} if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE else {}
    return web.Response(status=status, headers=headers)
