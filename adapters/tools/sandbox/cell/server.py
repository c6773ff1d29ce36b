"""The runner: takes code over a Unix socket, runs each in a confined process of its own and an empty folder, answers with what came of it.

It needs no network, no environment and no right. How an image starts it stands in the Dockerfile.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import importlib.metadata
import json
import os
import platform
import signal
import socket
import struct
import sys
import tempfile
from typing import Any

from . import asking, frames, keeper, landlock, supervise

AT_ONCE = 4
MOST_ASKED = 256 * 1024 * 1024
MOST_FILES = 64
MOST_BYTES = 64 * 1024 * 1024
MOST_SECONDS = 300
WORTH_TELLING = ("numpy", "pandas", "matplotlib", "openpyxl", "scipy", "pillow")
HARMLESS = frozenset({"PATH", "HOME", "HOSTNAME", "LANG", "LC_CTYPE", "TERM", "PWD", "SHLVL", "GPG_KEY", "OLDPWD", "_"})
_PARENT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_START = f"import sys; sys.path.insert(0, {_PARENT!r}); from cell import keeper; keeper.start()"
_GET_FLAGS, _UP = 0x8913, 1
_READ_ONLY = 1


class Runner:
    """Serves on one socket until told to stop."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._before = _processes()

    async def serve(self) -> None:
        """Until SIGTERM or SIGINT."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        server = await asyncio.start_unix_server(self._answer, self._path)
        os.chmod(self._path, 0o666)  # noqa: S103 - who may reach it is decided by who is given its folder
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        async with server:
            await told.wait()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(MOST_SECONDS):
                size = frames.length(await reader.readexactly(frames.PREFIX), MOST_ASKED)
                asked = frames.unpack(await reader.readexactly(size), most_files=MOST_FILES, most_bytes=MOST_BYTES)
            wanted = asked.pop(asking.LIMITS, None)
            if wanted is None:
                answer = frames.pack({asking.FACTS: json.dumps(facts(self._before)).encode()})
            else:
                work = asyncio.create_task(self._run(json.loads(wanted), asked))
                gone = asyncio.create_task(reader.read(1))  # nobody says more: it is the end of who asked
                await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
                gone.cancel()
                if not work.done():
                    work.cancel()
                answer = await work
            writer.write(answer)
            await writer.drain()
        except (
            OSError,
            TimeoutError,
            asyncio.IncompleteReadError,
            frames.BadFrame,
            ValueError,
            asyncio.CancelledError,
        ):
            pass  # whoever asked sees the connection end
        finally:
            writer.close()

    async def _run(self, limits: list[int], job: dict[str, bytes]) -> bytes:
        seconds, memory, output, most_files, most_bytes, most_back = map(int, limits)
        seconds, most_bytes = min(seconds, MOST_SECONDS), min(most_bytes, MOST_BYTES)

        def command(result: int) -> list[str]:
            numbers = (result, seconds + 5, memory, most_files, most_bytes)
            return [sys.executable, "-I", "-B", "-c", _START, folder, *map(str, numbers)]

        async with self._turns:
            folder = tempfile.mkdtemp(prefix="run-")
            watch = supervise.Watch(seconds, output, most_back, signal.SIGTERM)
            seen = await supervise.supervise(command, frames.pack(job), watch)
        cut = asking.NOT_ISOLATED if seen.code == keeper.NOT_ISOLATED else seen.cut
        return frames.pack({asking.OUTPUT: seen.output, asking.RESULT: seen.result, asking.CUT: cut.encode()})


def facts(before: frozenset[int]) -> dict[str, Any]:
    """What this runner is, and what about it is not as a runner should be."""
    packages = {found.metadata["Name"].lower() for found in importlib.metadata.distributions()}
    return {
        "python": platform.python_version(),
        "packages": [name for name in WORTH_TELLING if name in packages],
        "faults": _faults(),
        "strays": strays(before),
    }


def _faults() -> list[str]:
    status = dict(line.split(":", 1) for line in _text("/proc/self/status").splitlines() if ":" in line)
    found = [f"it has a network ({name})" for _, name in socket.if_nameindex() if name != "lo" and _is_up(name)]
    given = sorted(name for name in os.environ if name not in HARMLESS and not name.startswith("PYTHON"))
    if given:
        found.append(f"its environment holds {', '.join(given)}")
    if os.getuid() == 0:
        found.append("it runs as root")
    if int(status.get("CapEff", "0"), 16):
        found.append("it has capabilities")
    if status.get("NoNewPrivs", "").strip() != "1":
        found.append("what it starts can gain rights (no-new-privileges is not set)")
    if not os.statvfs("/").f_flag & _READ_ONLY:
        found.append("its file system can be written to (read_only is not set)")
    if not landlock.version():
        found.append("its kernel has no Landlock")
    return found


def _is_up(name: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        request = struct.pack("16sH14x", name.encode(), 0)
        flags: int = struct.unpack("16sH14x", fcntl.ioctl(asked, _GET_FLAGS, request))[1]
        return bool(flags & _UP)


def _processes() -> frozenset[int]:
    return frozenset(int(name) for name in os.listdir("/proc") if name.isdigit())


def strays(before: frozenset[int]) -> int:
    """How many processes are there that belong to no run and were not there when it started."""
    ours = _processes() - before - {os.getpid()}
    kept: set[int] = set()
    for pid in ours:
        if _text(f"/proc/{pid}/cmdline").split("\0")[4:5] == [_START]:
            kept |= {pid, *keeper.descendants(pid)}
    return len([pid for pid in ours - kept if _text(f"/proc/{pid}/cmdline")])


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def main() -> None:
    """Serve on the socket named on the command line."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    asyncio.run(Runner(sys.argv[1]).serve())
