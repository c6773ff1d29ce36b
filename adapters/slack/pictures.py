"""Charts of a screen as pictures: painted, sent to Slack without being shared anywhere, named by a block, and deleted after a day."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from adapters.slack import uploads
from adapters.slack.identity import Json, items, obj, string
from adapters.slack.installations import Installation
from adapters.slack.render import Files
from adapters.slack.web_api import SlackNotReachable, SlackRefused, WebApi
from app.domain.views import Chart, View
from app.errors import PlatformError
from app.ports.charts import ChartPainter, painted

log = structlog.get_logger(__name__)

LIFE = 24 * 3600.0
"""Seconds that a picture stays at Slack: who looks at an older screen sees what it said instead."""

NAME = "latchkey-chart.png"
_AGAIN = 3600.0
_PAINTING, _SENDING = 8.0, 15.0
_PAUSE = 1.0
_MOST = 500


@dataclass(frozen=True, slots=True)
class _Kept:
    team: str
    file: str
    at: float


class Pictures:
    """Screens are shown with their charts as pictures where all goes well, and as numbers where anything does not."""

    def __init__(
        self,
        web: WebApi,
        painter: ChartPainter | None,
        *,
        life: float = LIFE,
        now: Callable[[], float] = time.time,
        every: float = _AGAIN,
    ) -> None:
        self._web = web
        self._painter = painter
        self._life = life
        self._now = now
        self._every = every
        self._newest: dict[tuple[str, Chart], _Kept] = {}
        self._kept: deque[_Kept] = deque()
        self._looked: dict[str, float] = {}
        self._tidying: dict[str, asyncio.Task[None]] = {}

    def wanted(self, view: View | None) -> bool:
        """Whether showing this takes the time that painting does."""
        return self._painter is not None and view is not None and any(isinstance(one, Chart) for one in view.blocks)

    async def show(self, here: Installation, view: View, send: Callable[[Files], Awaitable[None]]) -> None:
        """Send a screen with its pictures; without them where Slack refuses them. Raises what sending it without raises."""
        pictures = await self.of(here, view)
        if pictures and await self._taken(pictures, send):
            return
        await send({})

    async def of(self, here: Installation, view: View) -> Files:
        """Pictures of the charts of a screen, by their files; fewer than there are charts, or none, where something fails."""
        if not self.wanted(view):
            return {}
        charts = [block for block in view.blocks if isinstance(block, Chart)]
        files = {chart: kept.file for chart in charts if (kept := self._known(here, chart))}
        missing = View(blocks=tuple(chart for chart in charts if chart not in files))
        for chart, data in (await painted(self._painter, (missing,), seconds=_PAINTING)).items():
            try:
                async with asyncio.timeout(_SENDING):
                    file = await uploads.keep(self._web, here, NAME, data)
            except (PlatformError, TimeoutError) as error:
                reason = error.message if isinstance(error, PlatformError) else "it took too long"
                log.warning("slack did not take a chart", reason=reason)
            else:
                files[chart] = file
                self._newest[here.me.team, chart] = kept = _Kept(here.me.team, file, self._now())
                self._kept.append(kept)
        if self._kept and here.me.team not in self._tidying:
            self._tidying[here.me.team] = asyncio.create_task(self._keep_tidy(here))
        return files

    async def close(self) -> None:
        """Tidy no more: the next process finds what is left."""
        for task in self._tidying.values():
            task.cancel()
        await asyncio.gather(*self._tidying.values(), return_exceptions=True)

    async def _taken(self, pictures: Files, send: Callable[[Files], Awaitable[None]]) -> bool:
        """Twice: a file that Slack calls ready may not be for every part of Slack."""
        for pause in (_PAUSE, 0.0):
            try:
                await send(pictures)
            except SlackNotReachable:
                raise
            except SlackRefused as error:
                log.info("slack did not show a chart", reason=error.message)
                await asyncio.sleep(pause)
            else:
                return True
        for key in [key for key, kept in self._newest.items() if kept.file in pictures.values()]:
            del self._newest[key]
        return False

    def _known(self, here: Installation, chart: Chart) -> _Kept | None:
        kept = self._newest.get((here.me.team, chart))
        return kept if kept and self._now() - kept.at < _AGAIN else None

    async def _keep_tidy(self, here: Installation) -> None:
        while True:
            await self._tidy(here)
            await asyncio.sleep(self._every)

    async def _tidy(self, here: Installation) -> None:
        """Delete what is old, and now and then what nobody here knows of: a process before this one sent it."""
        team, now = here.me.team, self._now()
        self._newest = {key: kept for key, kept in self._newest.items() if now - kept.at < _AGAIN}
        mine = [kept for kept in self._kept if kept.team == team]
        old = [kept for at, kept in enumerate(mine) if now - kept.at >= self._life or at < len(mine) - _MOST]
        for kept in old:
            self._kept.remove(kept)
        files = [kept.file for kept in old]
        if now - self._looked.get(team, 0.0) >= self._life:
            self._looked[team] = now
            files += await self._left(here, now - self._life)
        await self._delete(here, files)

    async def _left(self, here: Installation, before: float) -> list[str]:
        found: list[str] = []
        asked = {"user": here.me.bot_user, "ts_to": int(before), "types": "images", "count": 200}
        with contextlib.suppress(PlatformError):
            answer = await self._web.form(here.token, "files.list", asked)
            listed = [obj(one) for one in items(answer.get("files"))]
            found = [string(one.get("id")) for one in listed if one.get("name") == NAME and _is_before(one, before)]
        return found

    async def _delete(self, here: Installation, files: Iterable[str]) -> None:
        for file in files:
            with contextlib.suppress(PlatformError):  # gone already; or the next process finds it
                await self._web.call(here.token, "files.delete", {"file": file})


def _is_before(file: Json, moment: float) -> bool:
    """Said by the file itself: what is deleted by mistake is gone."""
    made = file.get("created")
    return isinstance(made, int) and 0 < made < moment
