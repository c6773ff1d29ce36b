"""Fixtures: a server with open doors, and the services around it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.app.bench import Bench
from tests.app.mcp.shop import Shop
from tests.fakes.mcp_server import FakeMcpServer


@pytest.fixture
async def fake() -> AsyncIterator[FakeMcpServer]:
    async with FakeMcpServer() as server:
        yield server


@pytest.fixture
async def shop(bench: Bench, fake: FakeMcpServer) -> AsyncIterator[Shop]:
    shop = Shop(bench, fake)
    yield shop
    await shop.close()
