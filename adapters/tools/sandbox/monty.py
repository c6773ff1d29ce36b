"""An interpreter that knows no files, network or processes, in a worker of its own for each run; see pydantic_monty."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
import sysconfig
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic_monty import AsyncMonty, MontyCrashedError, MontyError, MontyRuntimeError, MontySyntaxError

from adapters.tools.sandbox import cell, probe_monty
from adapters.tools.sandbox.cell import frames
from app.ports.sandbox import USUAL, CodeResult, Limits, Outcome, SandboxUnavailable, Tier

READY = 2
"""Workers that wait for a run, confined already: that takes longer than most runs."""

AT_ONCE = 4
MOST_MEMORY = 64 * 1024 * 1024
"""Of what code holds; the worker's own limit is the system's."""

_GRACE = 1.0
_SETTLING = 0.1
"""Seconds that the library's threads go on for after a pool is closed; an interpreter that ends meanwhile is aborted."""

_START = "import sys; sys.path.insert(0, {!r}); from cell import landlock; landlock.main(sys.argv[1:])"
_SHOWN = "if _shown is not None: print(_shown if isinstance(_shown, str) else repr(_shown))"


class Monty:
    """See Sandbox. Works on any system; where the kernel has Landlock and seccomp, the worker is confined by them as well."""

    name = "monty"
    tier = Tier.LANGUAGE
    full = False
    packages: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.confined = _can_confine()
        """Whether the kernel holds the worker, too."""
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._waiting: list[asyncio.Task[AsyncMonty]] = []
        self._closing: set[asyncio.Task[Any]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._closed = False

    async def self_test(self) -> None:
        """See Sandbox."""
        await probe_monty.examine(self)

    async def run(self, code: str, *, files: Mapping[str, bytes] | None = None, limits: Limits = USUAL) -> CodeResult:
        """See Sandbox. Files are in a dict named `files`: text where they are text, else bytes."""
        async with self._turns:
            pool = await self._worker()
            try:
                return await self._run(pool, code, _inputs(files or {}), limits)
            finally:
                self._let_go(pool)
                self._make_ready()  # not before, so that its start takes nothing from the run

    async def aclose(self) -> None:
        """See Sandbox."""
        self._closed = True
        for task in self._waiting:
            with contextlib.suppress(SandboxUnavailable):
                self._let_go(await task)
        self._waiting.clear()
        if self._closing:
            await asyncio.wait(self._closing)
        if self._folder:
            self._folder.cleanup()
        await asyncio.sleep(_SETTLING)

    async def _run(self, pool: AsyncMonty, code: str, files: dict[str, str | bytes], limits: Limits) -> CodeResult:
        output = _Output(limits.output, asyncio.get_running_loop())
        work = asyncio.ensure_future(self._feed(pool, code, files, limits, output.write))
        output.full = work.cancel
        try:
            async with asyncio.timeout(limits.seconds + 2 * _GRACE):
                await work
        except TimeoutError:
            return CodeResult(Outcome.TIMEOUT, output.text)
        except asyncio.CancelledError:
            if not output.is_full:
                raise
            return CodeResult(Outcome.OUTPUT_LIMIT, output.text)
        except MontyCrashedError as error:
            outcome = Outcome.TIMEOUT if getattr(error, "timed_out", False) else Outcome.KILLED
            return CodeResult(outcome, output.text)
        except MontyRuntimeError as error:
            if output.is_full:
                return CodeResult(Outcome.OUTPUT_LIMIT, output.text)
            if "time limit exceeded" in str(error) and isinstance(error.exception(), TimeoutError):
                return CodeResult(Outcome.TIMEOUT, output.text)
            output.write("stderr", _cut(error.display(), limits.output))
            return CodeResult(Outcome.ERROR, output.text)
        except MontyError as error:
            output.write("stderr", f"{type(error.exception()).__name__}: {_cut(str(error), limits.output)}")
            return CodeResult(Outcome.ERROR, output.text)
        return CodeResult(Outcome.OUTPUT_LIMIT if output.is_full else Outcome.OK, output.text)

    async def _feed(
        self,
        pool: AsyncMonty,
        code: str,
        files: dict[str, str | bytes],
        limits: Limits,
        write: Callable[[Literal["stdout", "stderr"], str], None],
    ) -> None:
        bounds: Any = {"max_feed_duration_secs": limits.seconds, "max_memory": min(limits.memory, MOST_MEMORY)}
        async with pool.checkout(limits=bounds, os_policy={"sleep": "zero"}) as session:
            # No value is taken back: turning one into ours has no bound. What is worth seeing is printed.
            with contextlib.suppress(MontySyntaxError):
                await session.feed_run(_showing_last(code), inputs={"files": files}, print_callback=write)
                return
            await session.feed_run(f"{code}\nNone", inputs={"files": files}, print_callback=write)

    async def _worker(self) -> AsyncMonty:
        """A worker that has run nothing."""
        if not self._waiting:
            self._waiting.append(asyncio.create_task(self._made()))
        return await self._waiting.pop(0)

    def _make_ready(self) -> None:
        while not self._closed and len(self._waiting) < READY:
            self._waiting.append(asyncio.create_task(self._made()))

    async def _made(self) -> AsyncMonty:
        pool = AsyncMonty(
            binary_path=self._binary(),
            max_processes=1,
            request_timeout=600,
            max_checkouts_per_worker=1,
            feed_duration_limit_grace=_GRACE,
        )
        try:
            return await pool.__aenter__()
        except (MontyError, OSError, RuntimeError) as error:
            raise SandboxUnavailable(f"Monty's worker does not start ({_cut(str(error), 200)})") from None

    def _let_go(self, pool: AsyncMonty) -> None:
        closing = asyncio.ensure_future(_closed(pool.__aexit__(None, None, None)))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _binary(self) -> Path:
        """What starts a worker: with an empty environment, and confined where it can be."""
        program = Path(sysconfig.get_path("scripts")) / ("monty.exe" if sys.platform == "win32" else "monty")
        if not program.is_file():
            raise SandboxUnavailable("Monty is not installed beside this Python")
        if sys.platform == "win32":
            return program
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="latchkey-monty-")
            words = [str(program)]
            if self.confined:
                start = _START.format(str(Path(next(iter(cell.__path__))).parent))
                words = [sys.executable, "-I", "-S", "-B", "-c", start, *words]
            script = Path(self._folder.name, "monty")
            script.touch(0o700)
            script.write_text(f'#!/bin/sh\nexec /usr/bin/env -i {shlex.join(words)} "$@"\n', encoding="utf-8")
        return Path(self._folder.name, "monty")


