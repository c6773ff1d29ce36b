"""The tool that runs code: what the model is told, what the thread gets."""

import base64
from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

import pytest

from adapters.tools.sandbox.bwrap import Bubblewrap
from adapters.tools.sandbox.monty import Monty
from app.domain.chat import FileRef
from app.errors import PlatformError
from app.ports.sandbox import USUAL, CodeResult, Limits, Outcome, SandboxUnavailable, Tier
from app.services.tools.run_code import LONGEST_CODE, SHOWN, RunCode
from tests.conformance.tool import ToolSuite

SALES = FileRef("F1", "sales.csv", "text/csv", 20)
GONE = FileRef("F2", "gone.csv", "text/csv", 20)
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20


class Scripted:
    """A sandbox that answers what it is told to."""

    name = "runner"
    tier = Tier.CONTAINER

    def __init__(self, answer: CodeResult | Exception, *, full: bool = True, packages: tuple[str, ...] = ()) -> None:
        self.answer = answer
        self.full = full
        self.packages = packages
        self.given: list[Mapping[str, bytes]] = []
        self.limits = USUAL

    async def self_test(self) -> None:
        return

    async def run(self, code: str, *, files: Mapping[str, bytes] | None = None, limits: Limits = USUAL) -> CodeResult:
        self.given.append(dict(files or {}))
        self.limits = limits
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def aclose(self) -> None:
        return


async def download(file: FileRef, _limit: int) -> bytes:
    if file is GONE:
        raise PlatformError("It is gone.")
    return b"month,total\n1,40\n2,2\n"


async def redact(text: str) -> str:
    return text.replace("sk-test-1", "[key]")


def tool_of(sandbox: Scripted | Monty | Bubblewrap, *files: FileRef) -> RunCode:
    return RunCode(sandbox, files, download, redact)


class TestRunCodeInMonty(ToolSuite):
    good: ClassVar = {"code": "1 + 1"}
    bad = ({}, {"code": ""}, {"code": 7}, {"code": "x" * (LONGEST_CODE + 1)}, {"code": "1", "files": []})

    @pytest.fixture
    async def tool(self) -> AsyncIterator[RunCode]:
        sandbox = Monty()
        yield tool_of(sandbox, SALES)
        await sandbox.aclose()

    async def test_it_reads_the_questions_file(self, tool: RunCode) -> None:
        code = "import csv\nsum(int(row['total']) for row in csv.DictReader(files['sales.csv'].splitlines()))"
        assert (await tool.call("c", {"code": code})).content == "42"

    def test_the_model_is_told_which_python_it_is(self, tool: RunCode) -> None:
        assert "small interpreter" in tool.spec.description
        assert "`files`" in tool.spec.description


class TestRunCodeInBubblewrap(ToolSuite):
    good: ClassVar = {"code": "1 + 1"}
    bad = ({}, {"code": None})

    @pytest.fixture
    async def tool(self) -> AsyncIterator[RunCode]:
        sandbox = Bubblewrap()
        yield tool_of(sandbox, SALES)
        await sandbox.aclose()

    async def test_it_reads_the_questions_file_and_hands_on_what_it_wrote(self, tool: RunCode) -> None:
        result = await tool.call("c", {"code": "open('copy.csv', 'w').write(open('sales.csv').read())\nNone"})
        (made,) = result.files
        assert (made.name, made.media_type) == ("copy.csv", "text/csv")
        assert base64.b64decode(made.data) == await download(SALES, 100)
        assert "Sent to the thread: copy.csv." in result.content


async def test_a_picture_is_one_by_its_bytes_and_not_by_its_name() -> None:
    answer = CodeResult(Outcome.OK, "", {"chart.png": PNG, "page.png": b"<html>", "page.svg": b"<svg/>"})
    result = await tool_of(Scripted(answer)).call("c", {"code": "1"})
    assert [file.media_type for file in result.files] == [
        "image/png",
        "application/octet-stream",
        "application/octet-stream",
    ]


async def test_keys_in_what_code_prints_are_taken_out() -> None:
    result = await tool_of(Scripted(CodeResult(Outcome.OK, "found sk-test-1"))).call("c", {"code": "1"})
    assert result.content == "found [key]"


async def test_long_output_keeps_its_beginning_and_its_end() -> None:
    result = await tool_of(Scripted(CodeResult(Outcome.OK, "a" * SHOWN + "z" * 10))).call("c", {"code": "1"})
    assert len(result.content) < SHOWN + 100
    assert "(10 characters left out)" in result.content
    assert result.content.endswith("z" * 10)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome.ERROR, "raised an error"),
        (Outcome.TIMEOUT, "longer than 20 seconds"),
        (Outcome.OUTPUT_LIMIT, "printed too much"),
        (Outcome.KILLED, "too much memory"),
    ],
)
async def test_how_a_run_ended_is_told_with_what_it_printed_before(outcome: Outcome, said: str) -> None:
    result = await tool_of(Scripted(CodeResult(outcome, "so far"))).call("c", {"code": "1"})
    assert result.is_error
    assert said in result.content
    assert "so far" in result.content


async def test_a_sandbox_that_went_away_is_a_failed_result_without_details() -> None:
    result = await tool_of(Scripted(SandboxUnavailable("there is no runner at /run/x"))).call("c", {"code": "1"})
    assert (result.content, result.is_error) == ("Code can't be run at the moment.", True)


async def test_a_file_that_cannot_be_loaded_is_named_and_others_are_there() -> None:
    sandbox = Scripted(CodeResult(Outcome.OK, "1"))
    result = await tool_of(sandbox, SALES, GONE, SALES).call("c", {"code": "1"})
    assert list(sandbox.given[0]) == ["sales.csv", "2-sales.csv"]
    assert "could not be loaded, or are too large: gone.csv" in result.content


async def test_libraries_are_named_to_the_model_and_given_room() -> None:
    sandbox = Scripted(CodeResult(Outcome.OK, "1"), packages=("numpy", "pandas"))
    tool = tool_of(sandbox)
    await tool.call("c", {"code": "1"})
    assert "numpy, pandas" in tool.spec.description
    assert sandbox.limits.memory > USUAL.memory
