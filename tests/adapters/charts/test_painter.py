"""Charts painted by matplotlib, in a process that may die, hang or be told nonsense."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.charts.painter import Painter
from app.ports.charts import ChartPainter, NotPainted
from tests.conformance.asking import until
from tests.conformance.chart_painter import PNG, ChartPainterSuite, spent
from tests.fakes.charts import FakePainter


@pytest.fixture(name="painter")
async def _painter() -> AsyncIterator[Painter]:
    painter = Painter()
    yield painter
    await painter.aclose()


class TestPainter(ChartPainterSuite):
    implements = Painter

    @pytest.fixture
    async def painter(self) -> AsyncIterator[ChartPainter]:
        painter = Painter()
        yield painter
        await painter.aclose()


class TestFakePainter(ChartPainterSuite):
    implements = FakePainter

    @pytest.fixture
    def painter(self) -> ChartPainter:
        return FakePainter()


def running(painter: Painter) -> asyncio.subprocess.Process:
    assert painter._process is not None
    return painter._process


async def test_a_picture_is_twice_as_fine_as_a_phone_is_wide(painter: Painter) -> None:
    made = await painter.paint(spent(31, 8))
    width, height = struct.unpack(">II", made[16:24])
    assert (width, 350 < height < 600) == (600, True)


async def test_one_process_paints_picture_after_picture(painter: Painter) -> None:
    await painter.paint(spent(7, 3))
    first = running(painter).pid
    await painter.paint(spent(8, 3))
    assert running(painter).pid == first


async def test_after_its_process_was_killed_in_the_middle_the_next_chart_is_painted(painter: Painter) -> None:
    await painter.paint(spent(7, 3))
    process = running(painter)
    os.kill(process.pid, signal.SIGSTOP)  # in the middle, for certain
    painting = asyncio.create_task(painter.paint(spent(31, 8)))
    await until(painter._turn.locked)
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(NotPainted):
        await painting
    assert (await painter.paint(spent(31, 8))).startswith(PNG)


async def test_a_chart_asked_for_just_when_the_process_was_let_go_is_painted_by_another() -> None:
    painter = Painter(idle=0.0)
    try:
        for _ in range(2):
            assert (await painter.paint(spent(7, 3))).startswith(PNG)
            await asyncio.sleep(0)  # its idle time is over, and it has not ended yet
            await asyncio.sleep(0)
    finally:
        await painter.aclose()


async def test_a_process_that_died_between_two_charts_is_noticed_before_the_next(painter: Painter) -> None:
    await painter.paint(spent(7, 3))
    process = running(painter)
    process.kill()
    await process.wait()
    assert (await painter.paint(spent(8, 3))).startswith(PNG)


async def test_what_takes_too_long_is_ended_and_the_next_chart_is_painted(painter: Painter) -> None:
    await painter.paint(spent(7, 3))
    process, patience = running(painter), painter._seconds
    os.kill(process.pid, signal.SIGSTOP)
    painter._seconds = 0.2
    with pytest.raises(NotPainted):
        await painter.paint(spent(31, 8))
    assert process.returncode == -signal.SIGKILL
    painter._seconds = patience
    assert (await painter.paint(spent(31, 8))).startswith(PNG)


async def test_who_waits_no_longer_does_not_end_the_process_for_others(painter: Painter) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await painter.paint(spent(7, 3))
    assert (await painter.paint(spent(7, 3))).startswith(PNG)


async def test_nothing_is_left_of_it_after_its_end(painter: Painter) -> None:
    await painter.paint(spent(7, 3))
    process, folder = running(painter), Path(painter._folder)
    assert await asyncio.to_thread(folder.is_dir)
    await painter.aclose()
    assert process.returncode is not None
    assert not await asyncio.to_thread(folder.exists)


async def test_it_rests_when_nobody_asks_and_begins_again() -> None:
    painter = Painter(idle=0.2)
    try:
        await painter.paint(spent(7, 3))
        process = running(painter)
        await asyncio.wait_for(process.wait(), 10)
        assert process.returncode == 0
        assert (await painter.paint(spent(7, 3))).startswith(PNG)
    finally:
        await painter.aclose()


async def test_the_process_has_nothing_of_the_services_environment(
    painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATCHKEY_MASTER_KEY", "do-not-hand-on")
    await painter.paint(spent(7, 3))
    handed = _environment(running(painter).pid)
    assert b"LATCHKEY" not in handed
    assert b"MPLCONFIGDIR=" in handed


def _environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def test_matplotlib_is_loaded_nowhere_but_in_that_process() -> None:
    code = "import sys, app.main, adapters.charts.painter; sys.exit(any(m in sys.modules for m in ('matplotlib', 'numpy', 'PIL')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
