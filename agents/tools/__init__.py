"""Tools that need no network: they know only what the question brought along."""

from __future__ import annotations

from collections.abc import Sequence

from agents.tools.current_time import CurrentTime
from agents.tools.thread_history import ThreadHistory
from app.domain.agent import AgentSpec
from app.ports.agents import Question, Tool


def tools(agent: AgentSpec, question: Question) -> Sequence[Tool]:
    """Every tool there is, bound to this question. See ToolFactory."""
    return (CurrentTime(question.now), ThreadHistory(agent, question))
