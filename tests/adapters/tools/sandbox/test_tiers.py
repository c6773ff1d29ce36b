"""Every tier that this machine can have, against hostile code. Nothing here is skipped: what a kernel can't do must be refused, with words."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.tools.sandbox.bwrap import Bubblewrap
from adapters.tools.sandbox.monty import Monty
from adapters.tools.sandbox.runner import Runner
from app.ports.sandbox import Limits, Outcome, SandboxUnavailable
from tests.adapters.tools.sandbox.container import NO_NETWORK, runner
from tests.conformance.sandbox import FullSandboxSuite, SandboxSuite


def workers() -> list[Path]:
    """Processes of Monty that this test started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if words[0].endswith(b"/monty") and parent == str(os.getpid()):
            found.append(entry)
    return found


class TestMonty(SandboxSuite):
    @pytest.fixture
    async def sandbox(self) -> AsyncIterator[Monty]:
        sandbox = Monty()
        yield sandbox
        await sandbox.aclose()

    async def test_its_workers_are_held_by_the_kernel_too_and_see_no_environment(self, sandbox: Monty) -> None:
        assert sandbox.confined
        await sandbox.run("1")
        waiting: list[Path] = []
        async with asyncio.timeout(10):
            while not waiting:
                await asyncio.sleep(0.02)
                waiting = workers()
        for worker in waiting:
            assert "\nNoNewPrivs:\t1\n" in (worker / "status").read_text()
            assert "\nSeccomp:\t2\n" in (worker / "status").read_text()
            assert (worker / "environ").read_bytes() == b""

    async def test_none_of_its_workers_is_left_after_its_end(self) -> None:
        sandbox = Monty()
        await sandbox.run("while True: pass", limits=Limits(seconds=0.2))
        await sandbox.aclose()
        assert workers() == []

    async def test_files_are_in_a_dict_as_text_where_they_are_text(self, sandbox: Monty) -> None:
        files = {"a.csv": b"\xef\xbb\xbf1,2", "b": b"\xff"}
        assert (await sandbox.run("files", files=files)).output == "{'a.csv': '1,2', 'b': b'\\xff'}"

    async def test_a_value_without_end_is_not_taken_back(self, sandbox: Monty) -> None:
        result = await sandbox.run("x = [0]\nfor _ in range(60): x = [x, x]\nx", limits=Limits(seconds=1.0, output=500))
        assert result.outcome is not Outcome.OK


class TestBubblewrap(FullSandboxSuite):
    @pytest.fixture
    async def sandbox(self) -> AsyncIterator[Bubblewrap]:
        sandbox = Bubblewrap()
        yield sandbox
        await sandbox.aclose()

    async def test_code_is_nobody_in_a_world_with_two_folders(self, sandbox: Bubblewrap) -> None:
        result = await sandbox.run(
            "import os\nprint(os.getuid(), os.getcwd(), os.listdir('/home') if os.path.exists('/home') else '-')"
        )
        assert result.output == "65534 /box -"


class TestRunner(FullSandboxSuite):
    @pytest.fixture
    async def sandbox(self, tmp_path: Path) -> AsyncIterator[Runner]:
        async with runner(tmp_path) as socket:
            yield Runner(socket)

    async def test_a_run_ends_when_nobody_waits_for_it(self, sandbox: Runner) -> None:
        asked = asyncio.create_task(sandbox.run("import time\ntime.sleep(60)"))
        await asyncio.sleep(0)
        assert (await sandbox.run("1")).output == "1"
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        for _ in range(4):  # as many as run at once: none of their places is taken
            assert (await sandbox.run("1", limits=Limits(seconds=5.0))).output == "1"


@pytest.mark.parametrize(
    ("walls", "setting", "read_only", "why"),
    [
        (("--unshare-uts",), (), True, "it has a network"),
        (NO_NETWORK, ("--setenv", "SLACK_BOT_TOKEN", "x"), True, "its environment holds SLACK_BOT_TOKEN"),
        (NO_NETWORK, (), False, "its file system can be written to"),
    ],
)
async def test_a_runner_that_is_no_container_of_its_own_is_refused(
    tmp_path: Path, walls: tuple[str, ...], setting: tuple[str, ...], read_only: bool, why: str
) -> None:
    async with runner(tmp_path, walls, setting, read_only=read_only) as socket:
        with pytest.raises(SandboxUnavailable, match=why):
            await Runner(socket).self_test()


async def test_a_runner_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="there is no runner"):
        await Runner(tmp_path / "none").self_test()
