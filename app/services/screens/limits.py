"""What may be spent, as admins and members see it, and the forms that change it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal

from app.domain.agent import AgentSpec
from app.domain.money import ZERO
from app.domain.spend import EACH, Limit, Period, Scope, Standing
from app.domain.views import (
    Block,
    Button,
    Buttons,
    ChannelInput,
    Code,
    Confirm,
    Fields,
    Heading,
    Level,
    Note,
    Notice,
    Option,
    Rich,
    Select,
    SelectInput,
    Style,
    Table,
    Text,
    TextInput,
    View,
    When,
    rich,
)
from app.services.dollars import CENT, plain, shown
from app.services.limits import Applied
from app.services.screens.limit_notes import A_PERIOD, EACH_OF, EDIT, named, sized, spent
from app.services.screens.words import many, marked, notice

NEW = "limit_new"
CHOOSE = "limit_choose"
REMOVE = "limit_remove"
BACK = "limit_list"
FORM, CHANGE_FORM = "limit_save", "limit_change"
ASK_FORM, RAISE_FORM = "limit_ask_save", "limit_raise_save"
ONE_CHANNEL = "channel:"
FOR_GOOD = "good"
LONGEST_WHY = 500

GONE = notice(Level.INFO, "That limit is not there any more.")
_HOW = "In US dollars, such as 5 or 0.50."
_EVERYTHING = "A limit counts every call of a model: answers, steps with tools, summaries, comparisons."


def page(standings: Sequence[Standing], names: Mapping[str, str], zone: str, *, admin: bool) -> View:
    """`/byok budget`: to a member only what concerns them. `names` are what agents, channels and people are called, by id."""
    if not standings:
        words = "Nothing limits what may be spent." if admin else "Nothing limits what you or the workspace may spend."
        listed: tuple[Block, ...] = (Text(rich(words)),)
    else:
        table = Table(
            ("Limit for", "Spent", "Allowed", "Counts"),
            tuple(_row(one, names, below=admin and one.subject != one.limit.subject) for one in standings),
        )
        listed = (table, Note(rich(f"{_EVERYTHING} Days and months are those of {zone}.")))
    controls: list[Block] = []
    if admin:
        limits = [one.limit for one in standings if one.subject == one.limit.subject]
        if limits:
            options = tuple(Option(one.id, _label(one, names)) for one in limits)
            controls.append(Select(CHOOSE, "Change or remove", options, placeholder="Choose a limit"))
        controls.append(Buttons((Button(NEW, "Set a limit", style=Style.PRIMARY, opens=True),)))
    return View(title="Budget", blocks=(Heading("Budget"), *listed, *controls))


def one(standing: Standing, names: Mapping[str, str]) -> View:
    """A limit by itself, with what can be done about it."""
    limit = standing.limit
    facts: list[tuple[str, Rich]] = [("Limit for", _named(standing, names)), ("Allowed", rich(_allowed(standing)))]
    if standing.subject != EACH:
        facts.append(("Spent", rich(spent(standing))))
    facts.append(("Begins anew", rich(When(standing.resets_at))))
    sure = Confirm(
        "Remove this limit?",
        "What it stopped is asked again, and nothing limits it any more but other limits.",
        "Remove",
    )
    return View(
        title="Budget",
        blocks=(
            Fields(tuple(facts)),
            Buttons(
                (
                    Button(EDIT, "Change", limit.id, Style.PRIMARY, opens=True),
                    Button(REMOVE, "Remove", limit.id, Style.DANGER, sure),
                    Button(BACK, "All limits"),
                )
            ),
        ),
    )


def form(agents: Sequence[AgentSpec], people: Sequence[tuple[str, str]]) -> View:
    """Set a limit. `people` are ids and names of those who spent something this month; others are limited by a command."""
    whom = (
        Option("workspace:", "The whole workspace"),
        *(Option(f"{scope}:{EACH}", words) for scope, words in EACH_OF.items()),
        Option(ONE_CHANNEL, "One channel, chosen below"),
        *(Option(f"agent:{agent.id}", f"Agent {agent.name}") for agent in agents),
        *(Option(f"person:{user}", name) for user, name in people),
    )
    return View(
        title="Set a limit",
        id=FORM,
        submit="Set",
        blocks=(
            SelectInput("whom", "For", whom, "workspace:", hint="“Each” is for all that have no limit of their own."),
            ChannelInput("channel", "Channel", hint="Only where the limit is for one channel."),
            SelectInput("period", "Over", tuple(Option(period.value, words[0].upper() + words[1:]) for period, words in A_PERIOD.items()), Period.MONTH.value),
            TextInput("amount", "At most", placeholder="50", hint=_HOW, max_length=20),
            Note(rich("For somebody who is not listed: ", Code("/byok budget @Kim day 2"))),
        ),
    )  # fmt: skip


def change_form(standing: Standing, names: Mapping[str, str]) -> View:
    """Another amount for a limit; with what was granted on top this is over."""
    limit = standing.limit
    about: list[Block] = [Text(rich("For ", *_named(standing, names), f", {A_PERIOD[limit.period]}."))]
    if standing.allowed != limit.amount:
        about.append(
            Note(
                rich(
                    f"{shown(standing.allowed - limit.amount)} were allowed on top for now: what is set here takes their place."
                )
            )
        )
    return View(
        title="Change a limit",
        id=CHANGE_FORM,
        submit="Change",
        context=limit.id,
        blocks=(*about, TextInput("amount", "At most", plain(limit.amount), hint=_HOW, max_length=20)),
    )


def ask_form(standing: Standing, context: str, of: Rich) -> View:
    """An asker at a limit: how much more, and why."""
    return View(
        title="Ask for more",
        id=ASK_FORM,
        submit="Ask",
        context=context,
        blocks=(
            Text(rich(*of, f" {sized(standing)}: {spent(standing)} is spent.")),
            TextInput("amount", "How much more", plain(sensible(standing)), hint=_HOW, max_length=20),
            TextInput("why", "Why", placeholder="The report for Monday is half done.", hint="The admins read this; it is kept nowhere else.", multiline=True, max_length=LONGEST_WHY),
        ),
    )  # fmt: skip


def raise_form(standing: Standing, context: str, of: Rich) -> View:
    """An admin at a limit."""
    now = "For today only" if standing.limit.period is Period.DAY else "For this month only"
    return View(
        title="Raise a limit",
        id=RAISE_FORM,
        submit="Raise",
        context=context,
        blocks=(
            Text(rich(*of, f" {sized(standing)}: {spent(standing)} is spent.")),
            TextInput("amount", "How much more", plain(sensible(standing)), hint=_HOW, max_length=20),
            SelectInput("how", "For how long", (Option("now", now), Option(FOR_GOOD, "For good")), "now"),
            *((Note(rich("It is raised for this one only, not for each.")),) if standing.limit.subject == EACH else ()),
        ),
    )


def sensible(standing: Standing) -> Decimal:
    """Half as much again: in whole dollars, or cents where that is less."""
    half = standing.limit.amount / 2
    return max(half.quantize(Decimal(1) if half >= 1 else CENT, ROUND_CEILING), CENT)


def done(applied: Applied, names: Mapping[str, str]) -> View:
    """After a limit was set, changed or raised: what counts from now on."""
    now = applied.standing
    again = f" {asked_again(applied.released)}" if applied.released else ""
    line = rich("From now on, for ", *_small(_named(now, names)), f": {_allowed(now)}.{again}")
    more: list[Block] = []
    if now.subject != EACH and now.spent.amount >= now.allowed > ZERO:
        more.append(
            Notice(
                rich(
                    "That much is spent already: nothing is answered under it before it begins anew ",
                    When(now.resets_at),
                    ".",
                ),
                Level.WARNING,
            )
        )
    return View(blocks=(Notice(line, Level.SUCCESS), *more, Note(rich(Code("/byok budget"), " shows all limits."))))


def removed(limit: Limit, names: Mapping[str, str], released: int) -> View:
    """After a limit was removed."""
    again = f" {asked_again(released)}" if released else ""
    name = named(limit, names.get(limit.subject, ""))
    return View(
        blocks=(
            Notice(
                rich("Removed: the limit for ", *_small(name), f", {A_PERIOD[limit.period]}.{again}"), Level.SUCCESS
            ),
        )
    )


def asked_again(number: int) -> str:
    """What follows for questions that waited."""
    return f"{many(number, 'question')} that waited for it {'is' if number == 1 else 'are'} asked again now."


def no_such(known: Sequence[Limit], names: Mapping[str, str]) -> View:
    """Nothing is limited that way."""
    if not known:
        return notice(Level.WARNING, "There is no limit at all.")
    listed = ", ".join(_label(limit, names) for limit in known[:10])
    return notice(Level.WARNING, *marked(f"There is no such limit. There is: {listed}."))


def _row(one: Standing, names: Mapping[str, str], *, below: bool) -> tuple[Rich, ...]:
    each = one.subject == EACH
    return (
        rich("· ", *_named(one, names)) if below else _named(one, names),
        rich("–" if each else f"{spent(one)}{_share(one)}"),
        rich(
            _allowed(one) if each else f"of {_allowed(one)}"
        ),  # where a platform has no tables, the cells are all there is
        rich("until ", When(one.resets_at)),
    )


def _share(one: Standing) -> str:
    return f" ({int(one.spent.amount * 100 / one.allowed)} %)" if one.allowed else ""


def _allowed(one: Standing) -> str:
    extra = one.allowed - one.limit.amount
    more = f" + {shown(extra)} for now" if extra else ""
    return f"{shown(one.limit.amount)} {A_PERIOD[one.limit.period]}{more}"


def _named(one: Standing, names: Mapping[str, str]) -> Rich:
    return named(one.limit, names.get(one.subject, ""), one.subject)


def _small(name: Rich) -> Rich:
    first = name[0]
    return (first[:1].lower() + first[1:], *name[1:]) if isinstance(first, str) else name


def _label(limit: Limit, names: Mapping[str, str]) -> str:
    """For a list of choices, which hold plain words only."""
    match limit.scope:
        case _ if limit.subject == EACH:
            whom = EACH_OF[limit.scope]
        case Scope.AGENT:
            whom = f"Agent {names.get(limit.subject, 'that is gone')}"
        case Scope.CHANNEL:
            whom = f"#{names[limit.subject]}" if limit.subject in names else f"Channel {limit.subject}"
        case Scope.PERSON:
            whom = names.get(limit.subject, limit.subject)
        case _:
            whom = "The workspace"
    return f"{whom}, {shown(limit.amount)} {A_PERIOD[limit.period]}"
