"""The `latchkey` command in a process of its own, with no more environment than it is given."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

LATCHKEY = Path(sys.executable).with_name("latchkey")


def run(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a folder; what it printed never holds a traceback."""
    done = subprocess.run(
        [LATCHKEY, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert "Traceback" not in done.stderr + done.stdout
    return done


def complaint(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a command that fails says on standard error; it is one sentence or a few, marked as ours, and status 1."""
    done = run(folder, *arguments, env=env)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert lines
    assert all(line.startswith("latchkey: ") for line in lines)
    return "\n".join(lines)
