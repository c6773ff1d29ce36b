"""Tools that need no network: they know only what the question brought along."""

from __future__ import annotations

from collections.abc import Sequence

from agents.tools.current_time import CurrentTime
from agents.tools.thread_history import ThreadHistory
from app.ports.agents import RunFacts, Tool


class QuestionTools:
    """The tools that every question brings along. See ToolSource."""

    async def tools(self, facts: RunFacts) -> Sequence[Tool]:
        """See ToolSource."""
        return (CurrentTime(facts.question.now), ThreadHistory(facts.agent, facts.question))
