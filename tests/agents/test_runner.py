"""The runner keeps the AgentRunner's promises."""

from __future__ import annotations

import pytest

from agents.runner import Runner
from app.ports.agents import AgentRunner
from tests.conformance.agent_runner import AgentRunnerSuite


class TestRunner(AgentRunnerSuite):
    implements = Runner

    @pytest.fixture
    def runner(self) -> AgentRunner:
        return Runner()
