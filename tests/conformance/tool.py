"""What every Tool promises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from app.domain.grants import Target, Traits
from app.domain.run import ToolResult
from app.errors import BadInput
from app.ports.agents import Tool


class ToolSuite:
    """Bind with a fixture `tool`, and with `good` and `bad` arguments."""

    good: ClassVar[Mapping[str, Any]]
    bad: ClassVar[tuple[Mapping[str, Any], ...]]

    @pytest.fixture
    def tool(self) -> Tool:
        """The tool under test."""
        raise NotImplementedError

    async def made(self, tool: Tool, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """A call as the host makes it; bind it for a tool that makes steps of its own."""
        return await tool.call(call_id, arguments)

    def test_it_has_a_callable_name_and_a_description(self, tool: Tool) -> None:
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool.spec.name)
        assert tool.spec.description

    def test_its_parameters_are_a_closed_json_object(self, tool: Tool) -> None:
        assert tool.spec.parameters["type"] == "object"
        assert tool.spec.parameters["additionalProperties"] is False

    def test_its_author_says_what_it_does_to_the_world(self, tool: Tool) -> None:
        assert isinstance(tool.traits, Traits)
        assert not (tool.traits.parallel and (tool.traits.changes or tool.traits.interpreter or tool.spec.writes))
        assert tool.traits.outward or tool.traits.changes or not tool.spec.writes, (
            "what writes goes out or changes something"
        )

    def test_its_target_is_told_of_the_arguments_alone(self, tool: Tool) -> None:
        assert isinstance(tool.target(self.good), Target)
        assert tool.target(self.good) == tool.target(dict(self.good))

    def test_what_makes_no_sense_has_no_target_or_says_so_in_words_for_the_model(self, tool: Tool) -> None:
        for arguments in (*self.bad, {"no such argument": 1}):
            try:
                assert isinstance(tool.target(arguments), Target)
            except BadInput as error:
                assert error.message  # noqa: PT017 - either is fine, another exception is not

    async def test_the_result_answers_the_call(self, tool: Tool) -> None:
        result = await self.made(tool, "call-7", self.good)
        assert result.call_id == "call-7"
        assert not result.is_error, result.content

    async def test_bad_arguments_come_back_as_a_failed_result(self, tool: Tool) -> None:
        for arguments in (*self.bad, {"no such argument": 1}):
            assert (await self.made(tool, "c", arguments)).is_error
