"""Fixtures for what is shown of services."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.store.unit_of_work import Database
from tests.app.asking import PEOPLE, Asking
from tests.app.attacked import House
from tests.app.belts import Belts
from tests.app.bench import MEMBER, Bench
from tests.app.desk import Desk
from tests.fakes.databases import TestClock


@pytest.fixture
async def bench(database: Database, clock: TestClock) -> AsyncIterator[Bench]:
    bench = await Bench(database, clock).start()
    yield bench
    await bench.background.drain(1)  # while there is a database still


@pytest.fixture
async def demo(database: Database, clock: TestClock) -> AsyncIterator[Bench]:
    demo = await Bench(database, clock, demo=True).start()
    yield demo
    await demo.background.drain(1)


@pytest.fixture
async def desk(bench: Bench) -> Desk:
    """With a key set and verified."""
    await bench.set_key()
    return Desk(bench)


@pytest.fixture
async def keyless(bench: Bench) -> Desk:
    """Before any key is set."""
    return Desk(bench)


@pytest.fixture
def belts(bench: Bench) -> Belts:
    """In a workspace with two open channels and one of MEMBER's own."""
    bench.platform.channels.add("C1", "general")
    bench.platform.channels.add("C2", "news")
    bench.platform.channels.add("C3", "secret", only=(MEMBER,))
    return Belts(bench)


@pytest.fixture
async def asking(desk: Desk) -> AsyncIterator[Asking]:
    """Whose runs ask a person."""
    desk.platform.people |= PEOPLE
    yield Asking(desk)
    await desk.runs.down()


@pytest.fixture
async def house(desk: Desk) -> House:
    """Whose agent may do all, and whose model does as it is told."""
    house = House(desk)
    await house.move_in()
    return house
