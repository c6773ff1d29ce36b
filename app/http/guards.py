"""What every request passes: size, time and shape on the way in, a plain answer and one log line on the way out."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import structlog
from aiohttp import StreamReader, web
from aiohttp.typedefs import Handler, Middleware

from app.telemetry import metrics
from app.telemetry.logs import place_of

log = structlog.get_logger(__name__)

MAX_BODY = 1024 * 1024
SERVER = "latchkey"
_ONCE = ("authorization", "content-length", "content-type", "host", "x-slack-request-timestamp", "x-slack-signature")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def plain(status: int) -> web.Response:
    """An answer that says what its status says, and nothing else."""
    return web.Response(status=status, text=HTTPStatus(status).phrase + "\n")


def guard(body_seconds: float) -> Middleware:
    """The middleware. A handler that waits for a body longer than so many seconds is told HTTPRequestTimeout."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "none"
        response = await _answer(request, handler, route, body_seconds)
        metrics.request(route, response.status)
        return response

    return middleware


async def _answer(request: web.Request, handler: Handler, route: str, body_seconds: float) -> web.StreamResponse:
    late = asyncio.get_running_loop().call_later(body_seconds, _too_late, request.content)
    try:
        _must_be_fit(request)
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise  # a redirect
        response = _refused(request, route, error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    except web.RequestPayloadError:
        response = _refused(request, route, HTTPStatus.BAD_REQUEST)
    except ConnectionError:
        raise  # the client has gone; there is nobody to answer
    except Exception as error:  # noqa: BLE001 - whatever it was, the client is told nothing of it
        log.error("request failed", method=request.method, route=route, **place_of(error))  # noqa: TRY400
        if request.writer.output_size:
            raise ConnectionError from None  # half an answer is out already; end it
        return plain(HTTPStatus.INTERNAL_SERVER_ERROR)
    finally:
        late.cancel()
    return response


def _refused(request: web.Request, route: str, status: int) -> web.Response:
    """A refusal with its log line. A handler that answers with one itself knows why, and has written its own."""
    log.info("request refused", method=request.method, route=route, status=int(status))
    return plain(status)


def _must_be_fit(request: web.Request) -> None:
    for name in _ONCE:
        if len(request.headers.getall(name, ())) > 1:
            raise web.HTTPBadRequest
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType  # nothing that we expect comes compressed; a bomb would
    if request.content_length is not None and request.content_length > MAX_BODY:
        raise web.HTTPRequestEntityTooLarge(MAX_BODY, request.content_length)


def _too_late(body: StreamReader) -> None:
    """Let whoever still waits for the body be told that it does not come."""
    if not body.is_eof():
        body.set_exception(web.HTTPRequestTimeout())


async def secure(_request: web.Request, response: web.StreamResponse) -> None:
    """Headers that every answer has unless its handler chose its own."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = SERVER


class Connection(web.RequestHandler):
    """A connection that tells senders of broken HTTP nothing but that, and lets nobody linger."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never became a request, or failed outside every handler; the message may quote what was sent."""
        log.info("broken request", status=status, error=type(exc).__name__)
        if request.writer.output_size:
            raise ConnectionError  # a second answer would only confuse
        response = plain(status)
        response.force_close()
        response.headers["Server"] = SERVER
        return response
