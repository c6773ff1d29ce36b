"""Calls under way are cut when their key goes, in whichever process that was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import cast

import pytest

from app.domain.keys import KeyStatus, ProviderKey
from app.domain.run import ModelEvent, TextDelta
from app.errors import NoKey
from app.services.key_watch import KeyWatch
from app.store.unit_of_work import Database
from tests.app.bench import ADMIN, OTHER, WORKSPACE, Bench
from tests.app.engines import until
from tests.fakes.databases import TestClock


@pytest.fixture
async def quick(bench: Bench) -> AsyncIterator[KeyWatch]:
    """One that looks often, and no more once the test has ended: there is a database still."""
    watch = KeyWatch(bench.database, every=0.02)
    yield watch
    await watch.stop()


@pytest.fixture
async def bench(any_database: Database, clock: TestClock) -> AsyncIterator[Bench]:
    bench = await Bench(any_database, clock).start()
    yield bench
    await bench.background.drain(1)


class Trickle:
    """A provider that says a word and then is silent until told to go on."""

    def __init__(self, closing: float = 0.0) -> None:
        self.go_on = asyncio.Event()
        self.closed = False
        self._closing = closing

    async def __call__(self) -> AsyncIterator[ModelEvent]:
        try:
            yield TextDelta("One")
            await self.go_on.wait()
            yield TextDelta(" two")
        finally:
            await asyncio.sleep(self._closing)  # as a connection takes to close
            self.closed = True


class Listener:
    """Hears a call out, or why it was cut."""

    def __init__(self, watch: KeyWatch, key: ProviderKey, *, closing: float = 0.0) -> None:
        self.trickle = Trickle(closing)
        self.said = ""
        self._watch = watch
        self._key = key
        self.call = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        events = self.trickle()
        try:
            async with aclosing(self._watch.over(self._key, events)) as watched:
                async for event in watched:
                    assert isinstance(event, TextDelta)
                    self.said += event.text
        finally:
            await events.aclose()  # type: ignore[attr-defined]


async def _ends(listeners: Sequence[Listener]) -> list[BaseException | None]:
    return await asyncio.gather(*(one.call for one in listeners), return_exceptions=True)


async def test_a_call_is_cut_within_a_second_of_its_keys_end_though_the_provider_is_silent(bench: Bench) -> None:
    key = (await bench.set_key()).key
    listener = Listener(bench.ring.watch, key)
    await until(lambda: listener.said == "One")
    await bench.keys.setting.revoke(WORKSPACE, key.id, ADMIN)  # by another process: the watch is not told
    async with asyncio.timeout(1.5):
        with pytest.raises(NoKey, match="was revoked while it was being answered") as raised:
            await listener.call
    assert raised.value.waits_for == key.id
    assert listener.trickle.closed
    await bench.ring.watch.stop()


async def test_other_calls_are_let_alone_and_whoever_replaces_a_working_key_lets_answers_end(
    bench: Bench, quick: KeyWatch
) -> None:
    one, two = (await bench.set_key()).key, (await bench.set_key(OTHER, label="two")).key
    first, second = Listener(quick, one), Listener(quick, two)
    await until(lambda: first.said == second.said == "One")
    bench.anthropic.keys = None
    await bench.set_key("sk-test-third-0004-mnop")  # in the place of the first
    await bench.keys.setting.revoke(WORKSPACE, two.id, ADMIN)
    with pytest.raises(NoKey):
        await second.call
    first.trickle.go_on.set()
    await first.call
    assert first.said == "One two"


async def test_a_call_under_a_dead_key_ends_when_that_is_replaced(bench: Bench, quick: KeyWatch) -> None:
    key = (await bench.set_key()).key
    listener = Listener(quick, key)
    await until(lambda: listener.said == "One")
    async with bench.database.begin() as uow:
        await uow.keys.mark(key, KeyStatus.REFUSED, next_check_at=bench.clock.now())
    await asyncio.sleep(0.2)
    assert not listener.call.done(), "its provider still answers it"
    await bench.set_key(OTHER)
    with pytest.raises(NoKey):
        await listener.call


async def test_a_call_that_takes_its_time_to_end_keeps_no_other_from_being_cut(bench: Bench, quick: KeyWatch) -> None:
    one, two = (await bench.set_key()).key, (await bench.set_key(OTHER, label="two")).key
    slow = Listener(quick, one, closing=0.5)
    await until(lambda: slow.said == "One")
    await bench.keys.setting.revoke(WORKSPACE, one.id, ADMIN)
    await asyncio.sleep(0.1)
    others = [Listener(quick, two) for _ in range(8)]
    await until(lambda: all(one.said == "One" for one in others))
    await bench.keys.setting.revoke(WORKSPACE, two.id, ADMIN)
    async with asyncio.timeout(0.3):
        assert all(isinstance(end, NoKey) for end in await _ends(others))
    assert not slow.call.done()
    with pytest.raises(NoKey):
        await slow.call


async def test_nobody_looks_while_there_are_no_calls(bench: Bench, quick: KeyWatch) -> None:
    key = (await bench.set_key()).key
    listener = Listener(quick, key)
    await until(lambda: listener.said == "One")
    assert "watch keys" in {task.get_name() for task in asyncio.all_tasks()}
    listener.trickle.go_on.set()
    await listener.call
    await until(lambda: "watch keys" not in {task.get_name() for task in asyncio.all_tasks()})


class SlowRows:
    """The keys' rows, read when it is time; what was asked for was asked before."""

    def __init__(self, database: Database) -> None:
        self.keys = self
        self.asked = asyncio.Event()
        self.time = asyncio.Event()
        self._database = database

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SlowRows]:
        yield self

    async def standing(self, keys: Collection[str]) -> dict[str, tuple[KeyStatus, int]]:
        self.asked.set()
        await self.time.wait()
        async with self._database.read() as uow:
            return await uow.keys.standing(keys)


async def test_a_call_that_begins_while_the_keys_are_looked_at_is_not_taken_for_one_whose_key_is_gone(
    bench: Bench,
) -> None:
    key, other = (await bench.set_key()).key, (await bench.set_key(provider="openai")).key
    rows = SlowRows(bench.database)
    watch = KeyWatch(cast("Database", rows), every=0.02)
    first = Listener(watch, key)
    await until(rows.asked.is_set)
    second = Listener(watch, other)
    await until(lambda: second.said == "One")
    rows.time.set()
    await asyncio.sleep(0.1)  # as long as a look and another one take
    for one in (first, second):
        one.trickle.go_on.set()
    assert await _ends([first, second]) == [None, None]
    assert second.said == "One two"
    await watch.stop()
