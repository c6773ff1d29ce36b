"""Files that agents make: what is sent to the thread, what is not and who is told, and that nothing is sent twice."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from app.domain.files import harmless_name
from app.domain.grants import ToolGrant
from app.domain.run import MadeFile, ToolCall
from app.errors import CutOff, PlatformError, PlatformUnavailable
from app.ports.agents import RunFacts, Tool
from app.ports.platform import Ability, ReplyTarget
from app.services import outgoing
from tests.app.belts import Belts, Tried, call, made
from tests.app.bench import GOOD, words
from tests.app.desk import THREAD, Desk
from tests.fakes.platform import FakePlatform

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
ZIP = b"PK\x03\x04" + bytes(64)


def file(name: str, data: bytes = b"a,b\n1,2\n", media_type: str = "") -> MadeFile:
    return MadeFile(name, media_type, base64.b64encode(data).decode())


CHART = file("chart.png", PNG, "image/png")
TABLE = file("table.csv")


async def drawn(belts: Belts, *files: MadeFile) -> str:
    """What the model is told where a tool made these."""
    belts.tools = [Tried("run_code", files=files, answer="Drawn.")]
    await belts.grant(ToolGrant("run_code"))
    (told,) = await made(await belts.belt(), call("run_code"))
    return told


def sent(platform: FakePlatform) -> list[str]:
    return [one.name for _, one in platform.uploads]


async def test_what_a_tool_made_is_sent_to_the_thread_and_the_model_is_told(belts: Belts) -> None:
    told = await drawn(belts, CHART, TABLE)
    assert told == "Drawn.\n\nSent to the thread: chart.png, table.csv."
    (target, chart), (_, table) = belts.bench.platform.uploads
    assert target.conversation == THREAD
    assert (chart, table) == (CHART, TABLE)
    assert belts.remarks == []


@pytest.mark.parametrize(
    ("made_file", "why"),
    [
        (file("page.html", b"<html><img src=https://evil.example/?q=1>"), "files of this kind"),
        (file("drawing.svg", b"<svg/>"), "files of this kind"),
        (file("run.exe", b"MZ"), "files of this kind"),
        (file("no suffix"), "files of this kind"),
        (file("chart.png", b"<html>"), "not the picture"),
        (file("table.csv", b"\n<!DOCTYPE html><script>"), "not text"),
        (file("table.csv", b"a\0b"), "not text"),
        (file("paper.pdf", b"<html>"), "not the PDF"),
        (file("letter.docx", b"<html>"), "not the document"),
        (file("empty.txt", b""), outgoing.NO_FILE),
        (MadeFile("odd.txt", "", "no base64!"), outgoing.NO_FILE),
        (file("long.txt", b"x" * (outgoing.BYTES + 1)), outgoing.TOO_LARGE),
    ],
    ids=lambda value: value.name if isinstance(value, MadeFile) else "",
)
async def test_what_is_not_fit_to_be_sent_is_not_and_both_are_told_why(
    belts: Belts, made_file: MadeFile, why: str
) -> None:
    told = await drawn(belts, made_file, TABLE)
    assert sent(belts.bench.platform) == ["table.csv"]
    assert f"{made_file.name}: " in told
    assert why in told
    (remark,) = belts.remarks
    assert why in remark


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\temp\\a.csv", "a.csv"),
        ("gnp.\u202etxt\n.csv", "gnp.txt.csv"),
        (f"{'x' * 300}.csv", f"{'x' * 80}.csv"),
        ("<!channel> a.csv", "!channel a.csv"),
        ("...", "file"),
    ],
)
def test_names_are_names_and_nothing_else(name: str, kept: str) -> None:
    assert harmless_name(name) == kept


async def test_a_key_in_a_files_name_is_not_shown(desk: Desk) -> None:
    await _asked(desk, file(f"{GOOD}.csv"))
    assert GOOD not in sent(desk.platform)[0]


async def test_no_more_files_than_an_answer_may_bring(belts: Belts) -> None:
    told = await drawn(belts, *(file(f"{at}.csv") for at in range(outgoing.MOST + 1)))
    assert len(sent(belts.bench.platform)) == outgoing.MOST
    assert outgoing.TOO_MANY in told


async def test_files_are_not_too_large_together(belts: Belts) -> None:
    whole = b"x" * outgoing.BYTES
    told = await drawn(belts, *(file(f"{at}.txt", whole) for at in range(3)))
    assert sent(belts.bench.platform) == ["0.txt", "1.txt"]
    assert outgoing.TOO_MUCH in told


async def test_a_platform_that_takes_no_files_is_not_asked_to(belts: Belts) -> None:
    belts.bench.platform.abilities = frozenset(Ability) - {Ability.UPLOAD}
    assert outgoing.UNABLE in await drawn(belts, CHART)
    assert sent(belts.bench.platform) == []
    assert belts.remarks


class Refusing(FakePlatform):
    """Takes no file, and says what it was told to."""

    why: PlatformError
    begun: asyncio.Event | None = None

    async def upload(self, target: ReplyTarget, file: MadeFile) -> None:
        if self.begun:
            await super().upload(target, file)
            self.begun.set()
            await asyncio.Event().wait()
        raise self.why


@pytest.mark.parametrize(
    ("why", "words_of_it"),
    [
        (PlatformError("Teams takes files in the one-to-one chat only."), "Teams takes files in the one-to-one chat only"),
        (PlatformUnavailable("file: TimeoutError"), outgoing.NOT_NOW),
    ],
)  # fmt: skip
async def test_where_the_platform_does_not_take_it_the_answer_says_so(
    desk: Desk, why: PlatformError, words_of_it: str
) -> None:
    desk.platform.__class__ = Refusing
    desk.platform.why = why  # type: ignore[attr-defined]
    await _asked(desk, CHART)
    (answer,) = desk.shown()
    assert answer.text.startswith("Here it is.")
    assert f"Not sent here: chart.png: {words_of_it}." in words(answer.views)
    assert "TimeoutError" not in words(answer.views)


async def test_what_could_not_be_sent_is_told_under_an_answer_that_broke_off_too(desk: Desk) -> None:
    desk.platform.abilities = frozenset()
    await _asked(desk, CHART, then=CutOff())
    assert "Not sent here: chart.png" in words(desk.shown()[-1].views)


async def test_the_files_are_there_before_the_answer_has_ended(desk: Desk) -> None:
    await _asked(desk, CHART)
    assert sent(desk.platform) == ["chart.png"]
    ended = desk.shown()[-1]
    assert words(ended.views).count("chart.png") == 0
    assert desk.model.requests[-1].messages[-1].parts[-1].content.endswith("Sent to the thread: chart.png.")  # type: ignore[union-attr]


async def test_a_run_that_is_taken_up_again_sends_nothing_twice(desk: Desk) -> None:
    desk.model.hold, desk.model.hold_from = asyncio.Event(), 2
    await _begun(desk, CHART)
    async with asyncio.timeout(10):
        await desk.model.held.wait()
    await desk.runs.crash()
    desk.model.hold.set()
    await desk.settled()
    assert sent(desk.platform) == ["chart.png"]


async def test_a_file_that_may_have_been_sent_when_the_process_died_is_not_sent_again(desk: Desk) -> None:
    desk.platform.__class__ = Refusing
    desk.platform.begun = asyncio.Event()  # type: ignore[attr-defined]
    await _begun(desk, CHART)
    async with asyncio.timeout(10):
        await desk.platform.begun.wait()  # type: ignore[attr-defined]
    await desk.runs.crash()
    await desk.settled()
    assert sent(desk.platform) == ["chart.png"]
    assert outgoing.UNCLEAR in words(desk.shown()[-1].views)


class _Source:
    def __init__(self, tool: Tool) -> None:
        self._tool = tool

    async def tools(self, facts: RunFacts) -> Sequence[Tool]:
        return (self._tool,)


async def _begun(desk: Desk, made_file: MadeFile, then: str | Exception = "Here it is.") -> None:
    desk.toolkit.add(_Source(Tried("run_code", files=(made_file,), answer="Drawn.")))
    async with desk.database.begin() as uow:
        await uow.agents.change(replace(await desk.bench.agent(), grants=(ToolGrant("run_code", id="g1"),)))
    desk.model.script = [(ToolCall("call_1", "run_code", {}),), then]
    await desk.say("Draw it.")


async def _asked(desk: Desk, made_file: MadeFile, then: str | Exception = "Here it is.") -> None:
    await _begun(desk, made_file, then)
    await desk.settled()


@pytest.fixture(autouse=True)
async def ended(desk: Desk) -> AsyncIterator[None]:
    desk.runs.patience = 5
    yield
    await desk.runs.down()
