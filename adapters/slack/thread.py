"""The messages of one answer in its thread: written, streamed, edited and found again. Each method is one act at Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from adapters.slack.history import mark_of
from adapters.slack.identity import Json, items, obj, string
from adapters.slack.installations import Installation
from adapters.slack.persona import as_persona
from adapters.slack.text import cut, literal
from adapters.slack.web_api import SlackRefused, WebApi
from app.errors import PlatformError, PlatformRateLimited, PlatformUnavailable
from app.ports.platform import ReplyTarget

log = structlog.get_logger(__name__)

T = TypeVar("T")

ENDED = {"message_not_in_streaming_state", "stopped_by_user", "message_not_found"}
"""How Slack says that a stream takes no more text."""

NO_STREAMS = {
    "unknown_method",
    "method_deprecated",
    "feature_not_enabled",
    "not_allowed_token_type",
    "team_not_supported",
}
"""How Slack says that there is no such feature in this workspace."""

NO_BLOCKS = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
"""How Slack says that it does not show what stands under a text (an older client's plan, a block that was taken back)."""

_PATIENCE = 8
"""How often the last word of an answer is tried."""


class Thread:
    """One answer's way to its thread. Raises PlatformError and its kin; `last_*` methods are patient, the others try once."""

    def __init__(self, web: WebApi, installation: Installation, target: ReplyTarget) -> None:
        self._web = web
        self._here = installation
        self._target = target
        self.traffic = installation.traffic
        self.channel = target.conversation.channel
        self.root = target.conversation.thread

    async def start(self, text: str, cards: list[Json]) -> str:
        """Begin a stream; returns the message's id."""
        team = self._target.hints.get("team") or self._here.me.team
        args: Json = {"channel": self.channel, "thread_ts": self.root} | _pieces(text, cards)
        args |= {"recipient_team_id": team, "recipient_user_id": self._target.asker.id}
        return string((await self._as_persona("chat.startStream", args)).get("ts"))

    async def append(self, ts: str, text: str, cards: list[Json]) -> None:
        """More text and task cards for a stream."""
        await self._call("chat.appendStream", {"channel": self.channel, "ts": ts} | _pieces(text, cards))

    async def stop(self, ts: str, text: str, blocks: list[Json], *, position: int, last: bool) -> None:
        """End a stream with its last text and what stands under it."""
        args: Json = {"channel": self.channel, "ts": ts, "metadata": self._mark(position)}
        args |= {"markdown_text": text} if text else {}
        args |= {"blocks": blocks} if blocks else {}
        if last and self.traffic.has("agents.sessions.setStatus"):
            args["session_status"] = "active"
        await self._patiently("chat.stopStream", lambda: self._call("chat.stopStream", args))

    async def post(self, text: str, blocks: list[Json], *, position: int, patient: bool = True) -> str:
        """Write a message in the thread; returns its id. When the answer to a try is lost, looks before it posts again."""
        body = self._body(text, blocks, position) | {"thread_ts": self.root, "metadata": self._mark(position)}
        body |= {"unfurl_links": False, "unfurl_media": False}

        async def once() -> str:
            try:
                return string((await self._with_text("chat.postMessage", body, text, self._as_persona)).get("ts"))
            except PlatformUnavailable:
                written = [ts for ts, part in await self.ours() if part == position]
                if not written:
                    raise
                return written[-1]

        return await self._patiently("chat.postMessage", once) if patient else await once()

    async def edit(self, ts: str, text: str, blocks: list[Json], *, position: int) -> None:
        """Put this in the place of what a message shows; tries once."""
        body = {"ts": ts, "metadata": self._mark(position)} | self._body(text, blocks, position)
        await self._with_text("chat.update", body, text, self._call)

    async def last_edit(self, ts: str, text: str, blocks: list[Json], *, position: int) -> None:
        """The same, patiently; ends the stream first if it is still open."""
        try:
            await self._patiently("chat.update", lambda: self.edit(ts, text, blocks, position=position))
        except SlackRefused as error:
            if error.error != "streaming_state_conflict":
                raise
            await self.stop(ts, "", [], position=position, last=False)
            await self._patiently("chat.update", lambda: self.edit(ts, text, blocks, position=position))

    async def delete(self, ts: str) -> None:
        """Remove a message; that it is gone already is fine."""
        try:
            await self._patiently("chat.delete", lambda: self._call("chat.delete", {"channel": self.channel, "ts": ts}))
        except SlackRefused as error:
            if error.error != "message_not_found":
                raise

    async def say_status(self, text: str) -> None:
        """The line under the thread; cleared by Slack when a message comes."""
        args: Json = {"channel_id": self.channel, "thread_ts": self.root, "status": cut(text, 250)}
        await self._if_there("assistant.threads.setStatus", args)

    async def say_session(self, status: str) -> bool:
        """`processing` shows Slack's stop button, `active` takes it away. Returns whether Slack took it."""
        args: Json = {"channel_id": self.channel, "thread_ts": self.root, "status": status}
        args |= {"initiator_user_id": self._target.asker.id} if status == "processing" else {}
        return await self._if_there("agents.sessions.setStatus", args)

    async def ours_patiently(self) -> list[tuple[str, int]]:
        """The same as `ours`; empty where Slack does not let us read the thread."""
        try:
            return await self._patiently("conversations.replies", self.ours)
        except SlackRefused:
            return []

    async def ours(self) -> list[tuple[str, int]]:
        """Our messages after the question that belong to this answer or to none, oldest first, with their position (-1: unknown)."""
        args = {
            "channel": self.channel,
            "ts": self.root,
            "oldest": self._target.asked,
            "limit": 200,
            "include_all_metadata": "1",
        }
        found = await self._web.form(self._here.token, "conversations.replies", args)
        ours: list[tuple[str, int]] = []
        for message in (obj(one) for one in items(found.get("messages"))):
            ts = string(message.get("ts"))
            if not self._here.me.wrote(message) or float(ts or 0) <= float(self._target.asked):
                continue
            run, position = mark_of(message)
            if run in {"", self._target.run} and not items(message.get("files")):  # files are sent beside an answer
                ours.append((ts, position))
        return ours

    def _mark(self, position: int) -> Json:
        return {"event_type": "latchkey_answer", "event_payload": {"run": self._target.run, "part": position}}

    def _body(self, text: str, blocks: list[Json], position: int) -> Json:
        """Text as a Markdown block, and blocks under it. The block's id names the run, as the metadata does: either may get lost."""
        answer = {"type": "markdown", "block_id": f"answer:{self._target.run}:{position}", "text": text}
        shown = ([answer] if text.strip() else []) + blocks
        return {"channel": self.channel, "text": cut(text.strip() or _first_words(blocks), 3_900), "blocks": shown}

    async def _with_text(
        self, method: str, body: Json, text: str, call: Callable[[str, Json], Awaitable[Json]]
    ) -> Json:
        """Write a message. Where Slack does not take its blocks: without those under the text, at last as words alone."""
        words = (
            {"blocks": [], "text": text[: 3_900 if method == "chat.update" else 39_000]}
            if text.strip()
            else {"blocks": []}
        )
        bare = [{"blocks": body["blocks"][:1]}] if text.strip() and len(body["blocks"]) > 1 else []
        for instead in ({}, *bare):
            try:
                return await call(method, body | instead)
            except SlackRefused as error:
                if error.error not in NO_BLOCKS:
                    raise
                log.warning("slack refuses blocks", run=self._target.run, error=error.error)
        return await call(method, body | words)

    async def _call(self, method: str, args: Json) -> Json:
        try:
            return await self._web.call(self._here.token, method, args)
        except PlatformRateLimited as error:
            self.traffic.block(method, error.retry_after or 1)
            raise

    async def _as_persona(self, method: str, args: Json) -> Json:
        return await as_persona(self._call, self.traffic, self._target.persona, method, args)

    async def _if_there(self, method: str, args: Json) -> bool:
        """An extra that not every workspace has; whatever goes wrong, the answer goes on."""
        if not self.traffic.has(method) or self.traffic.wait_for(method) > 0:
            return False
        try:
            await self._call(method, args)
        except SlackRefused as error:
            if error.error in NO_STREAMS | {"missing_scope", "not_an_agent"}:
                self.traffic.lacks(method)
            return False
        except PlatformError:
            return False
        return True

    async def _patiently(self, method: str, work: Callable[[], Awaitable[T]]) -> T:
        """Try until Slack takes it: wait as long as it asks, and a little after trouble; a refusal is final."""
        for attempt in range(_PATIENCE):
            await asyncio.sleep(self.traffic.blocked_for(method))
            self.traffic.count(method)
            try:
                return await work()
            except (PlatformRateLimited, PlatformUnavailable) as error:
                if attempt == _PATIENCE - 1:
                    raise
                if isinstance(error, PlatformUnavailable):
                    await asyncio.sleep(min(0.25 * 2**attempt, 10))
        raise AssertionError("unreachable")


def _pieces(text: str, cards: list[Json]) -> Json:
    if not cards:
        return {"markdown_text": text}
    return {"chunks": [*cards, *([{"type": "markdown_text", "text": text}] if text else [])]}


def _first_words(blocks: list[Json]) -> str:
    """What a notification says of a message that has blocks only."""
    for block in blocks:
        for text in (obj(block.get("text")), *map(obj, items(block.get("elements")))):
            said = string(text.get("text"))
            if said.strip():
                return said if text.get("type") == "mrkdwn" else literal(said)
    return "…"
