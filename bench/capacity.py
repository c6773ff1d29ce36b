"""(c) What a run costs in processor time and memory, and what 500 at once do."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bench.report import Part, Row, under
from bench.stage import Stage, cpu_ms, memory_mb, stage_at
from tests.acceptance.blocks import action_of, field_named
from tests.acceptance.process import until
from tests.fakes.model_server import Answer

RUNS = 500


async def measure() -> list[Part]:
    """One after the other, then all at once, on one service that may run them all."""
    with tempfile.TemporaryDirectory() as folder:
        async with stage_at(Path(folder), {"LATCHKEY_MAX_RUNS": str(RUNS)}) as stage:
            await _let_work(stage, RUNS)
            return [await _one_by_one(stage), await _at_once(stage)]


async def _let_work(stage: Stage, runs: int) -> None:
    """An admin lets so many answers be made at a time."""
    slack = stage.slack
    await slack.open_home("UADMIN")
    home = await until(lambda: slack.home("UADMIN"), "the home tab is published")
    await slack.press("UADMIN", action_of(home["blocks"], "Change")["action_id"], where=home)
    form = await until(lambda: slack.modal("UADMIN"), "the settings open")
    await slack.submit("UADMIN", {field_named(form, "Answers at a time")["block_id"]: str(runs)})
    await until(lambda: slack.modal("UADMIN") is None, "the settings are kept")
    await asyncio.sleep(2)  # idle from here


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
    stage.model.script(*(Answer(*(["word "] * 200), delay=0.3) for _ in range(RUNS)))
    watching = asyncio.create_task(_watch(stage, pid))
    for number in range(RUNS):
        await stage.slack.say("CGENERAL", "UMEMBER", f"<@UBOT> question {number}", order=("app_mention",))
    await stage.answered(RUNS, 180)
    watching.cancel()
    most, open_at_once = await watching
    spent = (cpu_ms(pid) - begin) / RUNS
    return Part(
        f"{RUNS} runs at once",
        "Each in a thread of its own, each a stream of 200 words over a minute.",
        [
            Row("streams open at the same moment", str(open_at_once), f"{RUNS}", open_at_once == RUNS),
            under("memory above idle", most - idle, "MB", 150),
            under("memory a run", (most - idle) * 1024 / RUNS, "kB"),
            under("processor time a run", spent, "ms", digits=1),
        ],
    )


async def _watch(stage: Stage, pid: int) -> tuple[float, int]:
    """The most memory, and the most streams open at the provider, until cancelled."""
    memory, streams = 0.0, 0
    try:
        while True:
            memory = max(memory, memory_mb(pid))
            streams = max(streams, sum(not call.finished for call in stage.model.calls))
            await asyncio.sleep(0.1)
    except asyncio.CancelledError:
        return memory, streams
