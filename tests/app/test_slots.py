"""Slots: a workspace gets as many as is set now, in the order of asking; who gave up waiting leaves nothing behind."""

from __future__ import annotations

import asyncio

from app.services.slots import Slots


class Setting:
    """What an admin has set."""

    def __init__(self, runs: int) -> None:
        self.runs = runs

    async def __call__(self, workspace: str) -> int:
        return self.runs


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def asking(slots: Slots, count: int, workspace: str = "slack:T1") -> list[asyncio.Task[None]]:
    return [asyncio.create_task(slots.take(workspace)) for _ in range(count)]


def let_in(tasks: list[asyncio.Task[None]]) -> list[bool]:
    return [task.done() for task in tasks]


async def end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_workspace_gets_as_many_as_are_set_in_the_order_of_asking() -> None:
    slots = Slots(overall=10, per_workspace=Setting(2))
    tasks = asking(slots, 4)
    await settled()
    assert let_in(tasks) == [True, True, False, False]
    slots.give_back("slack:T1")
    await settled()
    assert let_in(tasks) == [True, True, True, False]
    await end(tasks)


async def test_a_raised_limit_lets_in_those_who_wait_when_next_somebody_asks() -> None:
    setting = Setting(1)
    slots = Slots(overall=10, per_workspace=setting)
    tasks = asking(slots, 3)
    await settled()
    setting.runs = 3
    tasks += asking(slots, 1)
    await settled()
    assert let_in(tasks) == [True, True, True, False]
    await end(tasks)


async def test_a_lowered_limit_lets_nobody_in_until_enough_have_left() -> None:
    setting = Setting(3)
    slots = Slots(overall=10, per_workspace=setting)
    tasks = asking(slots, 3)
    await settled()
    setting.runs = 1
    tasks += asking(slots, 1)
    for expected in (False, False, True):
        slots.give_back("slack:T1")
        await settled()
        assert tasks[3].done() is expected
    await end(tasks)


async def test_who_gives_up_waiting_leaves_the_place_to_the_next() -> None:
    slots = Slots(overall=10, per_workspace=Setting(1))
    tasks = asking(slots, 3)
    await settled()
    tasks[1].cancel()
    slots.give_back("slack:T1")
    await settled()
    assert tasks[1].cancelled()
    assert tasks[2].done()
    await end(tasks)


async def test_who_was_let_in_and_cancelled_at_once_gives_the_place_back() -> None:
    slots = Slots(overall=10, per_workspace=Setting(1))
    tasks = asking(slots, 2)
    await settled()
    slots.give_back("slack:T1")
    tasks[1].cancel()
    await settled()
    last = asking(slots, 1)
    await settled()
    assert let_in(last) == [True]


async def test_one_busy_workspace_leaves_room_for_others() -> None:
    slots = Slots(overall=3, per_workspace=Setting(2))
    flood, quiet = asking(slots, 5), asking(slots, 1, "slack:T2")
    await settled()
    assert let_in(quiet) == [True]
    assert sum(let_in(flood)) == 2
    await end(flood)
