"""(e) Teams: acknowledged activities, and what one costs, beside a bare botbuilder echo bot."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.load import Figures
from bench.report import Part, Row, under
from bench.stage import KEY, cpu_ms
from tests.acceptance.loopback_teams import set_key, wiring
from tests.acceptance.process import Process, free_port, until_told
from tests.acceptance.service import Service
from tests.fakes.model_server import ModelServer
from tests.fakes.teams.identity import APP_ID
from tests.fakes.teams.world import CHANNEL
from tests.fakes.teams_server import TeamsServer

ROUNDS, SECONDS = 2, 4.0
BUSY_THREADS = 8
_SLOWLY = "[[words:4000]][[delay:0.02]]"


@dataclass(frozen=True, slots=True)
class Cost:
    """A round of load, and the processor time that the process under it used meanwhile."""

    figures: Figures
    cpu: float

    @property
    def each(self) -> float:
        """Milliseconds of processor time for one acknowledged activity."""
        return self.cpu / max(self.figures.acknowledged, 1)


async def measure() -> list[Part]:
    """By turns, each round the same load."""
    bare: list[Cost] = []
    ours: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder:
        async with (
            TeamsServer() as teams,
            ModelServer(keys={KEY}) as model,
            _bot(teams, Path(folder)) as (bot, bot_url),
            _latchkey(teams, model, Path(folder)) as service,
        ):
            for _ in range(ROUNDS):
                bare.append(await _loaded(teams, bot_url, bot.pid, threads=0, text="hello"))
                ours.append(
                    await _loaded(teams, teams.bot_url, service.process.pid, threads=BUSY_THREADS, text=_SLOWLY)
                )
    plain, kept = (max(found, key=lambda one: one.figures.per_second) for found in (bare, ours))
    ratio = kept.figures.per_second / plain.figures.per_second
    refused = sum(one.figures.sent - one.figures.acknowledged for one in ours)
    return [
        Part(
            "Acknowledged activities of Teams",
            f"The better of {ROUNDS} rounds of {SECONDS:g} s by turns, 32 connections, the client in its own process. The bare bot verifies with "
            "botbuilder and echoes within the request, its token given to it; "
            f"ours go to {BUSY_THREADS} threads whose runs are at work: verified, parsed, sealed, committed to disk, acknowledged.",
            [
                Row("bare botbuilder echo bot", f"{plain.figures.per_second:,.0f}/s"),
                under("p50", plain.figures.p50, "ms", digits=1),
                under("p99", plain.figures.p99, "ms", digits=1),
                under("processor time for each", plain.each, "ms", digits=2),
                Row("Latchkey", f"{kept.figures.per_second:,.0f}/s"),
                under("p50", kept.figures.p50, "ms", digits=1),
                under("p99", kept.figures.p99, "ms", digits=1),
                under("processor time for each, runs included", kept.each, "ms", digits=2),
                Row("Latchkey / bare", f"{ratio:.2f}"),
                Row("refused", str(refused), "0", not refused),
            ],
        )
    ]


@contextlib.asynccontextmanager
async def _bot(teams: TeamsServer, folder: Path) -> AsyncIterator[tuple[Process, str]]:
    port, token = free_port(), "token-of-the-bare-bot"
    teams.identity.issued.add(token)
    arguments = [sys.executable, "-m", "bench.bare_teams", "--port", str(port)]
    arguments += ["--app-id", APP_ID, "--token", token, "--origin", teams.origin]
    process = Process(arguments, folder / "bare.log", {"PYTHONPATH": str(Path(__file__).parents[1])})
    url = f"http://127.0.0.1:{port}/api/messages"
    await process.start()
    try:
        await until_told(lambda: _answers(url), "the bare bot listens")
        yield process, url
    finally:
        await process.stop()


@contextlib.asynccontextmanager
async def _latchkey(teams: TeamsServer, model: ModelServer, folder: Path) -> AsyncIterator[Service]:
    """A service that is ready, with a verified key."""
    environment = wiring(teams, model) | {"LATCHKEY_DRAIN_SECONDS": "1"}
    async with Service(folder, free_port(), environment) as service:
        teams.bot_url = f"{service.url}/api/messages"
        await set_key(teams, model, KEY)
        yield service


async def _loaded(teams: TeamsServer, url: str, pid: int, *, threads: int, text: str) -> Cost:
    """The load client, in its own process."""
    template = teams.activity(teams.world.bob, CHANNEL, **teams.words("", mention=True))
    arguments = ["--url", url, "--seconds", str(SECONDS), "--threads", str(threads), "--text", text]
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.activities",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    before = cpu_ms(pid)
    token = teams.identity.token(teams.service_url)
    printed, _ = await client.communicate(f"{token}\n{json.dumps(template)}\n".encode())
    found: dict[str, Any] = json.loads(printed)
    return Cost(Figures(**found), cpu_ms(pid) - before)


async def _answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as http, http.get(url):
            return True
    except aiohttp.ClientError:
        return False
