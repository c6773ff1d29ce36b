"""The self-test of sandboxes with a full Python: hostile code, and what it must not come to. Ids are those of the acceptance cases."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.ports.sandbox import CodeResult, Limits, Outcome, Sandbox, SandboxUnavailable

MiB = 1024 * 1024
Strays = Callable[[str], Awaitable[int]]
"""How many processes of a run whose code holds this token are still there."""

_SHORT = Limits(seconds=1.0, memory=192 * MiB, output=16 * 1024)
_LONG = Limits(seconds=15.0, memory=192 * MiB, output=64 * 1024)
_LATE = 3.0
"""Seconds after its time within which a run must have ended."""

_FORKS = """
import os, time
made = 0
try:
    while made < 500:
        if not os.fork():
            time.sleep(20)
            os._exit(0)
        made += 1
except OSError:
    pass
print("made", made)
"""
_MEMORY = """
held = []
for _ in range(64):
    held.append(bytearray(b"x" * (16 * 1024 * 1024)))
print("took all")
"""
_DISK = """
block, size = b"x" * (1 << 20), 0
for number in range(64):
    with open(f"bomb-{number}", "wb") as file:
        try:
            for _ in range(32):
                file.write(block)
                size += len(block)
        except OSError:
            pass
print("wrote", size)
"""
_DAEMON = """
import os, sys, time
if not os.fork():
    os.setsid()
    if not os.fork():
        for number in range(3):
            os.close(number)
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)", "TOKEN"])
    os._exit(0)
time.sleep(0.2)
print("left")
"""


@dataclass(frozen=True, slots=True)
class _Ordeal:
    """Something that must end in a certain way. `holds` judges the result and how many seconds it took."""

    name: str
    code: str
    limits: Limits
    holds: Callable[[CodeResult, float], bool]


def _in_time(result: CodeResult, seconds: float) -> bool:
    return result.outcome is Outcome.TIMEOUT and seconds < _SHORT.seconds + _LATE


ORDEALS = (
    _Ordeal(
        "SBX-06 fork bomb",
        _FORKS,
        _LONG,
        lambda result, _: result.output.startswith("made ") and int(result.output.split()[1]) < 200,
    ),
    _Ordeal("SBX-07 memory bomb", _MEMORY, _LONG, lambda result, _: result.outcome in {Outcome.ERROR, Outcome.KILLED}),
    _Ordeal(
        "SBX-08 disk bomb",
        _DISK,
        _LONG,
        lambda result, _: result.outcome is not Outcome.OK or int(result.output.split()[1]) < 300 * MiB,
    ),
    _Ordeal("SBX-09 endless loop", "while True: pass", _SHORT, _in_time),
    _Ordeal(
        "SBX-09 sleep with its output closed",
        "import os, time\nos.close(1)\nos.close(2)\ntime.sleep(60)",
        _SHORT,
        _in_time,
    ),
    _Ordeal(
        "SBX-10 output bomb",
        "while True: print('x' * 1000)",
        _LONG,
        lambda result, seconds: (
            result.outcome is Outcome.OUTPUT_LIMIT and len(result.output) <= _LONG.output and seconds < _LATE
        ),
    ),
    _Ordeal(
        "SBX-12 stop everybody",
        "import os, signal, time\nos.kill(-1, signal.SIGSTOP)\ntime.sleep(60)",
        _SHORT,
        _in_time,
    ),
    _Ordeal(
        "SBX-12 stop what waits for it",
        "import os, signal, time\nos.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(60)",
        _SHORT,
        _in_time,
    ),
)


async def examine(sandbox: Sandbox, *, strays: Strays) -> None:
    """Try everything. Raises SandboxUnavailable, which names each thing that got through.

    Bombs are only thrown where nothing could be reached: otherwise they would hit the host.
    """
    broken = await _attempts(sandbox)
    if not broken:
        for ordeal in ORDEALS:
            begin = time.monotonic()
            result = await sandbox.run(ordeal.code, limits=ordeal.limits)
            if not _held(ordeal, result, time.monotonic() - begin):
                broken.append(f"{ordeal.name} ({result.outcome})")
    if not broken and await _daemon_lives(sandbox, strays):
        broken.append("SBX-11 a daemon outlived its run")
    if broken:
        raise SandboxUnavailable(f"code can get out of it, or harm what is around it: {'; '.join(broken)}")


async def named_in_proc(token: str) -> int:
    """How many processes of this machine have the token among their arguments."""
    found = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - its names are all
        with contextlib.suppress(OSError):
            found += token in _text(Path("/proc", pid, "cmdline"))
    return found


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _held(ordeal: _Ordeal, result: CodeResult, seconds: float) -> bool:
    try:
        return ordeal.holds(result, seconds)
    except (ValueError, IndexError):  # it was to tell a number, and did not
        return result.outcome is Outcome.KILLED


async def _attempts(sandbox: Sandbox) -> list[str]:
    async with _canaries() as (canary, touched):
        code = _text(Path(__file__).with_name("hostile.py"))
        result = await sandbox.run(code, files={"canary.json": json.dumps(canary).encode()}, limits=_LONG)
        try:
            told = json.loads(result.output.splitlines()[-1])
            broken = [f"{name} ({found})" for name, found in told["broken"].items()]
        except (ValueError, IndexError, KeyError, TypeError, AttributeError):
            last = result.output.splitlines()[-1:] or [result.outcome]
            raise SandboxUnavailable(f"code does not run in it as it should ({last[0][:200]})") from None
        return broken + touched()


@contextlib.asynccontextmanager
async def _canaries() -> AsyncGenerator[tuple[dict[str, Any], Callable[[], list[str]]]]:
    """Things outside that must not be reached, and a function that tells which were."""
    reached: list[str] = []

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append("SBX-03 somebody connected to the host")
        writer.close()

    with tempfile.TemporaryDirectory() as folder:
        secret, path = _secret(Path(folder)), Path(folder, "socket")
        abstract = f"latchkey-probe-{secrets.token_hex(8)}"
        named = socket.socket(socket.AF_UNIX)
        named.bind("\0" + abstract)
        servers = [
            await asyncio.start_server(greet, "127.0.0.1", 0),
            await asyncio.start_unix_server(greet, sock=named),
            await asyncio.start_unix_server(greet, path),
        ]
        os.chmod(path, 0o666)  # noqa: PTH101, S103 - anybody may connect, if they get there
        port = servers[0].sockets[0].getsockname()[1]

        def touched() -> list[str]:
            found = secret.stat()
            changed = found.st_mode & 0o777 != 0o600 or found.st_mtime != 1e9
            return [*reached, *(["SBX-02 a file outside was changed"] if changed else [])]

        try:
            where = {"secret": str(secret), "port": port, "abstract": abstract, "path": str(path), "pid": os.getpid()}
            yield where, touched
        finally:
            for server in servers:
                server.close()


def _secret(folder: Path) -> Path:
    """A file that only its owner can read, where everybody can look."""
    folder.chmod(0o755)
    file = folder / "secret"
    file.write_text("a secret of the host", encoding="utf-8")
    os.utime(file, (1e9, 1e9))
    file.chmod(0o600)
    return file


async def _daemon_lives(sandbox: Sandbox, strays: Strays) -> bool:
    token = f"latchkey-probe-{secrets.token_hex(8)}"
    result = await sandbox.run(_DAEMON.replace("TOKEN", token), limits=_LONG)
    if result.output != "left":
        return False  # it could not even be started
    until = time.monotonic() + _LATE
    while await strays(token):
        if time.monotonic() > until:
            return True
        await asyncio.sleep(0.05)
    return False
