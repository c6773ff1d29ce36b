"""What every Tool promises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from app.ports.agents import Tool


class ToolSuite:
    """Bind with a fixture `tool`, and with `good` and `bad` arguments."""

    good: ClassVar[Mapping[str, Any]]
    bad: ClassVar[tuple[Mapping[str, Any], ...]]

    @pytest.fixture
    def tool(self) -> Tool:
        """The tool under test."""
        raise NotImplementedError

    def test_it_has_a_callable_name_and_a_description(self, tool: Tool) -> None:
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool.spec.name)
        assert tool.spec.description

    def test_its_parameters_are_a_closed_json_object(self, tool: Tool) -> None:
        assert tool.spec.parameters["type"] == "object"
        assert tool.spec.parameters["additionalProperties"] is False

    async def test_the_result_answers_the_call(self, tool: Tool) -> None:
        result = await tool.call("call-7", self.good)
        assert result.call_id == "call-7"
        assert not result.is_error

    async def test_bad_arguments_come_back_as_a_failed_result(self, tool: Tool) -> None:
        for arguments in (*self.bad, {"no such argument": 1}):
            assert (await tool.call("c", arguments)).is_error
