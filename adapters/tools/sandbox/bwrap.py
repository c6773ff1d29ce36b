"""Full Python in namespaces of its own, by bubblewrap. The profile, the filter and the empty environment belong together: each closes what another leaves open."""

from __future__ import annotations

import asyncio
import importlib.resources
import math
import os
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from adapters.tools.sandbox import probe
from adapters.tools.sandbox.cell import frames, keeper, seccomp, supervise
from adapters.tools.sandbox.launching import WORTH_TELLING, job, most_back, result_of
from app.ports.sandbox import USUAL, CodeResult, Limits, SandboxUnavailable, Tier

NOBODY = 65534
AT_ONCE = 4
BOX = "/box"
HOME = "/opt/latchkey"
"""Where the cell's files lie inside."""

_ROOMS = 64 * 1024 * 1024
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts")
_CELL = ("__init__.py", "frames.py", "inside.py")
_LOOK = f"import importlib.util as u; print([n for n in {WORTH_TELLING!r} if u.find_spec(n)])"


class Bubblewrap:
    """See Sandbox. For a machine that lets an ordinary user make namespaces; containers mostly do not."""

    name = "bwrap"
    tier = Tier.NAMESPACES
    full = True

    def __init__(self) -> None:
        self.packages: tuple[str, ...] = ()
        self._turns = asyncio.Semaphore(AT_ONCE)
        # What root starts has no bound on its processes.
        self._user = NOBODY if os.geteuid() == 0 else None

    async def self_test(self) -> None:
        """See Sandbox."""
        if sys.platform != "linux":
            raise SandboxUnavailable("bubblewrap exists on Linux only")
        self._program(), self._limiter(), self._python()
        try:
            seccomp.program()
        except OSError as error:
            raise SandboxUnavailable(str(error.strerror)) from None
        await probe.examine(self, strays=probe.named_in_proc)
        found = await self.run(_LOOK)
        self.packages = tuple(name for name in WORTH_TELLING if f"'{name}'" in found.output)

    async def run(self, code: str, *, files: Mapping[str, bytes] | None = None, limits: Limits = USUAL) -> CodeResult:
        """See Sandbox."""
        handed: list[int] = []
        try:
            filter_ = _pipe(seccomp.program(), handed)
            cell = [(name, _pipe(_source(name), handed)) for name in _CELL]
            watch = supervise.Watch(
                limits.seconds,
                limits.output,
                most_back(limits),
                user=self._user,
                hand_down=tuple(handed),
            )
            async with self._turns:
                seen = await supervise.supervise(
                    lambda result: self._command(result, filter_, cell, limits), frames.pack(job(code, files)), watch
                )
        finally:
            for opened in handed:
                os.close(opened)
        if seen.code and not seen.result and seen.output.startswith(b"bwrap: "):
            raise SandboxUnavailable(seen.output.decode(errors="replace").strip().splitlines()[0])
        return result_of(seen.output, seen.result, seen.cut, limits)

    async def aclose(self) -> None:
        """See Sandbox: each run ends what it started."""

    def _command(self, result: int, filter_: int, cell: Sequence[tuple[str, int]], limits: Limits) -> list[str]:
        python = self._python()
        command = [self._program(), "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net"]
        command += ["--unshare-uts", "--unshare-cgroup-try", "--uid", str(NOBODY), "--gid", str(NOBODY)]
        command += ["--disable-userns", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
        for name, value in {**keeper.surroundings("/tmp"), "PATH": "/usr/bin:/bin"}.items():  # noqa: S108 - its own
            command += ["--setenv", name, value]
        command += ["--hostname", "sandbox"]
        for place in (*_SYSTEM, *self._prefixes(python)):
            path = Path(place)
            if path.is_symlink() and path.parent == Path("/"):
                command += ["--symlink", str(path.readlink()), place]
            elif path.exists():
                command += ["--ro-bind", place, place]
        for name, data in cell:
            command += ["--ro-bind-data", str(data), f"{HOME}/cell/{name}"]
        command += ["--proc", "/proc", "--dev", "/dev"]
        for room in ("/tmp", BOX):  # noqa: S108 - its own
            command += ["--perms", "0700", "--size", str(_ROOMS), "--tmpfs", room]
        command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", BOX, "--seccomp", str(filter_), "--"]
        command += [self._limiter(), f"--as={limits.memory}", "--nproc=32", f"--cpu={math.ceil(limits.seconds)}"]
        command += [f"--fsize={max(limits.file_bytes, 16 * 1024 * 1024)}", "--nofile=128", "--core=0", "--"]
        start = (
            f"import sys; sys.path.insert(0, {HOME!r}); from cell import inside; inside.main(*map(int, sys.argv[1:]))"
        )
        return [*command, python, "-I", "-B", "-c", start, str(result), str(limits.files), str(limits.file_bytes)]

    def _program(self) -> str:
        return _found("bwrap", "install bubblewrap")

    def _limiter(self) -> str:
        return _found("prlimit", "install util-linux")

    def _python(self) -> str:
        """An interpreter that the user of the run can reach."""
        for python in (Path(sys.base_prefix) / "bin/python3", Path("/usr/bin/python3")):
            if python.exists() and (self._user is None or _open_to_all(python.resolve())):
                return str(python)
        raise SandboxUnavailable("there is no Python that an unprivileged user can reach; do not run Latchkey as root")

    def _prefixes(self, python: str) -> list[str]:
        return [] if python.startswith("/usr/") else [sys.base_prefix]


def _found(name: str, advice: str) -> str:
    path = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")
    if path is None:
        raise SandboxUnavailable(f"{name} is not installed ({advice})")
    return path


def _open_to_all(path: Path) -> bool:
    return all(place.stat().st_mode & stat.S_IXOTH for place in (path, *path.parents))


def _source(name: str) -> bytes:
    return importlib.resources.files("adapters.tools.sandbox.cell").joinpath(name).read_bytes()


def _pipe(data: bytes, handed: list[int]) -> int:
    """A descriptor that this can be read from once."""
    reading, writing = os.pipe()
    handed.append(reading)
    with os.fdopen(writing, "wb") as end:
        end.write(data)  # less than a pipe holds
    return reading
