"""What was spent this month, in the home tab. Pure."""

from __future__ import annotations

from app.domain.spend import Period, Spent, Standing
from app.domain.views import Block, Bold, Button, Heading, Note, Rich, Row, Text, rich
from app.services import dollars
from app.services.month import Month
from app.services.screens.usage import SHOW, cost
from app.services.screens.words import many
from app.services.usage_words import Wanted

_BAR = 10


def section(month: Month) -> tuple[Block, ...]:
    """For admins: all of it, then the agents that spent most."""
    seen = month.seen
    total = seen.total
    unpriced = f" · {many(total.unpriced, 'call')} without a known price" if total.unpriced else ""
    head = rich(Bold(cost(total.cost)), f" for {many(total.calls, 'call')} of models{unpriced}")
    shown = [Text((Bold(seen.names[one.subject].text), *_spent(one, month))) for one in seen.shares.top]
    others = seen.shares.others
    return (
        Heading("This month"),
        Row((*head, *_budgets(month.budgets.get("", ()))), Button(SHOW, "Usage", Wanted().value)),
        *shown,
        *((Note(rich(f"{many(seen.shares.number, 'other agent')}: {cost(others.cost)}")),) if others else ()),
    )


def own(month: Month) -> tuple[Block, ...]:
    """For a member: one line of their own."""
    total = month.seen.total
    told = rich("What you asked this month cost ", Bold(cost(total.cost)), f" ({many(total.calls, 'call')} of models).")
    return (Row((*told, *_budgets(month.budgets.get("", ()))), Button(SHOW, "Usage", Wanted().value)),)


def budget(standing: Standing) -> str:
    """Such as `▰▰▰▱▱▱▱▱▱▱ $3.00 of $10.00 today`; what is being spent counts, as it does for the next call."""
    counted, allowed = standing.spent.amount + standing.reserved, standing.allowed
    full = min(max(int(counted * _BAR / allowed), int(counted > 0)), _BAR) if allowed else _BAR
    making = f" and {dollars.shown(standing.reserved)} in the making" if standing.reserved else ""
    span = "today" if standing.limit.period is Period.DAY else "this month"
    return f"{'▰' * full}{'▱' * (_BAR - full)} {cost(standing.spent)}{making} of {dollars.shown(allowed)} {span}"


def _spent(one: Spent, month: Month) -> Rich:
    limits = month.budgets.get(one.subject, ()) if one.subject else ()
    told = "" if any(limit.limit.period is Period.MONTH for limit in limits) else f" · {cost(one.cost)}"
    return (f"{told} · {many(one.calls, 'call')}", *_budgets(limits))


def _budgets(limits: tuple[Standing, ...]) -> Rich:
    return tuple(f"\n{budget(one)}" for one in limits)
