"""Both journals keep their promises: the durable one, and the one in memory that other tests use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.run import Json
from app.engine.journal import DurableJournal
from app.store.unit_of_work import Database
from tests.app.engines import EngineStage, PlainSealer
from tests.conformance.journal import JournalSuite, Play, Stage
from tests.fakes.journal import MemoryJournal


class MemoryStage(Stage):
    def __init__(self) -> None:
        super().__init__()
        self._journal = MemoryJournal()

    async def play(self, body: Play) -> None:
        await body(self._journal)

    async def play_interrupted(self, body: Play) -> None:
        playing = asyncio.ensure_future(body(self._journal))
        await self.interrupted.wait()
        playing.cancel()
        await asyncio.wait([playing])
        await body(MemoryJournal(self._journal.run, self._journal.memory))

    async def stop(self) -> None:
        self._journal.stop()

    async def signal(self, name: str, value: Json) -> None:
        self._journal.signal(name, value)


class TestMemoryJournal(JournalSuite):
    implements = MemoryJournal

    @pytest.fixture
    async def stage(self) -> Stage:
        return MemoryStage()


class TestDurableJournal(JournalSuite):
    implements = DurableJournal

    @pytest.fixture
    async def stage(self, database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
        stage = EngineStage(database, PlainSealer(), f"sqlite:///{tmp_path / 'engine.db'}")
        await stage.begin()
        yield stage
        await stage.end()
