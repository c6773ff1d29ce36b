"""Every tool there is, from wherever it comes, put together for one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.spend import Account
from app.ports.agents import RunFacts, Tool, ToolSource
from app.ports.approvals import Approvals
from app.ports.engine import Journal
from app.ports.platform import ChatPlatform, ReplyTarget
from app.services.delivery import Shows
from app.services.ledger import Ledger
from app.services.outgoing import Outgoing
from app.services.permissions import Permissions
from app.services.sources import NumberedSources, Redact
from app.services.tool_calls import ToolCalls
from app.services.tool_steps import ToolSteps
from app.services.toolbelt import Belt


class Toolkit:
    """Makes the belts of runs."""

    def __init__(
        self,
        sources: Sequence[ToolSource],
        platforms: Mapping[str, ChatPlatform],
        *,
        permissions: Permissions,
        approvals: Approvals,
    ) -> None:
        self._sources = list(sources)
        self._platforms = platforms
        self._permissions = permissions
        self._approvals = approvals

    def add(self, source: ToolSource) -> None:
        """Have these tools too, in runs from now on: for sources that need the toolkit themselves."""
        self._sources.append(source)

    async def tools(self, facts: RunFacts) -> list[Tool]:
        """Every tool that can work there, granted or not."""
        return [tool for source in self._sources for tool in await source.tools(facts)]

    async def belt(
        self,
        facts: RunFacts,
        journal: Journal,
        delivery: Shows,
        *,
        sources: NumberedSources,
        redact: Redact,
        ledger: Ledger | None = None,
        name: str = "",
    ) -> Belt:
        """The tools of this run, as far as the agent may have them. What their results were made from is numbered in `sources`,
        what agents cost that it asks is told to the `ledger`.

        A run within a run has a `name` that no other of the same journal has, such as `3.`: it tells their calls apart.
        """
        tools = await self.tools(facts)
        platform = self._platforms[facts.workspace.partition(":")[0]]
        return Belt(
            facts,
            tools,
            journal,
            permissions=self._permissions,
            approvals=self._approvals,
            calls=ToolCalls(
                facts,
                tools,
                journal,
                delivery,
                self._permissions,
                sources=sources,
                redact=redact,
                ledger=ledger or Ledger(_account(facts)),
            ),
            steps=ToolSteps(delivery, platform, facts.question.asker),
            files=Outgoing(journal, platform, _target(facts), delivery, redact),
            name=name,
        )


def _account(facts: RunFacts) -> Account:
    where = facts.conversation
    return Account(facts.workspace, facts.run, "", where.channel, facts.question.asker.id, facts.agent.id)


def _target(facts: RunFacts) -> ReplyTarget:
    return ReplyTarget(
        conversation=facts.conversation,
        asker=facts.question.asker,
        asked="",
        run=facts.run,
        persona=facts.agent.persona,
        hints=facts.hints,
    )
