"""Every tool there is, from wherever it comes, put together for one run."""

from __future__ import annotations

from collections.abc import Sequence

from app.ports.agents import RunFacts, Tool, ToolBelt, ToolSource
from app.ports.engine import Journal
from app.services.delivery import Delivery
from app.services.toolbelt import Belt


class Toolkit:
    """Makes the belts of runs."""

    def __init__(self, sources: Sequence[ToolSource]) -> None:
        self._sources = list(sources)

    def add(self, source: ToolSource) -> None:
        """Have these tools too, in runs from now on: for sources that need the toolkit themselves."""
        self._sources.append(source)

    async def belt(self, facts: RunFacts, journal: Journal, delivery: Delivery) -> ToolBelt:
        """The tools of this run, as far as the agent may have them."""
        tools: list[Tool] = []
        for source in self._sources:
            tools += await source.tools(facts)
        return Belt(facts, tools, journal, delivery)
