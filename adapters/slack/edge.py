"""`POST /slack/events`: events, commands and interactivity over HTTP, believed only when Slack signed them."""

from __future__ import annotations

import time
from collections import OrderedDict
from http import HTTPStatus

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response

from adapters.slack import body, signature
from adapters.slack.app import SlackApp
from app.domain.secrets import Secret
from app.errors import BadSignature

log = structlog.get_logger(__name__)

_REMEMBERED = 600.0
_MOST = 10_000


class Edge:
    """Judges a request before anything in it is looked at: size, encoding, signature, shape. One log line for a bad one, never its body."""

    def __init__(self, app: SlackApp, signing_secret: Secret) -> None:
        self._app = app
        self._secret = signing_secret
        self._seen: OrderedDict[str, float] = OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        """What the HTTP server is to listen to."""
        return [web.post("/slack/events", self.handle)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request of Slack's, or of somebody who would like to be Slack."""
        try:
            raw = await body.read(request)
            signature.check(request.headers, raw, self._secret)
            parsed = body.parse(raw, request.content_type)
        except BadSignature as error:
            return _refused(HTTPStatus.UNAUTHORIZED, error.message)
        except body.Unusable as error:
            return _refused(error.status, str(error))
        if parsed.get("type") != "event_callback" and self._replayed(request.headers["X-Slack-Signature"]):
            log.warning("slack request replayed")
            return web.Response(status=HTTPStatus.OK)
        answer = await self._app.dispatch(parsed)
        return await to_aiohttp_response(answer)

    def _replayed(self, signed: str) -> bool:
        """Whether this very request was here before. Slack repeats events only, under a new signature; the inbox knows those by their id."""
        now = time.monotonic()
        while self._seen and (next(iter(self._seen.values())) < now - _REMEMBERED or len(self._seen) > _MOST):
            self._seen.popitem(last=False)
        if signed in self._seen:
            return True
        self._seen[signed] = now
        return False


def _refused(status: HTTPStatus, why: str) -> web.Response:
    log.warning("slack request refused", status=status.value, why=why)
    headers = {"Connection": "close"} if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE else {}
    return web.Response(status=status, headers=headers)
