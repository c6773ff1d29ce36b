"""Nothing that people, models or tools said, and no key, is ever readable on disk or in what the service prints; later it is not even there sealed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tests.acceptance.aimock import answer, tool_call
from tests.acceptance.blocks import words
from tests.acceptance.local_slack import ANA, GENERAL, MAX
from tests.acceptance.needles import found_in
from tests.acceptance.office import ANTHROPIC_KEY, Office, office_at
from tests.acceptance.process import until

KEY = ANTHROPIC_KEY
BAD_KEY = "sk-test-canary-BADwvb5520mmrt"
TYPED_KEY = "sk-" + "ant-canary-TYPEDhgf3317nnvc-0123456789abcdef"
MESSAGE, ANSWER = "canary-MESSAGE-qpw8823jdnc", "canary-ANSWER-zmx4410owie"
ARGUMENT, SECOND = "canary/ARGUMENT_rty9921ghfj", "canary-SECOND-lkj6675bnvx"
THREAD = "canary-THREAD-vbn1187xcqw"
SECRETS = {
    "the key": KEY, "the refused key": BAD_KEY, "the key typed in chat": TYPED_KEY, "the message": MESSAGE, "the answer": ANSWER,
    "the tool's argument": ARGUMENT, "the answer after the tool": SECOND, "the thread": THREAD,
}  # fmt: skip


async def test_no_word_and_no_key_is_readable_anywhere(tmp_path: Path) -> None:
    fixtures = [
        *tool_call("use a tool", "current_time", {"time_zone": ARGUMENT}, f"It is late. {SECOND}"),
        *tool_call("read the thread", "thread_history", {}, "I have read it."),
        answer("", f"I say {ANSWER}."),
    ]
    async with office_at(tmp_path, "http", fixtures, {"LATCHKEY_LOG_LEVEL": "DEBUG"}) as office:
        await _live_a_little(office)
        assert found_in(_left_by(office), SECRETS) == []
        await until(lambda: not _sealed_content(office), "what was sealed is erased", 90)
        assert found_in(_left_by(office), SECRETS) == []
    assert found_in(_left_by(office), SECRETS) == [], "after the end"


async def _live_a_little(office: Office) -> None:
    """Everything that touches content: keys good, bad and misplaced, questions, follow-ups, tools and their results."""
    slack = office.slack
    await office.set_key("Anthropic", KEY)
    await slack.command(ANA, "setkey anthropic")
    await until(lambda: slack.modal, "the form opens")
    await slack.submit(ANA, {"API key": BAD_KEY})
    await until(lambda: slack.errors, "the bad key is refused")
    await slack.command(MAX, f"setkey anthropic {TYPED_KEY}")
    await slack.say(GENERAL, MAX, f"I am only talking: {THREAD}")
    asked = await office.mention(MAX, f"What of {MESSAGE}?")
    await office.answered(asked, ANSWER)
    await office.mention(MAX, f"Here is a key: {TYPED_KEY}", thread=asked)
    await until(lambda: "revoke" in words(slack.whispers(MAX)).lower(), "he is told to revoke it")
    await office.answered(await office.mention(MAX, f"Please use a tool, {MESSAGE}"), SECOND)
    await office.mention(MAX, "Please read the thread", thread=asked)
    await office.answered(asked, "I have read it.")
    results = [m["content"] for call in await office.anthropic.calls() for m in call["messages"] if m["role"] == "tool"]
    assert any(MESSAGE in str(result) for result in results), "no tool's result had a canary in it"


def _left_by(office: Office) -> Iterator[Path]:
    """Every file that the service wrote, its output among them; not what the counterparts wrote."""
    yield from (file for file in office.service.data.rglob("*") if file.is_file())
    yield office.service.folder / "service.log"


def _sealed_content(office: Office) -> list[str]:
    """Rows that still hold sealed content of runs, by table; keys are meant to stay."""
    held = []
    for file in office.service.data.glob("*.db"):
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as database:
            held += [f"{file.name}: {table}" for table in _holding(database)]
    return held


def _holding(database: sqlite3.Connection) -> Iterator[str]:
    """Tables of the engine's with a row of any run in them, and the inbox while it has a payload."""
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if table == "inbox":
            query = "SELECT count(*) FROM inbox WHERE payload IS NOT NULL"
        elif table in {
            "workflow_status",
            "operation_outputs",
            "workflow_events",
            "notifications",
            "streams",
            "workflow_inputs",
        }:
            query = f'SELECT count(*) FROM "{table}"'
        else:
            continue
        if database.execute(query).fetchone()[0]:
            yield table
