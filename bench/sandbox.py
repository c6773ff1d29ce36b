"""(g) How long code waits for its isolation: `1 + 1`, in each tier that this machine has."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from adapters.tools.sandbox.bwrap import Bubblewrap
from adapters.tools.sandbox.monty import Monty
from adapters.tools.sandbox.runner import Runner
from app.ports.sandbox import Sandbox, SandboxUnavailable
from bench.report import Part, Row, under
from tests.adapters.tools.sandbox.container import runner

TIMES = 30
APART = 0.25
"""Seconds between two runs: as agents ask, not as fast as a loop does."""


async def measure() -> list[Part]:
    """Each tier by itself, one run after the other."""
    rows: list[Row] = []
    for name, sandbox, goal in (("Monty", Monty(), 5.0), ("bubblewrap", Bubblewrap(), 60.0)):
        rows += await _rows(name, sandbox, goal)
    with tempfile.TemporaryDirectory() as folder:
        async with runner(Path(folder)) as socket:
            rows += await _rows("a runner", Runner(socket), None)
    how = f"`1 + 1`, {TIMES} times a quarter of a second apart; the self-test first. The runner stands within walls like its container's."
    return [Part("Code in isolation", how, rows)]


async def _rows(name: str, sandbox: Sandbox, goal: float | None) -> Sequence[Row]:
    try:
        begin = time.perf_counter()
        await sandbox.self_test()
        tested = time.perf_counter() - begin
        taken: list[float] = []
        for _ in range(TIMES):
            await asyncio.sleep(APART)
            begin = time.perf_counter()
            await sandbox.run("1 + 1")
            taken.append((time.perf_counter() - begin) * 1000)
    except SandboxUnavailable as error:
        return [Row(f"{name}: not here", str(error))]
    finally:
        await sandbox.aclose()
    return [
        under(f"{name}, p50", statistics.median(taken), "ms", goal, digits=1),
        under(f"{name}, slowest", max(taken), "ms", digits=1),
        under(f"{name}, its self-test", tested, "s", digits=1),
    ]
