"""The outer end of one run in a runner: a process that starts a confined one, and leaves nothing of it behind.

It stands outside the confinement, so the code can neither stop nor signal it. Its own end is asked for with SIGTERM.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from types import FrameType

from . import frames, inside, landlock

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_CLEANING = 10.0
NOT_ISOLATED = 70
"""The exit of one that was not run, because it could not be isolated."""
_HERE = os.path.dirname(os.path.abspath(__file__))


class _Enough(Exception):
    """Whoever asked does not wait any longer."""


def main(arguments: list[str]) -> None:
    """`FOLDER RESULT SECONDS MEMORY FILES FILE_BYTES`: run the job on standard input in this (empty) folder."""
    folder = arguments[0]
    result, seconds, memory, files, file_bytes = (int(value) for value in arguments[1:])
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, _enough)
    signal.signal(signal.SIGALRM, _enough)
    signal.alarm(seconds)
    box, scratch = os.path.join(folder, "box"), os.path.join(folder, "tmp")
    os.mkdir(box, 0o700)
    os.mkdir(scratch, 0o700)
    child = os.fork()
    if not child:
        signal.alarm(0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _confined(box, scratch, result, memory=memory, files=files, file_bytes=file_bytes)
        return
    os.close(result)
    nothing = os.open("/dev/null", os.O_RDWR)
    for shared in (0, 1, 2):  # whoever reads their other ends shall see them closed when the code's are
        os.dup2(nothing, shared)
    status = 0
    with contextlib.suppress(_Enough):
        status = os.waitpid(child, 0)[1]
    signal.alarm(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_descendants()
    _remove(folder)
    os._exit(NOT_ISOLATED if os.waitstatus_to_exitcode(status) == NOT_ISOLATED else 0)


def _confined(box: str, scratch: str, result: int, *, memory: int, files: int, file_bytes: int) -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.chdir(box)
    os.environ.update(surroundings(scratch))
    landlock.limit(memory, max(file_bytes, 16 * landlock.MiB))
    landlock.confine(writable=(box, scratch), readable=(_HERE, inside.FONTS))
    inside.main(result, files, file_bytes)


def surroundings(scratch: str) -> dict[str, str]:
    """The whole environment of isolated code."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "MPLCONFIGDIR": os.path.join(scratch, "matplotlib"),
        "MPLBACKEND": "Agg",
        "OPENBLAS_NUM_THREADS": "1",  # each thread's buffers count against the memory
        "OMP_NUM_THREADS": "1",
    }


def descendants(of: int) -> list[int]:
    """Every process below this one."""
    parents = dict[int, int]()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    found, new = set[int](), {of}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new and pid not in found}
        found |= new
    return sorted(found)


def end_descendants() -> None:
    """Kill until none is left: what lost its parent has become ours."""
    until = time.monotonic() + _CLEANING
    while time.monotonic() < until:
        for pid in descendants(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def _remove(folder: str) -> None:
    """By rm, which minds neither depth nor number."""
    for command in (["rm", "-rf", folder], ["chmod", "-R", "u+rwx", folder], ["rm", "-rf", folder]):
        if os.path.lexists(folder):
            os.waitpid(os.posix_spawn(f"/bin/{command[0]}", command, {}), 0)


def _enough(_signal: int, _frame: FrameType | None) -> None:
    raise _Enough


def start() -> None:
    """What a new process begins with."""
    try:
        main(sys.argv[1:])
    except (OSError, frames.BadFrame) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        sys.stderr.write(f"This code could not be isolated: {reason}.\n")
        sys.stderr.flush()
        os._exit(NOT_ISOLATED)
