"""More of this thread than fitted into the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.prompt import PERSON
from app.domain.agent import AgentSpec
from app.domain.chat import HistoryMessage
from app.domain.grants import Target, Traits
from app.domain.run import ToolResult, ToolSpec
from app.ports.agents import Question

LONGEST = 12_000
PAGE = 30


class ThreadHistory:
    """Reads earlier messages of the thread the question stands in, and of no other."""

    spec = ToolSpec(
        name="thread_history",
        description="Earlier messages of this thread, oldest first. Use it when the conversation refers to something that you can't see.",
        parameters={
            "type": "object",
            "properties": {
                "contains": {"type": "string", "description": "Only messages with this text in them. Empty for all."},
                "skip_newest": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "How many of the newest to leave out, to page back.",
                },
            },
            "required": [],
            "additionalProperties": False,
        },
    )

    traits = Traits(parallel=True)
    """Nothing but what everybody in the thread reads, and what the prompt may hold anyway: the run began with its taint."""

    def __init__(self, agent: AgentSpec, question: Question) -> None:
        self._agent = agent
        self._question = question

    def target(self, arguments: Mapping[str, Any]) -> Target:
        """See Tool."""
        return Target()

    async def call(self, call_id: str, arguments: Mapping[str, Any]) -> ToolResult:
        """See Tool."""
        contains, skip = arguments.get("contains") or "", arguments.get("skip_newest") or 0
        if (
            set(arguments) - {"contains", "skip_newest"}
            or not isinstance(contains, str)
            or not isinstance(skip, int)
            or skip < 0
        ):
            return ToolResult(
                call_id, "thread_history takes contains (a text) and skip_newest (a number from 0).", is_error=True
            )
        found = [message for message in self._question.history if contains.casefold() in message.text.casefold()]
        page = found[: len(found) - skip][-PAGE:]
        if not page:
            return ToolResult(call_id, "There are no such messages in this thread.")
        return ToolResult(call_id, "\n".join(self._line(message) for message in page)[-LONGEST:])

    def _line(self, message: HistoryMessage) -> str:
        names = self._question.names
        who = (
            self._agent.name
            if message.from_agent
            else names.get(message.author.id if message.author else "", "Somebody")
        )
        text = PERSON.sub(lambda found: f"@{names.get(found[1], 'somebody')}", message.text)
        files = f" [files: {', '.join(file.name for file in message.files)}]" if message.files else ""
        return f"[{message.at:%Y-%m-%d %H:%M}] {who}: {text}{files}"
