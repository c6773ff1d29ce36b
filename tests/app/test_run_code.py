"""The tool that runs code: what the model is told, what the thread gets."""

import base64
from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

import pytest

from adapters.tools.sandbox.bwrap import Bubblewrap
from adapters.tools.sandbox.monty import Monty
from app.domain.agent import AgentSpec
from app.domain.chat import ConversationRef, FileRef, UserRef
from app.domain.grants import Invoker
from app.errors import PlatformError
from app.ports.agents import Question, RunFacts
from app.ports.sandbox import USUAL, CodeResult, Limits, Outcome, SandboxUnavailable, Tier
from app.services.tools.run_code import LONGEST_CODE, SHOWN, CodeTools, RunCode
from tests.conformance.tool import ToolSuite
from tests.fakes.platform import EPOCH, FakePlatform

SALES = FileRef("F1", "sales.csv", "text/csv", 20)
ASKER = UserRef("slack:T1", "U1")
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


def facts(*files: FileRef) -> RunFacts:
    question = Question("?", ASKER, (), {}, EPOCH, files)
    agent = AgentSpec("a1", "slack:T1", "Fox", "", "Help.")
    return RunFacts("run-1", agent, question, ConversationRef("slack:T1", "C1", "1.0"), Invoker.MEMBER)


async def redact_of(workspace: str, text: str) -> str:
    assert workspace == "slack:T1"
    return await redact(text)


async def test_there_is_no_tool_while_no_sandbox_can_be_trusted() -> None:
    trusted: list[Scripted] = []
    source = CodeTools(lambda: trusted[0] if trusted else None, {"slack": FakePlatform()}, redact_of)
    assert list(await source.tools(facts())) == []
    trusted.append(Scripted(CodeResult(Outcome.OK, "1")))
    assert [tool.spec.name for tool in await source.tools(facts())] == ["run_code"]


async def test_the_questions_files_come_from_the_workspaces_platform_once() -> None:
    platform, sandbox = FakePlatform(), Scripted(CodeResult(Outcome.OK, "sk-test-1"))
    platform.blobs["F1"] = b"1,2"
    (tool,) = await CodeTools(lambda: sandbox, {"slack": platform}, redact_of).tools(facts(SALES))
    for _ in range(2):
        assert (await tool.call("c", {"code": "1"})).content == "[key]"
    assert sandbox.given == [{"sales.csv": b"1,2"}] * 2
    assert platform.fetched == ["F1"]
