"""Watching over one process from outside: its time, its output, what it hands back, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

_CHUNK = 64 * 1024
_GRACE = 12.0
"""Seconds for what was asked to end itself; it is killed then."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is allowed to a process. `end` asks it to end; one that would leave others behind is asked with SIGTERM."""

    seconds: float
    output: int
    result: int
    end: signal.Signals = signal.SIGKILL
    user: int | None = None
    hand_down: tuple[int, ...] = ()


@dataclass(slots=True)
class Seen:
    """How it went. `cut` is "" unless it was ended: "timeout" or "output_limit"."""

    output: bytes = field(default=b"", repr=False)
    result: bytes = field(default=b"", repr=False)
    cut: str = ""
    code: int = 0


async def supervise(command: Callable[[int], Sequence[str]], job: bytes, watch: Watch) -> Seen:
    """Run it with an empty environment; `command` is told the descriptor to hand its result back on. Nothing of it survives."""
    ours, theirs = os.pipe()
    extra: dict[str, Any] = {} if watch.user is None else {"user": watch.user, "group": watch.user, "extra_groups": []}
    try:
        process = await asyncio.create_subprocess_exec(
            *command(theirs),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={},
            cwd="/",
            pass_fds=(theirs, *watch.hand_down),
            start_new_session=True,
            **extra,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    seen = Seen()
    ended = asyncio.Event()

    def end(why: str) -> None:
        if not seen.cut:
            seen.cut = why
        ended.set()

    assert process.stdin is not None  # noqa: S101 - all three were asked for as pipes
    assert process.stdout is not None  # noqa: S101
    out = process.stdout
    pipe = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(pipe), os.fdopen(ours, "rb")
    )
    work = [
        asyncio.create_task(_feed(process.stdin, job)),
        asyncio.create_task(_drain(out, seen, "output", watch.output, lambda: end("output_limit"))),
        asyncio.create_task(_drain(pipe, seen, "result", watch.result, lambda: end("output_limit"))),
        asyncio.create_task(process.wait()),
    ]
    whole = asyncio.gather(*work)
    cut = asyncio.create_task(ended.wait())
    try:
        await asyncio.wait((whole, cut), timeout=watch.seconds, return_when=asyncio.FIRST_COMPLETED)
        if not whole.done():
            end("timeout")
    finally:
        cut.cancel()
        await asyncio.shield(_finish(process, whole, watch.end))
        transport.close()
    seen.code = process.returncode or 0
    return seen


async def _feed(stdin: asyncio.StreamWriter, job: bytes) -> None:
    with contextlib.suppress(OSError):
        stdin.write(job)
        await stdin.drain()
    stdin.close()


async def _drain(reader: asyncio.StreamReader, seen: Seen, name: str, most: int, full: Callable[[], None]) -> None:
    """Keep what is within bounds, and go on reading: a process whose pipe nobody reads never ends."""
    kept = bytearray()
    while chunk := await reader.read(_CHUNK):
        if len(kept) + len(chunk) > most:
            full()
        kept += chunk[: most - len(kept)]
        setattr(seen, name, bytes(kept)) if len(kept) >= most else None
    setattr(seen, name, bytes(kept))


async def _finish(process: asyncio.subprocess.Process, whole: asyncio.Future[Any], how: signal.Signals) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
    done, _ = await asyncio.wait((whole,), timeout=_GRACE)
    if not done:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        done, _ = await asyncio.wait((whole,), timeout=1.0)
    if not done:
        whole.cancel()  # something holds a pipe that it should not have: self-tests look for such
    with contextlib.suppress(asyncio.CancelledError):
        await whole
