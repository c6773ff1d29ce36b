"""The tools without a network."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from agents.tools.current_time import CurrentTime
from agents.tools.thread_history import ThreadHistory
from app.domain.agent import AgentSpec
from app.domain.chat import HistoryMessage, UserRef
from app.ports.agents import Question, Tool
from tests.conformance.tool import ToolSuite

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ANN = UserRef("test:w", "U1")
AGENT = AgentSpec("a1", "test:w", "helper", "", "Help.")


def thread(*texts: str) -> Question:
    """A thread in which Ann said these things and the agent answered every second time."""
    history = tuple(
        HistoryMessage(str(n), text, None if n % 2 else ANN, from_agent=bool(n % 2), at=NOON + timedelta(minutes=n))
        for n, text in enumerate(texts)
    )
    return Question("?", ANN, history, {"U1": "Person 1"}, NOON)


class TestCurrentTime(ToolSuite):
    implements = CurrentTime
    good: ClassVar[Mapping[str, Any]] = {"time_zone": "Europe/Berlin"}
    bad: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"time_zone": "Mars/Olympus"},
        {"time_zone": 7},
        {"time_zone": "../../etc/passwd"},
    )

    @pytest.fixture
    def tool(self) -> Tool:
        return CurrentTime(NOON)

    async def test_it_tells_the_time_of_the_question_there(self, tool: Tool) -> None:
        assert (await tool.call("c", self.good)).content == "Monday, 23 November 2026, 13:00 (Europe/Berlin, +0100)"

    async def test_without_a_zone_it_tells_utc(self, tool: Tool) -> None:
        assert "12:00 (UTC" in (await tool.call("c", {})).content


class TestThreadHistory(ToolSuite):
    implements = ThreadHistory
    good: ClassVar[Mapping[str, Any]] = {"contains": ""}
    bad: ClassVar[tuple[Mapping[str, Any], ...]] = ({"contains": 3}, {"skip_newest": -1}, {"skip_newest": "two"})

    @pytest.fixture
    def tool(self) -> Tool:
        return ThreadHistory(AGENT, thread("Where is the <@U1> plan?", "In the wiki.", "Thanks"))

    async def test_it_reads_oldest_first_without_names_of_people(self, tool: Tool) -> None:
        lines = (await tool.call("c", {})).content.splitlines()
        assert lines[0] == "[2026-11-23 12:00] Person 1: Where is the @Person 1 plan?"
        assert lines[1].endswith("helper: In the wiki.")

    async def test_it_finds_what_is_asked_for(self, tool: Tool) -> None:
        assert (await tool.call("c", {"contains": "WIKI"})).content.endswith("In the wiki.")
        assert "no such messages" in (await tool.call("c", {"contains": "zebra"})).content
