"""What every Sandbox promises."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.ports.sandbox import Limits, Outcome, Sandbox

SHORT = Limits(seconds=1.0, output=2_000)


class SandboxSuite:
    """Bind with a fixture `sandbox`."""

    @pytest.fixture
    def sandbox(self) -> Sandbox | AsyncIterator[Sandbox]:
        """The sandbox under test."""
        raise NotImplementedError

    async def test_the_hostile_probe_finds_nothing(self, sandbox: Sandbox) -> None:
        await sandbox.self_test()

    async def test_what_is_printed_and_the_last_value_are_its_output(self, sandbox: Sandbox) -> None:
        result = await sandbox.run("print('one')\n1 + 1")
        assert (result.outcome, result.output) == (Outcome.OK, "one\n2")

    async def test_a_last_line_that_is_no_expression_is_just_run(self, sandbox: Sandbox) -> None:
        assert (await sandbox.run("x = [\n  1,\n]\nfor y in x: print(y)")).output == "1"
        assert (await sandbox.run("x = 1")).output == ""

    async def test_an_error_of_the_code_is_told_with_its_place(self, sandbox: Sandbox) -> None:
        result = await sandbox.run("x = 1\ny = x / 0")
        assert result.outcome is Outcome.ERROR
        assert "line 2" in result.output
        assert "ZeroDivisionError" in result.output

    async def test_what_is_no_python_is_an_error_of_the_code(self, sandbox: Sandbox) -> None:
        result = await sandbox.run("x = = 1")
        assert result.outcome is Outcome.ERROR
        assert "SyntaxError" in result.output

    async def test_nothing_is_kept_between_runs(self, sandbox: Sandbox) -> None:
        await sandbox.run("kept = 1")
        assert "NameError" in (await sandbox.run("kept")).output

    async def test_time_ends_and_what_was_printed_before_is_told(self, sandbox: Sandbox) -> None:
        result = await sandbox.run("print('begun')\nwhile True: pass", limits=SHORT)
        assert (result.outcome, result.output) == (Outcome.TIMEOUT, "begun")

    async def test_output_ends_at_its_limit(self, sandbox: Sandbox) -> None:
        result = await sandbox.run("while True: print('x' * 100)", limits=SHORT)
        assert result.outcome is Outcome.OUTPUT_LIMIT
        assert 0 < len(result.output) <= SHORT.output

    async def test_it_goes_on_serving_after_something_was_ended(self, sandbox: Sandbox) -> None:
        for _ in range(6):
            await sandbox.run("while True: print('x' * 100)", limits=SHORT)
        assert (await sandbox.run("1")).output == "1"


class FullSandboxSuite(SandboxSuite):
    """For those with a whole Python and files."""

    async def test_files_go_in_under_harmless_names(self, sandbox: Sandbox) -> None:
        code = "import os\nprint(sorted(os.listdir()))\nprint(open('in.csv').read())"
        result = await sandbox.run(code, files={"in.csv": b"1,2", "../../etc/x\0y": b"", "a/b": b"", ".hidden": b""})
        assert result.output == "['_.._etc_x_y', 'a_b', 'hidden', 'in.csv']\n1,2"

    async def test_files_that_it_wrote_or_changed_come_back_and_others_do_not(self, sandbox: Sandbox) -> None:
        code = "open('out.txt', 'w').write('new')\nopen('b', 'a').write('!')\nNone"
        result = await sandbox.run(code, files={"a": b"a", "b": b"b"})
        assert result.files == {"out.txt": b"new", "b": b"b!"}

    async def test_links_folders_and_what_is_too_large_stay_inside_and_are_named(self, sandbox: Sandbox) -> None:
        code = (
            "import os\nos.symlink('/etc/passwd', 'link')\nos.mkdir('folder')\n"
            "open('large', 'wb').write(b'x' * 5000)\nNone"
        )
        result = await sandbox.run(code, limits=Limits(file_bytes=4096))
        assert result.files == {}
        for name in ("link", "folder", "large"):
            assert f"(Not handed on: {name}: " in result.output

    async def test_no_more_files_come_back_than_agreed(self, sandbox: Sandbox) -> None:
        code = "for n in range(9): open(f'f{n}', 'w').write('x')\nNone"
        result = await sandbox.run(code, limits=Limits(files=2))
        assert list(result.files) == ["f0", "f1"]
        assert "only 2 files" in result.output

    async def test_a_run_that_kills_itself_or_what_watches_it_is_told_as_killed(self, sandbox: Sandbox) -> None:
        for code in ("os.kill(os.getpid(), 9)", "os.kill(os.getppid(), 9)\nimport time; time.sleep(9)"):
            result = await sandbox.run(f"import os\n{code}", limits=Limits(seconds=3.0))
            assert result.outcome in {Outcome.KILLED, Outcome.TIMEOUT}
            assert result.files == {}

    async def test_a_folder_nobody_can_clean_up_is_cleaned_up(self, sandbox: Sandbox) -> None:
        code = "import os\nfor n in range(3000):\n  os.mkdir('d')\n  os.chdir('d')\nos.mkdir('locked', 0)\nNone"
        assert (await sandbox.run(code)).outcome in {Outcome.OK, Outcome.ERROR, Outcome.KILLED}
        assert (await sandbox.run("1")).output == "1"
