"""Periodic work goes on whatever happens, and stops when told."""

from __future__ import annotations

import asyncio

from app.services.schedule import Schedule


async def test_work_that_fails_is_done_again() -> None:
    done, third = 0, asyncio.Event()

    async def work() -> None:
        nonlocal done
        done += 1
        if done == 3:
            third.set()
        raise RuntimeError

    schedule = Schedule()
    schedule.every(0.001, work, name="x")
    await asyncio.wait_for(third.wait(), 5)
    await schedule.stop()


async def test_nothing_is_done_after_stopping() -> None:
    begun, ended = asyncio.Event(), False

    async def work() -> None:
        nonlocal ended
        begun.set()
        await asyncio.sleep(60)
        ended = True

    schedule = Schedule()
    schedule.every(1, work, name="x")
    await begun.wait()
    await asyncio.wait_for(schedule.stop(), 5)
    assert not ended
