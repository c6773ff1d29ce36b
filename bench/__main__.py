"""Measure all, or the parts named (`python -m bench ack latency`); print a table and write bench/results.md when it was all."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import ack, capacity, latency, ledger, sandbox, startup, teams
from bench.report import Part, table

MEASURES: dict[str, Callable[[], Awaitable[list[Part]]]] = {
    "startup": startup.measure,
    "ack": ack.measure,
    "teams": teams.measure,
    "latency": latency.measure,
    "capacity": capacity.measure,
    "ledger": ledger.measure,
    "sandbox": sandbox.measure,
}


async def _measure(names: list[str]) -> None:
    parts: list[Part] = []
    for name in names:
        begin = time.perf_counter()
        parts += await MEASURES[name]()
        print(f"{name}: measured in {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    found = table(parts)
    print(found)
    if names == list(MEASURES):
        Path(__file__).with_name("results.md").write_text(found)


if __name__ == "__main__":
    asyncio.run(_measure(sys.argv[1:] or list(MEASURES)))
