"""A key that was told to wait: nobody calls until then, and no storm comes after."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.keys import KeyStatus, ProviderKey
from app.errors import Paused
from app.services.key_gate import LONGEST_PAUSE, KeyGate

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = ProviderKey(
    "key",
    "slack:T1",
    "anthropic",
    "main",
    "",
    "f3a1",
    "ab",
    KeyStatus.VERIFIED,
    1,
    is_default=True,
    set_by="U1",
    set_at=AT,
)


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.at = AT

    def now(self) -> datetime:
        return self.at

    def go_on(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Callers:
    """Calls under one key, each of which begins to answer, or fails, when it is told to."""

    def __init__(self, gate: KeyGate) -> None:
        self.gate = gate
        self.trying: list[int] = []
        self._ends: dict[int, asyncio.Future[bool]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def call(self, name: int) -> asyncio.Task[None]:
        task = asyncio.create_task(self._call(name))
        self._tasks.add(task)
        return task

    async def _call(self, name: int) -> None:
        async with self.gate.turn("key") as answered:
            self.trying.append(name)
            self._ends[name] = asyncio.get_running_loop().create_future()
            if await self._ends[name]:
                answered()
        self.trying.remove(name)

    async def settle(self) -> list[int]:
        for _ in range(5):
            await asyncio.sleep(0)
        return list(self.trying)

    async def answer(self, *names: int) -> list[int]:
        for name in names:
            self._ends[name].set_result(True)
        return await self.settle()

    async def fail(self, name: int) -> list[int]:
        self._ends[name].set_result(False)
        return await self.settle()


async def test_nobody_is_kept_waiting_under_a_key_that_was_never_told_to() -> None:
    gate = KeyGate(Clock())
    callers = Callers(gate)
    for name in range(100):
        callers.call(name)
    assert await callers.settle() == list(range(100))
    assert gate.patience("key") == 0


async def test_a_key_waits_as_long_as_its_provider_says_and_other_keys_do_not() -> None:
    clock = Clock()
    gate = KeyGate(clock)
    gate.told_to_wait("key", 20)
    assert (gate.patience("key"), gate.patience("other")) == (20, 0)
    clock.go_on(15)
    assert gate.patience("key") == 5
    clock.go_on(5)
    assert gate.patience("key") == 0


async def test_where_the_provider_does_not_say_how_long_each_refusal_doubles_the_wait_up_to_a_limit() -> None:
    clock = Clock()
    gate, waits = KeyGate(clock), []
    for _ in range(8):
        gate.told_to_wait("key", None)
        waits.append(gate.patience("key"))
        clock.go_on(waits[-1])
    assert waits == [2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


async def test_a_provider_that_refuses_for_a_day_is_asked_as_seldom_as_before() -> None:
    clock = Clock()
    gate = KeyGate(clock)
    for _ in range(1440):
        gate.told_to_wait("key", None)
        clock.go_on(gate.patience("key"))
    gate.told_to_wait("key", None)
    assert gate.patience("key") == LONGEST_PAUSE


async def test_once_a_call_went_well_the_next_refusal_is_a_first_one_again() -> None:
    clock = Clock()
    gate = KeyGate(clock)
    callers = Callers(gate)
    for _ in range(3):
        gate.told_to_wait("key", None)
        clock.go_on(gate.patience("key"))
    callers.call(0)
    await callers.settle()
    await callers.answer(0)
    gate.told_to_wait("key", None)
    assert gate.patience("key") == 2


async def test_calls_that_were_all_under_way_count_as_one_refusal() -> None:
    clock = Clock()
    gate = KeyGate(clock)
    for _ in range(10):
        gate.told_to_wait("key", None)
    assert gate.patience("key") == 2


async def test_a_shorter_wait_does_not_cut_a_longer_one() -> None:
    gate = KeyGate(Clock())
    gate.told_to_wait("key", 30)
    gate.told_to_wait("key", 3)
    assert gate.patience("key") == 30


async def test_after_the_wait_they_come_one_by_one_and_then_ever_more_in_the_order_of_their_coming() -> None:
    clock = Clock()
    gate = KeyGate(clock)
    callers = Callers(gate)
    gate.told_to_wait("key", 1)
    clock.go_on(1)
    for name in range(60):
        callers.call(name)
    assert await callers.settle() == [0]
    assert await callers.answer(0) == [1, 2]
    assert await callers.answer(1, 2) == list(range(3, 11))
    assert await callers.answer(*range(3, 11)) == list(range(11, 60)), "by now it is as good as new"
    await callers.answer(*range(11, 60))


async def test_a_second_refusal_lets_nobody_else_through() -> None:
    clock = Clock()
    gate = KeyGate(clock)
    callers = Callers(gate)
    gate.told_to_wait("key", 1)
    clock.go_on(1)
    for name in range(4):
        callers.call(name)
    await callers.settle()
    assert await callers.answer(0) == [1, 2]
    gate.told_to_wait("key", 5)
    assert await callers.fail(1) == [2], "one at a time again, and one is still under way"


async def test_whoever_gives_up_waiting_leaves_their_place_to_the_next() -> None:
    clock = Clock()
    gate = KeyGate(clock)
    callers = Callers(gate)
    gate.told_to_wait("key", 0)
    first, second, _ = (callers.call(name) for name in range(3))
    assert await callers.settle() == [0]
    second.cancel()
    first.cancel()
    assert 2 in await callers.settle()


async def test_what_another_process_was_told_counts_here_too() -> None:
    clock = Clock()
    gate = KeyGate(clock)
    with pytest.raises(Paused) as paused:
        gate.must_not_wait(replace(KEY, paused_until=clock.now() + timedelta(seconds=9)))
    assert paused.value.retry_after == gate.patience("key") == 9
    clock.go_on(9)
    gate.must_not_wait(replace(KEY, paused_until=clock.now()))
    assert gate.patience("key") == 0


async def test_what_this_process_was_told_counts_before_it_is_written_down() -> None:
    clock = Clock()
    gate = KeyGate(clock)
    gate.told_to_wait("key", None, version=KEY.version)
    with pytest.raises(Paused):
        gate.must_not_wait(KEY)
    gate.told_to_wait("key", None, version=KEY.version)
    assert gate.patience("key") == 2, "one refusal still: both calls were under way"
    clock.go_on(2)
    gate.must_not_wait(KEY)


async def test_a_key_that_took_the_place_of_one_told_to_wait_is_not_told_to() -> None:
    gate = KeyGate(Clock())
    gate.told_to_wait("key", 600, version=KEY.version)
    gate.must_not_wait(replace(KEY, version=KEY.version + 1))
    assert gate.patience("key") == 0
