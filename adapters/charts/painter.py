"""The process that draws: begun when there is something to draw, ended when there has been nothing for a while, and begun anew after a crash."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import structlog

from adapters.charts import worker
from app.domain.charts import Chart
from app.ports.charts import NotPainted

log = structlog.get_logger(__name__)

SECONDS = 15.0
"""For one picture, with the start of the process and the wait for others."""

IDLE = 600.0
_MOST_BARS, _MOST_SERIES = 100, 12
_LONGEST = 200
_LARGEST = 2_000_000

_START = "import sys; sys.path.append({place!r}); from worker import main; main.start()"


class Painter:
    """See ChartPainter. One picture at a time, in one process that holds nothing of ours but what it is asked to draw."""

    def __init__(self, *, seconds: float = SECONDS, idle: float = IDLE) -> None:
        self._seconds = seconds
        self._idle = idle
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._folder = ""
        self._rest: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[bytes]] = set()

    async def paint(self, chart: Chart) -> bytes:
        """See ChartPainter. Who waits no longer does not end it: the next would find the process gone."""
        task = asyncio.create_task(self._painted(_job(chart)))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """See ChartPainter."""
        for task in set(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._end()
        if self._folder:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder = ""

    async def _painted(self, job: bytes) -> bytes:
        try:
            async with asyncio.timeout(self._seconds), self._turn:
                try:
                    picture = await self._asked(job)
                    self._rest = asyncio.get_running_loop().call_later(self._idle, self._tire)
                except BaseException:
                    await self._end()  # what it would say now is the answer to nobody's question
                    raise
        except TimeoutError:
            raise _why("drawing it took too long") from None
        except (OSError, asyncio.IncompleteReadError):
            raise _why("the process that draws has ended") from None
        if not picture:
            raise _why("it can't be drawn")
        return picture

    async def _asked(self, job: bytes) -> bytes:
        process = await self._running()
        assert process.stdin is not None  # noqa: S101 - both were asked for as pipes
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(len(job).to_bytes(4, "big") + job)
        await process.stdin.drain()
        size = int.from_bytes(await process.stdout.readexactly(4), "big")
        if size > _LARGEST:
            raise OSError
        return await process.stdout.readexactly(size)

    async def _running(self) -> asyncio.subprocess.Process:
        if self._rest is not None:
            self._rest.cancel()
        if self._process is None or self._process.returncode is not None or _was_let_go(self._process):
            await self._end()
            self._process = await self._begun()
        return self._process

    async def _begun(self) -> asyncio.subprocess.Process:
        if not self._folder:
            self._folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="latchkey-charts-")
        place = str(Path(next(iter(worker.__path__))).parent)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-B", "-X", "utf8", "-c", _START.format(place=place)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={
                "MPLCONFIGDIR": self._folder,
                "HOME": self._folder,
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
            },
            cwd="/",
            start_new_session=True,
        )

    async def _end(self) -> None:
        process, self._process = self._process, None
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _tire(self) -> None:
        """An end of what it reads is how it learns that nobody asks any more; whoever asks next begins another."""
        if not self._turn.locked() and self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _done(self, task: asyncio.Task[bytes]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may have gone


def _was_let_go(process: asyncio.subprocess.Process) -> bool:
    return process.stdin is None or process.stdin.is_closing()


def _why(reason: str) -> NotPainted:
    log.warning("a chart was not painted", reason=reason)
    return NotPainted(reason)


def _job(chart: Chart) -> bytes:
    """What is drawn; names are cut, what would be no picture is refused before a process sees it."""
    rows = [[float(value) for value in one.values] for one in chart.series]
    whole = all(len(row) == len(chart.labels) and all(0 <= value < float("inf") for value in row) for row in rows)
    if not (whole and 0 < len(chart.labels) <= _MOST_BARS and len(rows) <= _MOST_SERIES):
        raise _why("it is not made of bars that can be drawn")
    names = [one.name[:_LONGEST] for one in chart.series]
    labels = [label[:_LONGEST] for label in chart.labels]
    return json.dumps({"labels": labels, "names": names, "values": rows, "unit": chart.unit[:8]}).encode()
