"""Files that people hung on their messages: fetched with the bot token, from Slack and from nowhere else."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp

from adapters.slack.identity import obj, string
from adapters.slack.installations import Installation
from adapters.slack.web_api import WebApi
from app.domain.chat import FileRef
from app.errors import PlatformError, PlatformUnavailable


async def download(web: WebApi, here: Installation, file: FileRef, limit: int) -> bytes:
    """The bytes; PlatformError when there are more than `limit`, or when they are not the file (a login page)."""
    if file.size > limit:
        raise PlatformError(f"the file is larger than {limit} bytes")
    url = file.url or await _address(web, here, file)
    if not is_slacks(url, web.base_url):
        raise PlatformError("the file is not at Slack")
    headers = {"Authorization": f"Bearer {here.token.reveal()}"}
    asked = web.session.get(url, headers=headers, allow_redirects=False, proxy=web.proxy)
    try:
        async with asyncio.timeout(60), asked as answer:
            if answer.status != 200:
                raise PlatformError(f"the file cannot be fetched (status {answer.status})")
            if answer.content_type == "text/html" and file.media_type != "text/html":
                raise PlatformError("Slack shows a login page instead of the file: the scope files:read is missing")
            data = await _at_most(answer, limit)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise PlatformUnavailable(f"file: {type(error).__name__}") from None
    if file.size and len(data) != file.size:
        raise PlatformError("the file is not what Slack said it is")
    return data


async def _address(web: WebApi, here: Installation, file: FileRef) -> str:
    """In a shared channel an event names a file without its address."""
    found = obj((await web.form(here.token, "files.info", {"file": file.id})).get("file"))
    return string(found.get("url_private_download")) or string(found.get("url_private"))


def is_slacks(url: str, api: str) -> bool:
    """Whether an address is where Slack keeps files: the bot's token, and files, go there and nowhere else."""
    target, base = urlsplit(url), urlsplit(api)
    if base.hostname == "slack.com":
        return target.scheme == "https" and target.netloc == "files.slack.com"
    return (target.scheme, target.netloc) == (base.scheme, base.netloc)  # a proxy, or a test


async def _at_most(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    chunks, size = [], 0
    async for chunk in answer.content.iter_chunked(65_536):
        size += len(chunk)
        if size > limit:
            raise PlatformError(f"the file is larger than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
