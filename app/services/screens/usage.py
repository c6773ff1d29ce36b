"""What was spent, as people see it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from app.domain.money import ZERO, Cost
from app.domain.run import Usage as Tokens
from app.domain.spend import Kind, Spent
from app.domain.views import (
    Block,
    Button,
    Buttons,
    Chart,
    Code,
    Fields,
    Heading,
    Level,
    Note,
    Notice,
    Rich,
    Series,
    Style,
    Table,
    Text,
    View,
    rich,
)
from app.services import dollars
from app.services.screens.words import many
from app.services.usage import MOST_SERIES, Usage
from app.services.usage_words import GROUPS, Timespan, Wanted

SHOW = "usage_show"
CSV = "usage_csv"
RECEIPTS = "receipts_show"
PAGE = "usage"
"""The context of the screens that take each other's place."""

UNKNOWN = "price unknown"
_ROWS = ((Kind.AGENT, Kind.USER, Kind.KEY), (Kind.CHANNEL, Kind.MODEL))
"""What a phone has room for beside each other."""


def page(seen: Usage) -> View:
    """`/byok usage`."""
    title = f"{'What you spent' if seen.own else 'Spending'}: {seen.wanted.timespan.words.lower()}"
    if not seen.total.calls:
        blocks: tuple[Block, ...] = (Text(rich("No model was called in this time.")),)
    else:
        chart = charted(seen)
        blocks = (_facts(seen.total), *_unpriced(seen), *((chart,) if chart else ()), _table(seen))
    shown = (Heading(title), *blocks, *_controls(seen), Note(_about(seen)))
    return View(title="Usage", context=PAGE, blocks=shown)


def cost(spent: Cost) -> str:
    """Such as `$1.20`, `≥ $1.20`; never a zero for what has a price that nobody knows."""
    return UNKNOWN if spent.floor and not spent.amount else dollars.shown(spent)


def count(number: int) -> str:
    """Such as `950`, `12.3k`, `4.56M`."""
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            short = Decimal(number) / size
            places = 2 if short < 10 else 1 if short < 100 else 0
            return f"{short:.{places}f}{letter}"
    return str(number)


def tokens(usage: Tokens, *, briefly: bool = False) -> str:
    """Such as `1.20M in (38% cached), 9.50k out (2.00k reasoning)`; briefly without the reasoning."""
    cached = (
        f" ({usage.cached_read * 100 // usage.input_tokens}% cached)"
        if usage.cached_read and usage.input_tokens
        else ""
    )
    thought = f" ({count(usage.reasoning)} reasoning)" if usage.reasoning and not briefly else ""
    return f"{count(usage.input_tokens)} in{cached}, {count(usage.output_tokens)} out{thought}"


def charted(seen: Usage) -> Chart | None:
    """Bars by day: the biggest spenders, and all others in one. Where nothing costs anything, of tokens."""
    if not seen.days:
        return None
    money = seen.total.cost.amount > ZERO
    measure: Callable[[Spent], Decimal] = _money if money else _tokens
    first, last = date.fromisoformat(seen.first_day), date.fromisoformat(seen.last_day)
    days = [first + timedelta(days=after) for after in range((last - first).days + 1)]
    top = sorted(seen.shares.top[:MOST_SERIES], key=measure, reverse=True)

    def of(day: date, subject: str | None) -> Decimal:
        found = seen.days.get((f"{day}", subject))
        return measure(found) if found else ZERO

    series = [
        Series(seen.names[one.subject].text, tuple(of(day, one.subject) for day in days)) for one in top if measure(one)
    ]
    rest = tuple(max(of(day, None) - sum((of(day, one.subject) for one in top), ZERO), ZERO) for day in days)
    if any(rest):
        series.append(Series("Others", rest))
    if not series:
        return None
    labels = tuple(f"{day.day} {day:%b}" for day in days)
    what = "What was spent" if money else "Tokens used"
    return Chart(f"{what} each day", labels, tuple(series), "$" if money else "tokens", _alt(labels, series, what))


def _alt(labels: tuple[str, ...], series: list[Series], what: str) -> str:
    totals = [sum((one.values[at] for one in series), ZERO) for at in range(len(labels))]
    most = max(range(len(labels)), key=lambda at: totals[at])
    return (
        f"{what} each day from {labels[0]} to {labels[-1]}, by {', '.join(one.name for one in series)}. "
        f"The most was on {labels[most]}."
    )


def _money(spent: Spent) -> Decimal:
    return spent.cost.amount


def _tokens(spent: Spent) -> Decimal:
    return Decimal(spent.usage.input_tokens + spent.usage.output_tokens)


def _facts(total: Spent) -> Fields:
    used = total.usage
    pairs = [
        ("Cost", rich(cost(total.cost))),
        ("Calls of models", rich(f"{total.calls:,}")),
        ("Input tokens", rich(f"{used.input_tokens:,}" + (f", of them cached {used.cached_read:,}" if used.cached_read else ""))),
        ("Output tokens", rich(f"{used.output_tokens:,}" + (f", of them reasoning {used.reasoning:,}" if used.reasoning else ""))),
    ]  # fmt: skip
    searches = [("Searches of the web", rich(f"{used.searches:,}"))] if used.searches else []
    return Fields((*pairs, *searches))


def _unpriced(seen: Usage) -> tuple[Block, ...]:
    number = seen.total.unpriced
    if not number:
        return ()
    have = "has" if number == 1 else "have"
    told = rich(f"{many(number, 'call')} {have} no known price: more was spent than is shown. ")
    how = (
        rich("An admin can enter it: ", Code("/byok prices"), ".")
        if seen.own
        else rich("Enter it: ", Code("/byok prices"), ".")
    )
    return (Notice((*told, *how), Level.WARNING),)


def _table(seen: Usage) -> Table:
    rows = [_row(seen.names[one.subject].shown, one) for one in seen.shares.top]
    if seen.shares.others:
        rows.append(_row(rich(f"{many(seen.shares.number, 'other')}"), seen.shares.others))
    return Table((GROUPS[seen.wanted.kind], "Cost", "Calls and tokens"), tuple(rows))


def _row(name: Rich, spent: Spent) -> tuple[Rich, ...]:
    return (name, rich(cost(spent.cost)), rich(f"{many(spent.calls, 'call')}: {tokens(spent.usage, briefly=True)}"))


def _controls(seen: Usage) -> tuple[Block, ...]:
    now = seen.wanted
    spans = [Button(SHOW, one.label, Wanted(one, now.kind).value, _style(one is now.timespan)) for one in Timespan]
    kinds = [
        [
            Button(SHOW, f"By {GROUPS[one].lower()}", Wanted(now.timespan, one).value, _style(one is now.kind))
            for one in row
        ]
        for row in _ROWS
    ]
    more = [Button(RECEIPTS, "Receipts")] + ([Button(CSV, "CSV", now.value)] if seen.total.calls else [])
    rows = [spans, *([] if seen.own else kinds), more]
    return tuple(Buttons(tuple(row)) for row in rows)


def _style(chosen: bool) -> Style:
    return Style.PRIMARY if chosen else Style.DEFAULT


def _about(seen: Usage) -> Rich:
    days = seen.first_day if seen.first_day == seen.last_day else f"{seen.first_day} to {seen.last_day}"
    whose = "Only you see this; it is what was asked by you. " if seen.own else ""
    return rich(
        f"{whose}{days}, in the workspace's time zone. Reckoned by list prices, or your own; the provider's bill is what counts."
    )
