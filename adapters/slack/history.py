"""A thread as Slack has it → HistoryMessages. Fetched when it is needed, kept nowhere."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from adapters.slack.identity import Identity, Json, items, obj, string
from adapters.slack.installations import Installation
from adapters.slack.parse import files_of, moment, without_mention
from adapters.slack.web_api import SlackRefused, WebApi
from app.domain.chat import ConversationRef, HistoryMessage
from app.errors import PlatformRateLimited, PlatformUnavailable

_PAGE = 200
_TRIES = 4
_LONGEST_WAIT = 60.0
"""Seconds: apps that are sold outside of Slack's marketplace may read a thread once a minute."""
_MOST_PAGES = 25
_SPOKEN = {None, "file_share", "thread_broadcast", "me_message", "bot_message"}

ASIDE = "aside"


async def fetch(
    web: WebApi, here: Installation, conversation: ConversationRef, limit: int
) -> tuple[HistoryMessage, ...]:
    """The newest `limit` messages, oldest first. Slack pages from the old end, so a long thread is read through."""
    newest: deque[HistoryMessage] = deque(maxlen=limit)
    args: dict[str, Any] = {"channel": conversation.channel, "ts": conversation.thread, "limit": _PAGE}
    for _ in range(_MOST_PAGES):
        try:
            page = await _read(web, here, args)
        except SlackRefused as error:
            if error.error == "thread_not_found":
                break
            raise
        said = [obj(one) for one in items(page.get("messages"))]
        newest.extend(made for one in said if not aside(one) and (made := message_of(one, here.me)))
        cursor = string(obj(page.get("response_metadata")).get("next_cursor"))
        if not cursor:
            break
        args["cursor"] = cursor
    return tuple(newest)


async def _read(web: WebApi, here: Installation, args: dict[str, Any]) -> Json:
    """A page of the thread; waits as long as Slack asks, within reason: an answer without what was said before is none."""
    for attempt in range(_TRIES):
        try:
            return await web.form(here.token, "conversations.replies", args)
        except (PlatformRateLimited, PlatformUnavailable) as error:
            wait = error.retry_after or 1 if isinstance(error, PlatformRateLimited) else 0.25 * 2**attempt
            if attempt == _TRIES - 1 or wait > _LONGEST_WAIT:
                raise
            await asyncio.sleep(wait)
    raise AssertionError("unreachable")


def aside(message: Json) -> bool:
    """Whether a message of ours is a posted screen: nothing that anybody said."""
    return mark_of(message)[0] == ASIDE


def mark_of(message: Json) -> tuple[str, int]:
    """Which run and part a message of ours belongs to, from its metadata or the ids of its blocks; ("", -1) if nothing says.

    A posted screen belongs to no run: ASIDE stands in its place.
    """
    payload = obj(obj(message.get("metadata")).get("event_payload"))
    if string(payload.get("run")):
        part = payload.get("part")
        return string(payload["run"]), part if isinstance(part, int) else -1
    for block in (obj(one) for one in items(message.get("blocks"))):
        kind, _, rest = string(block.get("block_id")).partition(":")
        if kind == ASIDE:
            return ASIDE, -1
        run, _, part = rest.rpartition(":")
        if kind == "answer" and run:
            return run, int(part) if part.isdecimal() else -1
    return "", -1


def message_of(message: Json, me: Identity) -> HistoryMessage | None:
    """One message; None for what nobody said (joins, topics, tombstones). Pure."""
    subtype, ts = message.get("subtype"), string(message.get("ts"))
    at = moment(ts)
    if at is None or (subtype is not None and (not isinstance(subtype, str) or subtype not in _SPOKEN)):
        return None
    ours = me.wrote(message)
    author = string(message.get("user")) or string(message.get("bot_id"))
    return HistoryMessage(
        id=ts,
        text=_own_text(message) if ours else without_mention(string(message.get("text")), me),
        author=None if ours or not author else me.user(author),
        from_agent=ours,
        at=at,
        author_name=string(message.get("username")),
        files=files_of(message),
    )


def _own_text(message: Json) -> str:
    """What an answer of ours says, without what stands under it: `text` is only a shortened copy where there is a Markdown block."""
    blocks = [obj(one) for one in items(message.get("blocks"))]
    written = [string(block.get("text")) for block in blocks if block.get("type") == "markdown"]
    return "".join(written) or string(message.get("text"))
