"""Files of agents on their way into a thread: asked for a place, sent there, then shown."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re

import aiohttp

from adapters.slack.files import is_slacks
from adapters.slack.identity import Json, obj, string
from adapters.slack.installations import Installation
from adapters.slack.web_api import SlackRefused, WebApi
from app.domain.run import MadeFile
from app.errors import NotReachable, PlatformError, PlatformUnavailable
from app.ports.platform import ReplyTarget

_SECONDS = 120
_FOUND_OUT = (0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 0.0)
"""Pauses between looks at a file: Slack looks at what it was sent in its own time."""
_ODD = re.compile(r"[\x00-\x1f\x7f/\\<>:\"|?*\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
_LACKS = "The app was installed without the right to send files. An admin has to install it again."


async def upload(web: WebApi, here: Installation, target: ReplyTarget, file: MadeFile) -> None:
    """Send a file to the thread. Nothing is tried twice: a file twice is worse than a word that it may be there."""
    where = target.conversation
    await share(web, here, file, where.channel, where.thread)


async def share(web: WebApi, here: Installation, file: MadeFile, channel: str, thread: str = "") -> None:
    """The same for a channel, or a direct chat."""
    shared: Json = {"channel_id": channel} | ({"thread_ts": thread} if thread else {})
    try:
        await _put(web, here, safe_name(file.name), bytes_of(file), shared)
    except SlackRefused as error:
        if error.error == "missing_scope":
            raise NotReachable(_LACKS) from None
        raise


async def keep(web: WebApi, here: Installation, name: str, data: bytes) -> str:
    """Send a picture that nobody is shown until a block names it; its id, once Slack has found out that it is a picture."""
    file = await _put(web, here, name, data, {})
    for pause in _FOUND_OUT:
        found = obj((await web.form(here.token, "files.info", {"file": file})).get("file"))
        if string(found.get("mimetype")).startswith("image/"):
            return file
        await asyncio.sleep(pause)
    raise PlatformUnavailable("file: not taken for a picture in time")


async def _put(web: WebApi, here: Installation, name: str, data: bytes, shared: Json) -> str:
    place = await web.form(here.token, "files.getUploadURLExternal", {"filename": name, "length": len(data)})
    file = string(place.get("file_id"))
    await _sent(web, string(place.get("upload_url")), data)
    await web.call(here.token, "files.completeUploadExternal", {"files": [{"id": file, "title": name}]} | shared)
    return file


def bytes_of(file: MadeFile) -> bytes:
    """What is in a file; raises PlatformError for what is no file."""
    try:
        data = base64.b64decode(file.data, validate=True)
    except (binascii.Error, ValueError):
        raise PlatformError("that is no file") from None
    if not data:
        raise PlatformError("the file is empty")
    return data


def safe_name(name: str) -> str:
    """A name without anything that turns, hides or leads elsewhere."""
    return _ODD.sub("_", name).strip(" ._")[-100:] or "file"


async def _sent(web: WebApi, url: str, data: bytes) -> None:
    if not is_slacks(url, web.base_url):
        raise PlatformError("the place for the file is not at Slack")
    asked = web.session.post(url, data=data, allow_redirects=False, proxy=web.proxy)
    try:
        async with asyncio.timeout(_SECONDS), asked as answer:
            if answer.status != 200:
                raise PlatformError(f"the file was not taken (status {answer.status})")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise PlatformUnavailable(f"file: {type(error).__name__}") from None
