"""Full Python in a container of its own: the client of a runner, over its Unix socket."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.tools.sandbox import probe
from adapters.tools.sandbox.cell import asking, frames
from adapters.tools.sandbox.launching import job, most_back, result_of
from app.ports.sandbox import USUAL, CodeResult, Limits, SandboxUnavailable, Tier

_MARGIN = 30.0
"""Seconds beyond a run's own for its turn and its end."""


class Runner:
    """See Sandbox. What it says of itself is believed (it is ours), what code says is not."""

    name = "runner"
    tier = Tier.CONTAINER
    full = True

    def __init__(self, socket: Path) -> None:
        self.packages: tuple[str, ...] = ()
        self._socket = socket

    async def self_test(self) -> None:
        """See Sandbox."""
        facts = await self._look()
        faults = [str(fault) for fault in facts.get("faults", ["it does not say what it is"])]
        if faults:
            raise SandboxUnavailable(f"the runner is not set up as it should be: {'; '.join(faults)}")
        await probe.examine(self, strays=self._strays)
        self.packages = tuple(str(name) for name in facts["packages"])

    async def run(self, code: str, *, files: Mapping[str, bytes] | None = None, limits: Limits = USUAL) -> CodeResult:
        """See Sandbox."""
        most = most_back(limits)
        wanted = [math.ceil(limits.seconds), limits.memory, limits.output, limits.files, limits.file_bytes, most]
        answer = await self._ask(
            {asking.LIMITS: json.dumps(wanted).encode(), **job(code, files)},
            most=most + limits.output + 1024,
            seconds=limits.seconds + _MARGIN,
        )
        output, handed_back, cut = (answer.get(name, b"") for name in (asking.OUTPUT, asking.RESULT, asking.CUT))
        if cut.decode() == asking.NOT_ISOLATED:
            raise SandboxUnavailable(output.decode(errors="replace").strip())
        return result_of(output, handed_back, cut.decode(), limits)

    async def aclose(self) -> None:
        """See Sandbox: a run ends with the connection that asked for it."""

    async def _look(self) -> dict[str, Any]:
        answer = await self._ask({}, most=64 * 1024, seconds=10)
        told: dict[str, Any] = json.loads(answer[asking.FACTS])
        return told

    async def _strays(self, _token: str) -> int:
        return int((await self._look())["strays"])

    async def _ask(self, question: dict[str, bytes], *, most: int, seconds: float) -> dict[str, bytes]:
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_unix_connection(self._socket)
                try:
                    writer.write(frames.pack(question))
                    await writer.drain()
                    size = frames.length(await reader.readexactly(frames.PREFIX), most)
                    return frames.unpack(await reader.readexactly(size), most_files=0, most_bytes=0)
                finally:
                    writer.close()
        except TimeoutError:
            raise SandboxUnavailable("the runner does not answer") from None
        except OSError as error:
            raise SandboxUnavailable(f"there is no runner at {self._socket} ({error.strerror})") from None
        except (frames.BadFrame, asyncio.IncompleteReadError):
            raise SandboxUnavailable("the runner broke off; it may be of another version") from None
