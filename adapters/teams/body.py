"""A request's raw bytes → the activity in them, or a reason to refuse it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from aiohttp import web

from adapters.teams.payload import Json

MOST_BYTES = 2**20
_DEEPEST = 60


class Unusable(Exception):
    """A request whose body cannot be used; `status` is the answer, the text is for the log and names no content."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


async def read(request: web.Request) -> Json:
    """The object in the body, at most 1 MiB of it, not nested deeper than sense."""
    if request.content_type != "application/json":
        raise Unusable(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content type")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Unusable(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "compressed")
    if (request.content_length or 0) > MOST_BYTES:
        raise Unusable(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large")
    chunks, size = [], 0
    async for chunk in request.content.iter_chunked(65_536):
        size += len(chunk)
        if size > MOST_BYTES:
            raise Unusable(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large")
        chunks.append(chunk)
    return _object(b"".join(chunks))


def _object(body: bytes) -> Json:
    try:
        found = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unusable(HTTPStatus.BAD_REQUEST, "not JSON") from None
    if not isinstance(found, dict):
        raise Unusable(HTTPStatus.BAD_REQUEST, "not an object")
    if _too_deep(found):
        raise Unusable(HTTPStatus.BAD_REQUEST, "too deep")
    return found


def _too_deep(found: Any) -> bool:
    level = [found]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
