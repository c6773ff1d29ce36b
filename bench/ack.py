"""(a) Acknowledged events: a bare slack-bolt app that does nothing, and ours, which answers when the event is durable and sealed."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import aiohttp

from bench.load import Figures, quantile
from bench.report import Part, Row, under
from bench.stage import THREADS, Stage, loaded, stage_at
from tests.acceptance.process import Process, free_port, until_told
from tests.fakes.model_server import Call

ROUNDS, SECONDS = 2, 4.0
_SLOWLY = "[[words:200]][[delay:1]]"


async def measure() -> list[Part]:
    """Throughput by turns, then a burst, then a sustained rate, each on a service that has nothing else to do."""
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        async with stage_at(Path(folder)) as stage:
            parts.append(await _by_turns(stage, Path(folder)))
    for one in (_burst, _sustained):
        with tempfile.TemporaryDirectory() as folder:
            async with stage_at(Path(folder)) as stage:
                parts.append(await one(stage))
    return parts


async def _by_turns(stage: Stage, folder: Path) -> Part:
    secret, port = stage.slack.signing_secret, free_port()
    arguments = [sys.executable, "-m", "bench.bare", "--port", str(port), "--secret", secret]
    yardstick = Process(arguments, folder / "bare.log", {"PYTHONPATH": str(Path(__file__).parents[1])})
    url = f"http://127.0.0.1:{port}/slack/events"
    bare: list[Figures] = []
    ours: list[Figures] = []
    await yardstick.start()
    try:
        await until_told(lambda: _answers(url), "the bare app listens")
        for _ in range(ROUNDS):
            bare.append(await loaded(stage.slack, url, SECONDS))
            ours.append(await loaded(stage.slack, stage.events_url, SECONDS, text=_SLOWLY))
    finally:
        await yardstick.stop()
    plain, kept = (max(found, key=lambda one: one.per_second) for found in (bare, ours))
    ratio, refused = kept.per_second / plain.per_second, sum(one.sent - one.acknowledged for one in ours)
    return Part(
        "Acknowledged events",
        f"The better of {ROUNDS} rounds of {SECONDS:g} s by turns, 32 connections, the client in its own process. Ours go to {THREADS} threads "
        "whose runs are at work: verified, parsed, sealed, committed to disk, acknowledged.",
        [
            Row("bare slack-bolt that does nothing", f"{plain.per_second:,.0f}/s"),
            under("p50", plain.p50, "ms", digits=1),
            under("p99", plain.p99, "ms", digits=1),
            Row("Latchkey", f"{kept.per_second:,.0f}/s"),
            under("p50", kept.p50, "ms", digits=1),
            under("p99", kept.p99, "ms", digits=1),
            Row("Latchkey / bare", f"{ratio:.2f}", "≥ 0.33", ratio >= 1 / 3),
            Row("refused", str(refused), "0", not refused),
        ],
    )


async def _answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as http, http.post(url):
            return True
    except aiohttp.ClientError:
        return False


async def _burst(stage: Stage) -> Part:
    done = await loaded(stage.slack, stage.events_url, 10, rate=100)
    await stage.answered(done.acknowledged, 120)
    stage.forget()
    return Part(
        "A burst",
        "10 s of 100 mentions a second, each in a thread of its own; their runs are at work meanwhile.",
        [
            under("acknowledged, p50", done.p50, "ms", digits=1),
            under("acknowledged, p99", done.p99, "ms", 50, digits=1),
            under("slowest", done.worst, "ms", digits=1),
            Row("refused", str(done.sent - done.acknowledged), "0", done.sent == done.acknowledged),
        ],
    )


async def _sustained(stage: Stage, rate: float = 25, seconds: float = 30) -> Part:
    """The backlog grows when the runs that came last wait longer for their model than those that came first."""
    done = await loaded(stage.slack, stage.events_url, seconds, rate=rate)
    await stage.answered(done.acknowledged)
    waits = sorted((number, call.at - done.began - (number - 1) / rate) for number, call in _numbered(stage))
    third = len(waits) // 3
    first, last = (sorted(wait for _, wait in part) for part in (waits[:third], waits[-third:]))
    growth = (quantile(last, 0.5) - quantile(first, 0.5)) * 1000
    stage.forget()
    return Part(
        "A sustained rate",
        f"{rate:g} mentions a second for {seconds:g} s on SQLite, each in a thread of its own; how long each waited until its model was asked.",
        [
            under("the first third waited, p50", quantile(first, 0.5) * 1000, "ms"),
            under("the last third waited, p50", quantile(last, 0.5) * 1000, "ms"),
            under("the last third waited, p99", quantile(last, 0.99) * 1000, "ms"),
            under("the backlog's growth in waiting", growth, "ms", 100),
            Row("never started", str(done.sent - len(waits)), "0", done.sent == len(waits)),
        ],
    )


def _numbered(stage: Stage) -> list[tuple[int, Call]]:
    return [(int(call.said.split()[-1]), call) for call in stage.model.calls]
