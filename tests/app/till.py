"""The screens of what was spent, over a bench; and the desks around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from app.domain.chat import MessageRef, UserRef
from app.domain.events import Action, Command, Outcome, Private, Replace, Submission
from app.domain.money import TokenPrices
from app.domain.run import Usage
from app.domain.views import View
from app.services.commands import Commands
from app.services.costs import Costs
from app.services.desks.agents import AgentDesk
from app.services.desks.keys import KeyDesk
from app.services.desks.people import PeopleDesk
from app.services.exported import LARGEST
from app.services.forms import Forms
from app.services.home import Home
from app.services.notices import Notices
from app.services.pricing import cost
from tests.app.bench import ADMIN, WORKSPACE, Bench

T = TypeVar("T")

CARD = MessageRef(WORKSPACE, "C1", "1.0")


@dataclass
class KnownPrices:
    """A price list of so many models."""

    known: Mapping[str, TokenPrices] = field(
        default_factory=lambda: {"claude-fine": TokenPrices(Decimal(3), Decimal(15), Decimal("0.3"), Decimal("3.75"))}
    )

    def cost(self, provider: str, model: str, usage: Usage, at: datetime, *, origin: str = "") -> Decimal | None:
        return cost(self.known[model], usage) if model in self.known else None

    def prices(self, provider: str, model: str, at: datetime, *, origin: str = "") -> TokenPrices | None:
        return self.known.get(model)


class Till:
    """`bench` with the desks of what was spent."""

    def __init__(self, bench: Bench, *, largest: int = LARGEST) -> None:
        self.bench = bench
        platforms = {bench.platform.name: bench.platform}
        bench.platform.channels.add("C1", "general")
        self.costs = Costs(
            bench.database, platforms, ring=bench.ring, prices=KnownPrices(), access=bench.access,
            notices=Notices(platforms, bench.access), background=bench.background, clock=bench.clock, largest=largest,
        )  # fmt: skip
        keys, agents = KeyDesk(bench.keys, bench.agents), AgentDesk(bench.agents, bench.keys, bench.models.comparisons)
        people = PeopleDesk(bench.database, bench.access, bench.workspaces, bench.memory)
        self.home = Home(
            platforms, access=bench.access, workspaces=bench.workspaces, agents=bench.agents, keys=bench.keys,
            memory=bench.memory, background=bench.background, sections=[self.costs.usage_desk],
        )  # fmt: skip
        self.forms = Forms(
            access=bench.access, workspaces=bench.workspaces, keys=keys, agents=agents, people=people, home=self.home,
            more=self.costs.desks,
        )  # fmt: skip
        self.commands = Commands(
            bench.database, access=bench.access, workspaces=bench.workspaces, keys=bench.keys, key_desk=keys,
            agents=agents, people=people, home=self.home, more=self.costs.desks,
        )  # fmt: skip

    async def typed(self, text: str, *, by: UserRef = ADMIN) -> View:
        """What somebody is shown who types `/byok …`."""
        outcome = await self.commands.command(Command(by, text, "C1"))
        await self.bench.settled()
        assert isinstance(outcome, Private)
        return outcome.view

    async def pressed(
        self, action: str, value: str = "", *, by: UserRef = ADMIN, message: MessageRef | None = CARD
    ) -> Outcome:
        outcome = await self.forms.action(Action(by, action, value, message=message))
        await self.bench.settled()
        return outcome

    async def turned(self, action: str, value: str = "", *, by: UserRef = ADMIN) -> View:
        """What takes the place of the screen whose button was pressed."""
        outcome = await self.pressed(action, value, by=by)
        assert isinstance(outcome, Replace)
        return outcome.view

    async def sent(self, form: str, values: Mapping[str, str], *, by: UserRef = ADMIN) -> Outcome:
        outcome = await self.forms.submission(Submission(by, form, values))
        await self.bench.settled()
        return outcome


def block(view: View, kind: type[T]) -> T:
    """The only one of its kind."""
    (found,) = [one for one in view.blocks if isinstance(one, kind)]
    return found
