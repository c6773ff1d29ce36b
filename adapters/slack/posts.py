"""What is posted in Slack beside answers: screens with their controls in a thread, and an agent's own messages in channels."""

from __future__ import annotations

import asyncio

from adapters.slack import render
from adapters.slack.history import ASIDE
from adapters.slack.identity import Json, string
from adapters.slack.installations import Installation, Installations
from adapters.slack.persona import Call, as_persona
from adapters.slack.text import cut, inert
from adapters.slack.web_api import WebApi
from app.domain.chat import ConversationRef, MessageRef, Persona
from app.domain.views import View
from app.errors import PlatformError, PlatformRateLimited

_TRIES = 4
_LONGEST_WAIT = 30.0
_LONGEST_POST = 9_000
"""Bytes of one message that an agent posts."""
_QUIET: Json = {"unfurl_links": False, "unfurl_media": False}
_MARK: Json = {"metadata": {"event_type": "latchkey_aside", "event_payload": {"run": ASIDE}}}
"""So that nobody takes it for a part of an answer, or for something that an agent said."""


class Posts:
    """A call that Slack puts off is made again when it may be; one with an unclear end is not."""

    def __init__(self, web: WebApi, installations: Installations) -> None:
        self._web = web
        self._installations = installations

    async def view(self, conversation: ConversationRef, view: View, persona: Persona) -> MessageRef:
        """Post a screen in the thread."""
        here = await self._installations.of(conversation.workspace)
        args = {"channel": conversation.channel} | _drawn(view) | _MARK | _QUIET
        args |= {"thread_ts": conversation.thread} if conversation.thread else {}
        posted = await as_persona(self._calls(here), here.traffic, persona, "chat.postMessage", args)
        channel = string(posted.get("channel")) or conversation.channel
        return MessageRef(conversation.workspace, channel, string(posted.get("ts")))

    async def replace(self, message: MessageRef, view: View) -> None:
        """Let the message show this instead."""
        here = await self._installations.of(message.workspace)
        args = {"channel": message.channel, "ts": message.id} | _drawn(view) | _MARK
        await self._calls(here)("chat.update", args)

    async def message(self, workspace: str, channel: str, text: str, persona: Persona) -> MessageRef:
        """Post Markdown as a new message of a channel, made inert."""
        here = await self._installations.of(workspace)
        shown = inert(text)
        if not shown.strip() or len(shown.encode()) > _LONGEST_POST:
            raise PlatformError("A message has words, and fits one message of Slack's.")
        block = {"type": "markdown", "text": shown}
        args = {"channel": channel, "text": cut(shown.strip(), 3_900), "blocks": [block]} | _QUIET

        posted = await as_persona(self._calls(here), here.traffic, persona, "chat.postMessage", args)
        return MessageRef(workspace, channel, string(posted.get("ts")))

    def _calls(self, here: Installation) -> Call:
        async def call(method: str, args: Json) -> Json:
            for attempt in range(_TRIES):
                await asyncio.sleep(here.traffic.blocked_for(method))
                here.traffic.count(method)
                try:
                    return await self._web.call(here.token, method, args)
                except PlatformRateLimited as error:
                    wait = error.retry_after or 1
                    here.traffic.block(method, wait)
                    if attempt == _TRIES - 1 or wait > _LONGEST_WAIT:
                        raise
            raise AssertionError("unreachable")

        return call


def _drawn(view: View) -> Json:
    blocks = render.message(view)  # whoever is named in it is asked for something, and may be told so
    first = {"block_id": f"{ASIDE}:{view.id}"[:255]} | blocks[0]
    return {"text": render.summary(view), "blocks": [first, *blocks[1:]]}
