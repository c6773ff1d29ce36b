"""A program of others, or ours, as a child process: its output is kept, and it never outlives its block."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], T | None], what: str, seconds: float = 15) -> T:
    """What the condition returns, as soon as that is true; AssertionError when it never is."""

    async def asked() -> T | None:
        return condition()

    return await until_told(asked, what, seconds)


async def until_told(condition: Callable[[], Awaitable[T | None]], what: str, seconds: float = 15) -> T:
    """The same where somebody else must be asked each time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await condition()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"within {seconds} s it did not happen that {what}")
        await asyncio.sleep(0.02)
    return found


def free_port() -> int:
    """A port that nobody listens on, for a program that can't choose one itself and say which."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A child in a process group of its own. All that it prints, on either stream, goes to one file."""

    def __init__(
        self, arguments: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._arguments = [str(argument) for argument in arguments]
        self._log = log
        # Testing what isolates code throws bombs; a test that is about code says so.
        quiet = {"PATH": os.environ["PATH"], "HOME": str(log.parent), "LATCHKEY_SANDBOX": "off"}
        self._environment = {**quiet, **(environment or {})}
        self._child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; the log is continued, not begun anew."""
        with self._log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self._log.parent,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._child is not None
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it is still there."""
        return self._child is not None and self._child.returncode is None

    @property
    def printed(self) -> str:
        """All that it has printed so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def announces(self, pattern: str, seconds: float = 20) -> str:
        """The first group of a pattern in what it prints; fails at once when it ends before."""

        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.printed)
            if match is None and not self.running:
                raise AssertionError(f"{self._arguments[0]} ended: {self.printed[-2000:]}")
            return match

        return (await until(found, f"{self._arguments[0]} prints {pattern}", seconds)).group(1)

    async def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 20) -> int:
        """End it and return its exit code; with force when it doesn't want to."""
        if self._child is None:
            return 0
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(how)
        try:
            return await asyncio.wait_for(self._child.wait(), seconds)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            await self._child.wait()
            raise AssertionError(f"{self._arguments[0]} did not end within {seconds} s") from None
