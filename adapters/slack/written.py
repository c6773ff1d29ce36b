"""The messages of one answer that stand in its thread, and how they come to show exactly what they should in the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from adapters.slack.identity import Json
from adapters.slack.thread import Thread
from adapters.slack.web_api import SlackRefused
from app.domain.chat import MessageRef
from app.errors import PlatformError
from app.ports.platform import PartRef, ReplyTarget, SavePart

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Part:
    """One message: what it shows, and whether it is a stream that still takes text."""

    ts: str
    text: str
    live: bool = False
    exact: bool = True  # whether `text` is surely all that people see
    counted: bool = False  # among the workspace's running streams
    started: float = field(default_factory=time.monotonic)


class Written:
    """Parts by position. A part that is added is saved before anything more is sent to it."""

    def __init__(self, thread: Thread, target: ReplyTarget, save: SavePart, parts: Sequence[Part] = ()) -> None:
        self.parts = list(parts)
        self.at_rest = False
        """Whether the last stream's end has also told Slack that nothing is being done any more."""
        self._thread = thread
        self._target = target
        self._save = save

    @property
    def last(self) -> Part | None:
        """The newest message."""
        return self.parts[-1] if self.parts else None

    async def add(self, part: Part) -> None:
        """One more message; saved when this returns."""
        self.parts.append(part)
        if part.live:
            part.counted = True
            self._thread.traffic.streams += 1
        await self._saved(len(self.parts) - 1)

    async def settle(self, texts: Sequence[str], blocks: list[Json]) -> None:
        """Make the messages show these texts and no others, with these blocks under the last; whatever state they are in."""
        for position, text in enumerate(texts):
            last = position == len(texts) - 1
            if position == len(self.parts):
                await self.add(Part(await self._thread.post(text, blocks if last else [], position=position), text))
            else:
                await self._complete(position, text, blocks if last else [], last=last)
        for position in range(len(texts), len(self.parts)):
            await self._end_stream(position)
            await self._thread.delete(self.parts[position].ts)

    def no_longer_live(self, part: Part) -> None:
        """The stream has ended."""
        part.live = False
        if part.counted:
            part.counted = False
            self._thread.traffic.streams -= 1

    def release(self) -> None:
        """Nothing more will be sent: give the share of the streams back."""
        for part in self.parts:
            self.no_longer_live(part)

    async def _saved(self, position: int) -> None:
        part, where = self.parts[position], self._target.conversation
        message = MessageRef(where.workspace, where.channel, part.ts)
        await self._save(PartRef(position, message, streamed=part.live))

    async def _complete(self, position: int, text: str, blocks: list[Json], *, last: bool) -> None:
        part = self.parts[position]
        if part.live and part.exact and text.startswith(part.text):
            if await self._stopped_with(position, text, blocks, last=last):
                return
            await self._rewritten(position, text, blocks)
        elif part.live or blocks or not part.exact or part.text != text:
            await self._end_stream(position)
            await self._rewritten(position, text, blocks)
        part.text, part.exact = text, True
        self.no_longer_live(part)

    async def _rewritten(self, position: int, text: str, blocks: list[Json]) -> None:
        """Edit the message; if somebody deleted it meanwhile, write another in its place."""
        part = self.parts[position]
        try:
            await self._thread.last_edit(part.ts, text, blocks, position=position)
        except SlackRefused as error:
            if error.error != "message_not_found":
                raise
            part.ts = await self._thread.post(text, blocks, position=position)
            await self._saved(position)

    async def _stopped_with(self, position: int, text: str, blocks: list[Json], *, last: bool) -> bool:
        """End the stream with the rest of its text. False if Slack had ended it before: then it has to be edited."""
        part = self.parts[position]
        try:
            await self._thread.stop(part.ts, text[len(part.text) :], blocks, position=position, last=last)
        except PlatformError as error:
            log.info("slack stream had ended", run=self._target.run, error=error.message)
            return False
        part.text = text
        self.at_rest = self.at_rest or last
        self.no_longer_live(part)
        return True

    async def _end_stream(self, position: int) -> None:
        part = self.parts[position]
        if part.live:
            try:
                await self._thread.stop(part.ts, "", [], position=position, last=False)
            except SlackRefused as error:
                log.info("slack stream had ended", run=self._target.run, error=error.error)
            self.no_longer_live(part)
