"""A desk whose model has a price, and what it takes to reach a limit, to ask for more, and to be asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.domain.chat import UserRef
from app.domain.events import Close, FieldErrors, Open, Outcome, Private, Replace
from app.domain.money import TokenPrices
from app.domain.spend import Limit, Period, Scope
from app.domain.views import Button, Buttons, View
from app.services.limits import LimitDraft
from app.services.parked import Parked
from tests.app.bench import ADMIN, MEMBER, WORKSPACE, words
from tests.app.desk import Desk
from tests.app.spent import keep, receipt

TOO_LITTLE = Decimal("0.01")
"""Less than a call of the desk's model can cost at most."""


@dataclass
class Limited:
    """`await begin()` first. The model's answers cost next to nothing; before each, some cents are set aside."""

    desk: Desk

    async def begin(self) -> Limited:
        bench = self.desk.bench
        self.parked = Parked(bench.database, bench.vault, self.desk.runs, keys=bench.keys, clock=bench.clock)
        prices = TokenPrices(Decimal(0), Decimal(50))
        async with bench.database.begin() as uow:
            for model in ("claude-fine", "claude-old"):
                await uow.prices.put(WORKSPACE, "anthropic", model, prices, ADMIN.id)
        return self

    async def limit(
        self,
        amount: Decimal | str = TOO_LITTLE,
        scope: Scope = Scope.WORKSPACE,
        subject: str = "",
        period: Period = Period.DAY,
    ) -> Limit:
        draft = LimitDraft(scope, subject, period, Decimal(amount))
        return (await self.desk.bench.budgets.limits.set(draft, ADMIN)).standing.limit

    async def spend(self, cost: str, number: int = 1, **of: object) -> None:
        """As if something had been answered before."""
        of.setdefault("agent_id", (await self.desk.bench.agent()).id)
        await keep(self.desk.database, [receipt(number, cost=Decimal(cost), at=self.desk.bench.clock.now(), **of)])

    async def refused(self, user: UserRef = MEMBER) -> View:
        """Somebody asks, and this stands in the thread."""
        reply = await self.desk.ask("How long is a day?", user)
        assert reply
        assert reply.explanation, "it was answered"
        return reply.explanation

    async def press(self, button: Button, by: UserRef = MEMBER) -> Outcome:
        return await self.desk.bench.pressed(button.id, button.value, by=by)

    async def send(self, form: View, values: Mapping[str, str], by: UserRef = MEMBER) -> Outcome:
        return await self.desk.bench.sent(form.id, values, context=form.context, by=by)

    async def ask_for_more(self, amount: str = "1", why: str = "The report is half done.") -> View:
        """MEMBER is refused and asks for more; the card that ADMIN gets."""
        before = len(self.desk.platform.told(ADMIN))
        form = await self.press(button(await self.refused(), "Ask for more"))
        assert isinstance(form, Open)
        closed = await self.send(form.view, {"amount": amount, "why": why})
        assert isinstance(closed, Close), closed
        cards = [view for view in self.desk.platform.told(ADMIN)[before:] if "asks for" in words(view)]
        assert len(cards) == 1
        return cards[0]

    async def tick(self) -> None:
        """A few seconds pass."""
        await self.parked.tick()
        await self.desk.settled()

    def answers(self) -> list[str]:
        return [message.text for message in self.desk.shown() if message.text]


def button(view: View, label: str) -> Button:
    """The button of a screen whose label begins so."""
    found = [
        one
        for block in view.blocks
        if isinstance(block, Buttons)
        for one in block.buttons
        if one.label.startswith(label)
    ]
    assert len(found) == 1, words(view)
    return found[0]


def seen(outcome: Outcome) -> str:
    """What somebody reads after they did something."""
    if isinstance(outcome, FieldErrors):
        return " ".join(f"{field}: {says}" for field, says in outcome.errors.items())
    view = (
        outcome.then
        if isinstance(outcome, Close)
        else outcome.view
        if isinstance(outcome, Private | Replace | Open)
        else None
    )
    return words(view) if view else ""
