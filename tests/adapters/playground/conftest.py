from collections.abc import AsyncIterator

import pytest

from tests.adapters.playground.pages import Site
from tests.conformance.recorder import Recorder


@pytest.fixture
def inbound() -> Recorder:
    return Recorder()


@pytest.fixture
async def site(inbound: Recorder) -> AsyncIterator[Site]:
    async with Site(inbound) as site:
        yield site
