"""What every Journal promises to the turn that is written on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.domain.run import Json
from app.errors import StepFailed, Stopped
from app.ports.engine import Journal

Play = Callable[[Journal], Awaitable[None]]


class Stage:
    """Lets an actor play on the journal under test."""

    def __init__(self) -> None:
        self.interrupted = asyncio.Event()

    async def forever(self) -> None:
        """Called in a body: there the actor is interrupted; played again, it goes on."""
        if not self.interrupted.is_set():
            self.interrupted.set()
            await asyncio.Event().wait()

    async def play(self, body: Play) -> None:
        """Let it play to its end."""
        raise NotImplementedError

    async def play_interrupted(self, body: Play) -> None:
        """Let it play up to `forever`; then, as after a restart, once more from the beginning to its end."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Do what Runs.stop does."""
        raise NotImplementedError

    async def signal(self, name: str, value: Json) -> None:
        """Do what Runs.signal does."""
        raise NotImplementedError


class JournalSuite:
    implements: type

    @pytest.fixture
    async def stage(self) -> Stage:
        raise NotImplementedError

    async def test_on_replay_a_step_is_not_done_again(self, stage: Stage) -> None:
        done: list[str] = []
        seen: list[Json] = []

        async def body(journal: Journal) -> None:
            for name in ("first", "second"):

                async def work(name: str = name) -> Json:
                    done.append(name)
                    return {"name": name, "list": (1, 2)}

                seen.append(await journal.step(name, work))
            await stage.forever()

        await stage.play_interrupted(body)
        assert done == ["first", "second"]
        assert seen == [{"name": "first", "list": [1, 2]}, {"name": "second", "list": [1, 2]}] * 2

    async def test_a_run_has_one_name_at_first_and_on_replay(self, stage: Stage) -> None:
        names: list[str] = []

        async def body(journal: Journal) -> None:
            names.append(journal.run)
            await journal.step("work", nothing)
            await stage.forever()

        await stage.play_interrupted(body)
        assert len(names) == 2
        assert names[0] == names[1] != ""

    async def test_what_a_step_raised_is_named_at_first_and_on_replay(self, stage: Stage) -> None:
        kinds: list[str] = []

        async def work() -> Json:
            raise KeyError("content that is nobody's business")

        async def body(journal: Journal) -> None:
            with pytest.raises(StepFailed) as raised:
                await journal.step("work", work)
            kinds.append(raised.value.kind)
            assert "business" not in str(raised.value)
            await stage.forever()

        await stage.play_interrupted(body)
        assert kinds == ["KeyError", "KeyError"]

    async def test_stopped_work_may_return_what_it_has(self, stage: Stage) -> None:
        seen: list[Json] = []
        begun = asyncio.Event()

        async def body(journal: Journal) -> None:
            async def work() -> Json:
                try:
                    begun.set()
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    if not journal.stopping:
                        raise
                return "so far"

            seen.append(await journal.step("work", work, stoppable=True))
            await stage.forever()

        async with asyncio.TaskGroup() as group:
            group.create_task(stage.play_interrupted(body))
            await begun.wait()
            await stage.stop()
        assert seen == ["so far", "so far"]

    async def test_stopped_work_that_returns_nothing_raises_stopped_at_first_and_on_replay(self, stage: Stage) -> None:
        stopped: list[bool] = []
        begun = asyncio.Event()

        async def work() -> Json:
            begun.set()
            await asyncio.Event().wait()
            return None

        async def body(journal: Journal) -> None:
            with pytest.raises(Stopped):
                await journal.step("work", work, stoppable=True)
            stopped.append(True)
            await stage.forever()

        async with asyncio.TaskGroup() as group:
            group.create_task(stage.play_interrupted(body))
            await begun.wait()
            await stage.stop()
        assert stopped == [True, True]

    async def test_a_stop_does_not_cancel_what_is_not_stoppable(self, stage: Stage) -> None:
        seen: list[Json] = []
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def work() -> Json:
            begun.set()
            await go_on.wait()
            return "whole"

        async def body(journal: Journal) -> None:
            seen.append(await journal.step("work", work))

        async with asyncio.TaskGroup() as group:
            group.create_task(stage.play(body))
            await begun.wait()
            await stage.stop()
            go_on.set()
        assert seen == ["whole"]

    async def test_a_wait_ends_with_the_signal_or_with_its_time(self, stage: Stage) -> None:
        seen: list[Json] = []
        begun = asyncio.Event()

        async def mark() -> Json:
            begun.set()
            return None

        async def body(journal: Journal) -> None:
            await journal.step("begin", mark)
            seen.append(await journal.wait("go", 20))
            seen.append(await journal.wait("go", 0.01))

        async with asyncio.TaskGroup() as group:
            group.create_task(stage.play(body))
            await begun.wait()
            await stage.signal("go", "now")
        assert seen == ["now", None]

    async def test_a_stop_wakes_who_waits(self, stage: Stage) -> None:
        seen: list[Json] = []
        begun = asyncio.Event()

        async def mark() -> Json:
            begun.set()
            return None

        async def body(journal: Journal) -> None:
            await journal.step("begin", mark)
            seen.append(await journal.wait("stop", 20))

        async with asyncio.TaskGroup() as group:
            group.create_task(stage.play(body))
            await begun.wait()
            await stage.stop()
        assert seen == [True]


async def nothing() -> Json:
    return None
