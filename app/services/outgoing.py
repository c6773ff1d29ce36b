"""Files that agents make, on their way into the thread: looked at, sent once each, and told of where they could not be."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

import structlog

from app.domain.files import harmless_name, sendable
from app.domain.run import Json, MadeFile, ToolResult
from app.errors import PlatformError, PlatformRateLimited, PlatformUnavailable
from app.ports.engine import Journal
from app.ports.platform import Ability, ChatPlatform, ReplyTarget

log = structlog.get_logger(__name__)

MOST = 10
"""Files of one run."""

BYTES = 8 * 1024 * 1024
"""Of one file."""

ALL_BYTES = 20 * 1024 * 1024
"""Of a run's files together."""

LONGEST_REMARK = 1_500

UNABLE = "this chat takes no files from agents"
TOO_MANY = f"one answer brings at most {MOST} files"
TOO_LARGE = f"it is larger than {BYTES // 2**20} MB"
TOO_MUCH = f"the files of one answer may have {ALL_BYTES // 2**20} MB together"
NO_FILE = "it is empty, or no file at all"
UNCLEAR = "Latchkey was restarted while it was being sent; if it is not in the thread, ask for it again"
NOT_NOW = "the chat platform did not take it; ask again in a while"


class Remarks(Protocol):
    """Where people are told something beneath the answer."""

    def remark(self, text: str) -> None:
        """Told when the answer ends."""


class Outgoing:
    """Sends the files of one run's tool results. The same steps in the same order on replay."""

    def __init__(
        self,
        journal: Journal,
        platform: ChatPlatform,
        target: ReplyTarget,
        remarks: Remarks,
        redact: Callable[[str], Awaitable[str]],
    ) -> None:
        self._journal = journal
        self._platform = platform
        self._target = target
        self._remarks = remarks
        self._redact = redact
        self._sent = 0
        self._bytes = 0

    async def send(self, result: ToolResult, number: str) -> ToolResult:
        """Send what a call handed back, and say in its result what became of it. `number` is the call's within its run."""
        if not result.files:
            return result
        sent, left = list[str](), list[str]()
        for at, file in enumerate(result.files[: 2 * MOST]):
            named = replace(file, name=harmless_name(await self._redact(file.name)))
            why = self._refused(named) or await self._once(named, f"{number}.{at}")
            if why:
                left.append(f"{named.name}: {why}")
            else:
                sent.append(named.name)
        if left:
            self._remarks.remark(f"Not sent here: {'; '.join(left)}."[:LONGEST_REMARK])
        told = [f"Sent to the thread: {', '.join(sent)}."] if sent else []
        told += [f"Not sent to the thread ({'; '.join(left)}). People are told so beneath your answer."] if left else []
        return replace(result, content="\n\n".join(filter(None, (result.content, *told))), files=())

    def _refused(self, file: MadeFile) -> str:
        if Ability.UPLOAD not in self._platform.abilities:
            return UNABLE
        try:
            data = base64.b64decode(file.data, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if not data:
            return NO_FILE
        why = sendable(file.name, data)
        if why or len(data) > BYTES:
            return why or TOO_LARGE
        if self._sent >= MOST or self._bytes + len(data) > ALL_BYTES:
            return TOO_MANY if self._sent >= MOST else TOO_MUCH
        self._sent, self._bytes = self._sent + 1, self._bytes + len(data)
        return ""

    async def _once(self, file: MadeFile, number: str) -> str:
        """Send it, unless it may have been sent already: a file twice is worse than a word that it may be there."""
        begun_here = False

        async def begin() -> Json:
            nonlocal begun_here
            begun_here = True
            return None

        async def work() -> Json:
            if not begun_here:
                return UNCLEAR
            try:
                await self._platform.upload(self._target, file)
            except (PlatformUnavailable, PlatformRateLimited) as error:
                log.warning("file not sent", run=self._target.run, error=error.code)
                return NOT_NOW
            except PlatformError as error:
                log.warning("file not sent", run=self._target.run, error=error.code)
                return error.message.rstrip(".")
            return ""

        await self._journal.step(f"file:{number}", begin)
        return str(await self._journal.step(f"upload:{number}", work))
