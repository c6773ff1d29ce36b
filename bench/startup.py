"""(d) How long a start takes, and what an idle process holds."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from pathlib import Path

from bench.report import Part, under
from bench.stage import memory_mb, wiring
from tests.acceptance.process import free_port, until
from tests.acceptance.service import Service
from tests.fakes.model_server import ModelServer
from tests.fakes.slack_server import SlackServer

STARTS = 4


async def measure() -> list[Part]:
    """The first start makes the database and the keys; the later ones find them."""
    listens, ready, idle = [], [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        async with SlackServer() as slack, ModelServer() as model:
            for _ in range(STARTS):
                port = free_port()
                service = Service(Path(folder), port, wiring(slack, model))
                begin = time.perf_counter()
                starting = asyncio.create_task(service.start())
                await until(lambda port=port: _listens(port), "the port listens")  # type: ignore[misc]
                listens.append(time.perf_counter() - begin)
                await starting
                ready.append(time.perf_counter() - begin)
                await asyncio.sleep(3)
                idle = memory_mb(service.process.pid)
                await service.process.stop()
    return [
        Part(
            "Start",
            f"`latchkey serve` with Slack, {STARTS} times; the first makes its database.",
            [
                under("first start, until the port listens", listens[0], "s", digits=2),
                under("first start, until ready", ready[0], "s", digits=2),
                under("later starts, until the port listens", min(listens[1:]), "s", 3, digits=2),
                under("later starts, until ready", min(ready[1:]), "s", digits=2),
                under("memory when idle", idle, "MB"),
            ],
        )
    ]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
