"""Python in isolation: the question's files in, what it prints to the model, the files that it writes to the thread."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from app.domain.chat import FileRef
from app.domain.files import MOST_FILES, picture_type
from app.domain.grants import Target, Traits
from app.domain.run import MadeFile, ToolResult, ToolSpec
from app.errors import BadInput, PlatformError
from app.ports.agents import RunFacts, Tool
from app.ports.platform import ChatPlatform
from app.ports.sandbox import CodeResult, Limits, Outcome, Sandbox, SandboxUnavailable
from app.services.tools.told import Redact

NAME = "run_code"
LONGEST_CODE = 60_000
SHOWN = 12_000
"""Characters of output that the model is told; its beginning and its end, where there is more."""

FILE_BYTES = 8 * 1024 * 1024
"""Of one file of the question."""

LIMITS = Limits(seconds=20.0, memory=256 * 1024 * 1024, files=5, file_bytes=2 * 1024 * 1024)
"""What is handed back is kept sealed until the run has ended, so it is bounded more than what goes in."""

ROOMY = Limits(LIMITS.seconds, 512 * 1024 * 1024, LIMITS.output, LIMITS.files, LIMITS.file_bytes)
"""Where there are libraries for tables and charts: those alone take half of that."""

_ENDS = {
    Outcome.OK: "",
    Outcome.ERROR: "The code raised an error.",
    Outcome.TIMEOUT: f"The code was stopped: it took longer than {LIMITS.seconds:.0f} seconds.",
    Outcome.OUTPUT_LIMIT: "The code was stopped: it printed too much.",
    Outcome.KILLED: "The code was stopped: it took too much memory, or ended itself.",
}
_SMALL = (
    "Runs Python in a small interpreter without files, network or packages. Of the standard library it has math, json, re, "
    "csv, datetime, time, random, decimal, itertools, functools, collections, dataclasses, typing, base64, hashlib, asyncio and "
    "tomllib; not statistics, string or io. Its language has no inheritance of classes, no yield, no del, no open and no input. "
    "The files of the question, and of the thread, are in the dict `files`, by name: text as str (give csv.reader its splitlines()), others as bytes."
)
_FULL = (
    "Runs Python 3 with its standard library{packages}, without network. The question's files are in the current folder. "
    "Files that the code writes there, such as a chart saved as PNG, are sent to the thread (at most {files}, each up to "
    "{size} MiB)."
)
_BOTH = " Print what you want to see. Nothing is kept between calls."


class RunCode:
    """Runs code in the sandbox of this deployment, and nowhere else."""

    traits = Traits(interpreter=True)
    """It reaches nothing: what it reads is the question's files, which the run began with, and what it makes goes to the same thread."""

    def __init__(
        self,
        sandbox: Sandbox,
        files: Sequence[FileRef],
        download: Callable[[FileRef, int], Awaitable[bytes]],
        redact: Callable[[str], Awaitable[str]],
    ) -> None:
        self.spec = ToolSpec(
            name=NAME,
            description=_description(sandbox),
            parameters={
                "type": "object",
                "properties": {
                    "code": {"type": "string", "maxLength": LONGEST_CODE, "description": "A whole program."}
                },
                "required": ["code"],
                "additionalProperties": False,
            },
        )
        self._sandbox = sandbox
        self._limits = ROOMY if sandbox.packages else LIMITS
        self._files = files
        self._download = download
        self._redact = redact
        self._loaded: dict[str, bytes] | None = None
        self._missing: list[str] = []

    def target(self, arguments: Mapping[str, Any]) -> Target:
        """See Tool."""
        _code(arguments)
        return Target()

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """See Tool."""
        try:
            code = _code(arguments)
        except BadInput as error:
            return ToolResult(call_id, error.message, is_error=True)
        files = await self._given()
        try:
            result = await self._sandbox.run(code, files=files, limits=self._limits)
        except SandboxUnavailable:
            return ToolResult(call_id, "Code can't be run at the moment.", is_error=True)
        made = tuple(_made(name, data) for name, data in result.files.items())
        told = await self._redact(_told(result, self._missing))
        return ToolResult(call_id, told, is_error=result.outcome is not Outcome.OK, files=made)

    async def _given(self) -> dict[str, bytes]:
        """The question's files, loaded when code is first run."""
        if self._loaded is None:
            self._loaded = {}
            for file in self._files[:MOST_FILES]:
                try:
                    data = await self._download(file, FILE_BYTES)
                except PlatformError:
                    self._missing.append(file.name)
                else:
                    self._loaded[_other_than(file.name, self._loaded)] = data
            self._missing += [file.name for file in self._files[MOST_FILES:]]
        return self._loaded


class CodeTools:
    """See ToolSource. `sandbox` is the one that can be trusted at the moment; where there is none, neither is the tool."""

    def __init__(
        self, sandbox: Callable[[], Sandbox | None], platforms: Mapping[str, ChatPlatform], redact: Redact
    ) -> None:
        self._sandbox = sandbox
        self._platforms = platforms
        self._redact = redact

    async def tools(self, facts: RunFacts) -> Sequence[Tool]:
        """See ToolSource."""
        sandbox, platform = self._sandbox(), self._platforms.get(facts.workspace.partition(":")[0])
        if sandbox is None or platform is None:
            return ()

        async def download(file: FileRef, limit: int) -> bytes:
            return await platform.download(facts.workspace, file, limit)

        async def redact(text: str) -> str:
            return await self._redact(facts.workspace, text)

        earlier = (file for message in reversed(facts.question.history) for file in message.files)
        files = tuple(dict.fromkeys((*facts.question.files, *earlier)))
        return (RunCode(sandbox, files, download, redact),)


def _description(sandbox: Sandbox) -> str:
    if not sandbox.full:
        return _SMALL + _BOTH
    packages = f" and {', '.join(sandbox.packages)}" if sandbox.packages else " and no other packages"
    return _FULL.format(packages=packages, files=LIMITS.files, size=LIMITS.file_bytes // 2**20) + _BOTH


def _code(arguments: Mapping[str, Any]) -> str:
    code = arguments.get("code")
    if set(arguments) - {"code"} or not isinstance(code, str) or not 0 < len(code.strip()) <= LONGEST_CODE:
        raise BadInput(f"run_code takes code, at most {LONGEST_CODE:,} characters of it.", field="code")
    return code


def _told(result: CodeResult, missing: Sequence[str]) -> str:
    output = result.output
    if len(output) > SHOWN:
        output = f"{output[: SHOWN // 2]}\n… ({len(output) - SHOWN:,} characters left out) …\n{output[-SHOWN // 2 :]}"
    parts = [_ENDS[result.outcome], output or ("It printed nothing." if result.outcome is Outcome.OK else "")]
    if missing:
        parts.append(f"Of the question's files these could not be loaded, or are too large: {', '.join(missing)}.")
    return "\n\n".join(part for part in parts if part)


def _made(name: str, data: bytes) -> MadeFile:
    kind = picture_type(data) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("image/") and not picture_type(data):
        kind = "application/octet-stream"  # it only says that it is a picture
    return MadeFile(name, kind, base64.b64encode(data).decode())


def _other_than(name: str, taken: Mapping[str, bytes]) -> str:
    count, found = 1, name
    while found in taken:
        count += 1
        found = f"{count}-{name}"
    return found
