"""A request's raw bytes → the JSON object in them, or a reason to refuse it. Pure, but for reading."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from adapters.slack.identity import Json

MOST_BYTES = 2**20
_DEEPEST = 60


class Unusable(Exception):
    """A request whose body cannot be used; `status` is the answer, the text is for the log and names no content."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


async def read(request: web.Request) -> bytes:
    """The raw body, at most 1 MiB."""
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
    return b"".join(chunks)


def parse(body: bytes, content_type: str) -> Json:
    """The object in a signed body. Only a form whose `payload` is a field of its own is an interaction: a command that merely has the
    word in its text is a command (slack-bolt's own parser takes it for the former).
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Unusable(HTTPStatus.BAD_REQUEST, "not UTF-8") from None
    if content_type == "application/json":
        return _object(text)
    if content_type == "application/x-www-form-urlencoded":
        try:
            form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=200))
        except ValueError:
            raise Unusable(HTTPStatus.BAD_REQUEST, "too many fields") from None
        return _object(form["payload"]) if "payload" in form and "command" not in form else {**form}
    raise Unusable(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content type")


def _object(text: str) -> Json:
    try:
        found = json.loads(text)
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
