"""Offices for the tests: one that has just moved in, and one, shared by a module's tests, in which everything is set up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.office import ANTHROPIC_KEY, OPENAI_KEY, SONNET, Office, office_at

TRANSPORTS = ("http", "socket")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=TRANSPORTS)
async def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """An office with a verified key of each vendor, per transport."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    async with office_at(folder, request.param) as place:
        await place.set_key("Anthropic", ANTHROPIC_KEY)
        await place.set_key("OpenAI", OPENAI_KEY)
        # Whichever key a busy machine could verify first: the tests begin with this model.
        await place.use_model(f"anthropic/{SONNET}")
        yield place


@pytest_asyncio.fixture(params=TRANSPORTS)
async def new_office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    """An office without any key, per transport."""
    async with office_at(tmp_path, request.param) as place:
        yield place
