"""Latchkey itself: the command `latchkey serve` in a process of its own, configured by its environment alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import aiohttp

from tests.acceptance.local_slack import ANA, APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, TEAM
from tests.acceptance.process import Process, until_told

LATCHKEY = Path(sys.executable).with_name("latchkey")


class Service:
    """`latchkey serve`; an async context manager. Its data and its output are in `folder`."""

    def __init__(self, folder: Path, port: int, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.port = port
        self.environment = {
            "LATCHKEY_DATA_DIR": str(folder / "data"),
            "LATCHKEY_HOST": "127.0.0.1",
            "LATCHKEY_PORT": str(self.port),
            "LATCHKEY_LOG_LEVEL": "DEBUG",
            **environment,
        }
        self.process = Process([LATCHKEY, "serve"], folder / "service.log", self.environment)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.process.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """Where it keeps its data."""
        return self.folder / "data"

    async def start(self) -> None:
        """Start it, again if it was stopped; returns when it says that it is ready."""
        await self.process.start()
        await until_told(self._ready, "the service is ready", 30)

    async def _ready(self) -> bool:
        assert self.process.running, f"the service ended: {self.process.printed[-3000:]}"
        try:
            async with aiohttp.ClientSession() as http, http.get(f"{self.url}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False


def slack_environment(api_url: str, *, socket: bool) -> dict[str, str]:
    """What connects the service to local-slack, and makes Ana an admin."""
    way = {"SLACK_APP_TOKEN": APP_TOKEN} if socket else {"SLACK_SIGNING_SECRET": SIGNING_SECRET}
    return {
        "LATCHKEY_SLACK_API_URL": api_url,
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "LATCHKEY_ADMINS": f"slack:{TEAM}/{ANA}",
        **way,
    }
