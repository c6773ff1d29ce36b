"""(c) What a run costs in processor time and memory, and what 500 at once do."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bench.report import Part, Row, under
from bench.stage import Stage, cpu_ms, memory_mb, stage_at
from tests.fakes.model_server import Answer

RUNS = 500


async def measure() -> list[Part]:
    """One after the other, then all at once, on one service that may run them all."""
    with tempfile.TemporaryDirectory() as folder:
        async with stage_at(Path(folder), {"LATCHKEY_MAX_RUNS": str(RUNS)}) as stage:
            await asyncio.sleep(2)
            return [await _one_by_one(stage), await _at_once(stage)]


async def _one_by_one(stage: Stage, runs: int = 100) -> Part:
    pid = stage.service.process.pid
    before = cpu_ms(pid)
    for number in range(runs):
        await stage.slack.say("CGENERAL", "UMEMBER", f"<@UBOT> question {number}", order=("app_mention",))
        await stage.answered(number + 1)
    await asyncio.sleep(1)
    spent = (cpu_ms(pid) - before) / runs
    stage.forget()
    return Part(
        "A run",
        f"{runs} short answers, one after the other: event, checkpoints, one model call, one message, erasing.",
        [under("processor time a run", spent, "ms", digits=1)],
    )


async def _at_once(stage: Stage) -> Part:
    pid = stage.service.process.pid
    idle, begin = memory_mb(pid), cpu_ms(pid)
    stage.model.script(*(Answer(*(["word "] * 100), delay=0.2) for _ in range(RUNS)))
    say = stage.slack.say
    watching = asyncio.create_task(_most_memory(pid))
    for number in range(RUNS):
        await say("CGENERAL", "UMEMBER", f"<@UBOT> question {number}", order=("app_mention",))
    begun = len([call for call in stage.model.calls if not call.finished])
    await stage.answered(RUNS, 120)
    watching.cancel()
    most = await watching
    spent = (cpu_ms(pid) - begin) / RUNS
    return Part(
        f"{RUNS} runs at once",
        "Each in a thread of its own, each a stream of 100 words over 20 s.",
        [
            Row("streams open when the last mention was acknowledged", str(begun)),
            under("memory above idle", most - idle, "MB", 150),
            under("memory a run", (most - idle) * 1024 / RUNS, "kB"),
            under("processor time a run", spent, "ms", digits=1),
        ],
    )


async def _most_memory(pid: int) -> float:
    most = 0.0
    try:
        while True:
            most = max(most, memory_mb(pid))
            await asyncio.sleep(0.1)
    except asyncio.CancelledError:
        return most