class _Output:
    """What was printed, up to a limit; what is beyond it ends the run."""

    def __init__(self, most: int, loop: asyncio.AbstractEventLoop) -> None:
        self.full: Callable[[], object] = lambda: None
        self.is_full = False
        self._most = most
        self._loop = loop
        self._kept: list[str] = []

    def write(self, _stream: Literal["stdout", "stderr"], text: str) -> None:
        """Called on any thread."""
        if self.is_full:
            return
        if len(text) > self._most:
            self.is_full = True
            self._loop.call_soon_threadsafe(self.full)
        self._kept.append(text[: self._most])
        self._most -= len(text)

    @property
    def text(self) -> str:
        """All that is kept."""
        return "".join(self._kept).strip()


async def _closed(closing: Awaitable[object]) -> None:
    with contextlib.suppress(MontyError, OSError, RuntimeError):
        await closing


def _inputs(files: Mapping[str, bytes]) -> dict[str, str | bytes]:
    given: dict[str, str | bytes] = {}
    taken: dict[str, bytes] = {}
    for name, data in files.items():
        plain = frames.plain_name(name, taken)
        taken[plain] = b""
        try:
            given[plain] = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            given[plain] = data
    return given


def _showing_last(code: str) -> str:
    """The code, showing the value of a last line as a notebook does. Where that is no expression, this is no Python."""
    body, _, last = code.rstrip().rpartition("\n")
    return f"{body}{body and chr(10)}_shown = ({last}\n)\n{_SHOWN}\nNone"


def _cut(text: str, most: int) -> str:
    return text[-most:]


def _can_confine() -> bool:
    if sys.platform != "linux" or not os.access("/bin/sh", os.X_OK):
        return False
    from adapters.tools.sandbox.cell import landlock, seccomp

    try:
        return bool(landlock.version() and seccomp.program())
    except OSError:
        return False
