"""A runner as its container would have it, without a container engine: bubblewrap makes the walls, which is what is tested from inside."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import adapters.tools.sandbox

NOBODY = 65534
START = "import sys; sys.path.insert(0, '/opt/latchkey'); from cell import server; server.main()"
NO_NETWORK = ("--unshare-net",)


@asynccontextmanager
async def runner(
    folder: Path, walls: Sequence[str] = NO_NETWORK, setting: Sequence[str] = (), *, read_only: bool = True
) -> AsyncIterator[Path]:
    """The socket of a runner of ours that has begun to listen."""
    home, shared = folder / "home", folder / "run"
    shutil.copytree(Path(adapters.tools.sandbox.__path__[0]) / "cell", home / "cell")
    shared.mkdir()
    shared.chmod(0o777)
    for place in (*home.rglob("*"), home, folder, *folder.parents[:2]):
        place.chmod(place.stat().st_mode | 0o055 if place.is_dir() else 0o644)
    command = ["bwrap", "--die-with-parent", "--unshare-user", "--unshare-pid", "--unshare-ipc", *walls]
    command += ["--uid", str(NOBODY), "--gid", str(NOBODY), "--cap-drop", "ALL", "--clearenv", *setting]
    command += [
        "--ro-bind",
        "/usr",
        "/usr",
        "--ro-bind",
        str(home),
        "/opt/latchkey",
        "--bind",
        str(shared),
        "/run/latchkey",
    ]
    for link in ("bin", "lib", "lib64"):
        command += ["--symlink", f"usr/{link}", f"/{link}"]
    command += ["--proc", "/proc", "--dev", "/dev", "--size", str(64 * 1024 * 1024), "--tmpfs", "/tmp"]
    command += ["--remount-ro", "/"] if read_only else []
    identity: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    process = await asyncio.create_subprocess_exec(
        *command, "--", "/usr/bin/python3", "-I", "-B", "-c", START, "/run/latchkey/sock", env={}, **identity
    )  # fmt: skip
    socket = shared / "sock"
    try:
        async with asyncio.timeout(20):
            while not socket.exists() or not socket.stat().st_mode & 0o002:
                assert process.returncode is None
                await asyncio.sleep(0.02)
        yield socket
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
