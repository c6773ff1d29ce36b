"""`latchkey demo`: soon there, soon gone, light on its feet."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.acceptance.process import Process
from tests.app.processes.command import LATCHKEY, run

HEAVY = (
    "alembic",
    "anthropic",
    "botbuilder",
    "dbos",
    "httpx2",
    "matplotlib",
    "mcp",
    "openai",
    "slack_bolt",
    "slack_sdk",
)


@asynccontextmanager
async def demo(folder: Path, *python: str, **env: str) -> AsyncIterator[Process]:
    """A demo that has said where it is."""
    command = [sys.executable, *python, LATCHKEY] if python else [LATCHKEY]
    log = folder / f"demo-{secrets.token_hex(4)}.log"
    process = Process([*command, "demo"], log, {"LATCHKEY_PORT": "0", **env})
    await process.start()
    try:
        await process.announces(r"(http://\S+)")
        yield process
    finally:
        await process.stop()


def seconds_of_work(pid: int) -> float:
    """How long a process has been at work: on an idle machine as long as it has been there, and the same on a busy one."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


class Browser:
    """A person at the playground's page."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._base = address.split("/playground", maxsplit=1)[0]

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        async with self._http.get(self._address) as page:
            assert page.status == 200
        self._socket = await self._http.ws_connect(f"{self._base}/playground/socket", headers={"Origin": self._base})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._http.close()

    async def say(self, text: str) -> None:
        await self._socket.send_json({"t": "message", "n": 1, "channel": "C-GENERAL", "text": text})

    async def answer(self) -> dict[str, Any]:
        """The first message of the app that is whole."""
        async with asyncio.timeout(20):
            while True:
                frame = json.loads((await self._socket.receive()).data)
                message = frame.get("message", {})
                if frame["t"] == "message" and message["author"]["kind"] == "app" and message["state"] == "done":
                    return dict(message)


async def test_a_mention_is_answered_by_the_offline_model(tmp_path: Path) -> None:
    async with demo(tmp_path) as process, Browser(await process.announces(r"(http://\S+)")) as browser:
        await browser.say("@Latchkey hello")
        answer = await browser.answer()
    assert answer["author"]["name"] == "assistant"
    assert "offline" in json.dumps(answer)


async def test_the_second_start_listens_within_three_seconds_and_has_loaded_nothing_heavy(tmp_path: Path) -> None:
    async with demo(tmp_path):
        pass  # the first makes tables
    async with demo(tmp_path, "-X", "importtime", LATCHKEY_LOG_LEVEL="INFO") as process:
        assert seconds_of_work(process.pid) < 3
        before, listening, after = process.printed.rpartition('"listening"')
    assert listening
    loaded = set(re.findall(r"\| +([\w.]+)$", before, re.MULTILINE))
    assert "aiohttp" in loaded
    assert [name for name in loaded if name.split(".")[0] in HEAVY] == []
    assert "dbos" in after


async def test_it_ends_well_when_told_and_leaves_private_files(tmp_path: Path) -> None:
    async with demo(tmp_path) as process:
        assert await process.stop(seconds=10) == 0
    files = list((tmp_path / "data" / "demo").iterdir())
    assert {file.name for file in files} == {"latchkey.db", "engine.db", "engine.lock", "master.key"}
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


async def test_a_host_account_is_taken_out_and_named_without_its_value(tmp_path: Path) -> None:
    async with demo(tmp_path, ANTHROPIC_API_KEY="sk-test-host-account", LATCHKEY_PROT="1") as process:
        printed = process.printed
    assert "ANTHROPIC_API_KEY" in printed
    assert "LATCHKEY_PROT" in printed
    assert "sk-test-host-account" not in printed


async def test_agents_travel_as_a_file_and_the_trail_verifies(tmp_path: Path) -> None:
    async with demo(tmp_path) as process, Browser(await process.announces(r"(http://\S+)")):
        pass
    here = ("--data-dir", "data/demo")
    exported = run(tmp_path, *here, "agents", "export").stdout
    assert "name: assistant" in exported
    changed = exported.replace("name: assistant", "name: writer")
    assert run(tmp_path, *here, "agents", "import", "-", stdin=changed).stdout == "1 created, 0 changed.\n"
    assert "name: writer" in run(tmp_path, *here, "agents", "export", "--workspace", "playground:fernwood").stdout
    shown = run(tmp_path, *here, "audit", "show", "--json", "-n", "1").stdout
    assert json.loads(shown)["action"] == "agent.created"
    assert json.loads(shown)["actor"] == "operator"
    assert "whole" in run(tmp_path, *here, "audit", "verify").stdout
    assert "No workspace has a key yet" in run(tmp_path, *here, "keys", "list").stdout


async def test_the_doctor_finds_a_running_demo_healthy_but_for_its_port(tmp_path: Path) -> None:
    async with demo(tmp_path) as process:
        address = await process.announces(r"(http://\S+)")
        port = address.split(":")[2].split("/")[0]
        done = run(tmp_path, "--data-dir", "data/demo", "doctor", env={"LATCHKEY_PORT": port})
    assert done.returncode == 1
    assert "ok  database: sqlite, opens with the master key" in done.stdout
    assert f"!!  port: 127.0.0.1:{port}" in done.stdout
