"""What people read of limits where they did not ask: that one is nearly used up, that it stops a question, that more is wanted or given. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.chat import UserRef
from app.domain.spend import EACH, Limit, LimitRequest, Period, RequestState, Scope, Standing
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Channel,
    Code,
    Fields,
    Level,
    Note,
    Notice,
    Person,
    Rich,
    Span,
    Style,
    Text,
    View,
    When,
    rich,
)
from app.services.dollars import shown
from app.services.screens.prices import ENTER
from app.services.screens.words import marked, notice

ASK = "limit_ask"
EDIT = "limit_edit"
GRANT, RAISE, REFUSE = "limit_grant", "limit_raise", "limit_refuse"
RETRY = "retry"

A_PERIOD = {Period.DAY: "a day", Period.MONTH: "a month"}
THIS_PERIOD = {Period.DAY: "today", Period.MONTH: "this month"}
EACH_OF = {Scope.AGENT: "Each agent", Scope.CHANNEL: "Each channel", Scope.PERSON: "Each person"}

GONE = notice(Level.INFO, "That limit is not there any more. Press Retry to ask again.")
TOO_OLD = notice(Level.INFO, "That is too old for this. Ask again.")
ASKED = notice(Level.INFO, "More was asked for already. Whoever asked hears what the admins decide.")
NOT_YOURS = notice(Level.WARNING, "Only the person who asked, or an admin, can do that.")
NOBODY = notice(
    Level.WARNING,
    "Latchkey knows none of this workspace's admins by name, so nobody was told. Ask one of them yourself: ",
    *marked("`/byok budget` raises the limit."),
)
UNREACHED = notice(
    Level.WARNING,
    "None of the admins could be told that you ask for more. Ask one of them yourself: ",
    *marked("`/byok budget` raises the limit."),
)


def whose(standing: Standing, agent: str = "") -> Rich:
    """What a limit is said to be of, for the beginning of a sentence."""
    subject = standing.subject
    match standing.limit.scope:
        case Scope.AGENT:
            return rich(Bold(agent), "'s") if agent else rich("An agent's")
        case Scope.CHANNEL:
            return rich(Channel(subject), "'s")
        case Scope.PERSON:
            return rich(Person(UserRef(standing.limit.workspace, subject)), "'s")
        case _:
            return rich("This workspace's")


def named(limit: Limit, agent: str = "", subject: str = "") -> Rich:
    """What a limit is for, in a table or a form; one for EACH by one of them, where that is told."""
    one = subject or limit.subject
    if one == EACH:
        return rich(EACH_OF[limit.scope])
    match limit.scope:
        case Scope.AGENT:
            return rich(Bold(agent)) if agent else rich("An agent that is gone")
        case Scope.CHANNEL:
            return rich(Channel(one))
        case Scope.PERSON:
            return rich(Person(UserRef(limit.workspace, one)))
        case _:
            return rich("The workspace")


def sized(standing: Standing) -> str:
    """`limit of $5.00 a day`; with what was granted on top it is that of this period."""
    limit = standing.limit
    if standing.allowed != limit.amount:
        return f"limit of {shown(standing.allowed)} for {THIS_PERIOD[limit.period]}"
    return f"limit of {shown(limit.amount)} {A_PERIOD[limit.period]}"


def spent(standing: Standing) -> str:
    """`$4.10 + $0.20 in the making`: what calls that are being made can cost at most."""
    more = f" + {shown(standing.reserved)} in the making" if standing.reserved else ""
    return f"{shown(standing.spent)}{more}"


def reached(standing: Standing, percent: int, of: Rich, *, admin: bool) -> View:
    """One of the levels is reached; at the last one there is no room for another call, whatever is left."""
    used_up = percent == 100
    says = f"is used to {percent} %"
    if used_up:
        says = "is used up" if standing.spent.amount >= standing.allowed else "leaves no room for a question"
    then: Rich = rich("It begins anew ", When(standing.resets_at), ".")
    if used_up:
        then = rich("Until then questions are not answered, unless an admin allows more. ", *then)
    blocks: list[Block] = [
        Notice(
            rich(*of, f" {sized(standing)} {says}: {spent(standing)} is spent."),
            Level.WARNING if used_up else Level.INFO,
        ),
        Note(then),
    ]
    if admin:
        value = f"{standing.limit.id} {standing.subject}".strip()
        blocks.append(
            Buttons((Button(EDIT, "Raise it", value, Style.PRIMARY if used_up else Style.DEFAULT, opens=True),))
        )
    return View(blocks=tuple(blocks))


def over(standing: Standing, run: str, of: Rich, *, to_admin: bool) -> View:
    """In the thread, in the place of an answer. All who are there read it: what a person spent is theirs, and stands in `/byok budget`."""
    value = f"{run} {standing.limit.id} {standing.subject}".strip()
    theirs = "" if standing.limit.scope is Scope.PERSON else f": {spent(standing)} is spent"
    ask = Button(ASK, "Raise it" if to_admin else "Ask for more", value, Style.PRIMARY, opens=True)
    return View(
        blocks=(
            Notice(
                rich(*of, f" {sized(standing)} leaves no room for this{theirs}."), Level.WARNING
            ),
            Note(
                rich(
                    "It begins anew ", When(standing.resets_at),
                    ": press Retry then. If an admin allows more before, this is asked again by itself, for up to a day.",
                )
            ),
            Buttons((ask, Button(RETRY, "Retry", run))),
        )
    )  # fmt: skip


def wanted(request: LimitRequest, standing: Standing, *, agent: str, limit_agent: str, channel: str, why: str) -> View:
    """The card of an admin. `why` is the asker's own words, shown here and kept nowhere."""
    asker, period = Person(UserRef(request.workspace, request.asker)), standing.limit.period
    where: list[Span] = [Bold(agent)] if agent else ["an agent"]
    if channel:
        where += [" in ", Channel(channel)]
    return View(
        blocks=(
            Notice(rich(asker, " reached a limit and asks for ", Bold(shown(request.amount)), " more."), Level.WARNING),
            Fields(
                (
                    ("Question for", tuple(where)),
                    ("Limit", rich(*named(standing.limit, limit_agent, standing.subject), f", {shown(standing.allowed)} {A_PERIOD[period]}")),
                    ("Spent", rich(f"{spent(standing)}")),
                    ("Begins anew", rich(When(standing.resets_at))),
                )
            ),
            Text(rich(Bold("Why: "), why)),
            Buttons(
                (
                    Button(GRANT, f"Allow {shown(request.amount)} {'for today' if period is Period.DAY else 'this month'}", request.id, Style.PRIMARY),
                    Button(RAISE, f"Raise to {shown(request.raise_to)} for good", request.id),
                    Button(REFUSE, "No", request.id, Style.DANGER),
                )
            ),
            Note(rich("Whoever of the admins presses first decides. The question is then asked again by itself.")),
        )
    )  # fmt: skip


def decided(request: LimitRequest, period: Period, *, released: int | None = None) -> View:
    """The card once it is decided."""
    by, asker = (
        Person(UserRef(request.workspace, request.decided_by)),
        Person(UserRef(request.workspace, request.asker)),
    )
    match request.state:
        case RequestState.GRANTED:
            line = rich(
                by, f" allowed {shown(request.amount)} more for {THIS_PERIOD[period]}, asked for by ", asker, "."
            )
        case RequestState.RAISED:
            line = rich(
                by, f" raised the limit to {shown(request.raise_to)} {A_PERIOD[period]}, asked for by ", asker, "."
            )
        case _:
            return View(blocks=(Notice(rich(by, " said no to more, asked for by ", asker, "."), Level.INFO),))
    again = {None: "", 0: " Nothing waits for it any more.", 1: " The question that waited is asked again now."}
    said = again.get(released, f" {released} questions that waited are asked again now.")
    return View(blocks=(Notice(rich(*line, said), Level.SUCCESS),))


def answer(request: LimitRequest, standing: Standing | None, *, released: int) -> View:
    """What the asker hears of it, and nobody else."""
    by = Person(UserRef(request.workspace, request.decided_by))
    if request.state is RequestState.REFUSED:
        then: Sequence[Span] = (" It begins anew ", When(standing.resets_at), ".") if standing else ()
        return notice(Level.WARNING, by, " said no to more for now.", *then)
    period = standing.limit.period if standing else Period.DAY
    if request.state is RequestState.GRANTED:
        says = f" allowed {shown(request.amount)} more for {THIS_PERIOD[period]}."
    else:
        says = f" raised the limit to {shown(request.raise_to)} {A_PERIOD[period]}."
    then = (" Your question is asked again now.",) if released else (" Press Retry, or ask again.",)
    return notice(Level.SUCCESS, by, says, *then)


def sent(number: int) -> View:
    """After somebody asked."""
    whom = "An admin was" if number == 1 else f"{number} admins were"
    return notice(
        Level.SUCCESS, f"{whom} asked for more. You are told what they decide, and then this is asked again by itself."
    )


def price_unknown(run: str, model: str, *, to_admin: bool, told: bool) -> View:
    """In the thread: nobody knows what the agent's model costs, and money is limited."""
    if to_admin:
        then = rich("Enter its price: then this is asked again by itself, for up to a day.")
    else:
        once = "The admins have been told. Once one has" if told else "Once an admin has"
        then = rich(
            f"{once} entered its price (", Code("/byok prices"), "), this is asked again by itself, for up to a day."
        )
    buttons = (*((_enter(model),) if to_admin else ()), Button(RETRY, "Retry", run))
    return View(blocks=(_unpriced(model), Note(then), Buttons(buttons)))


def price_wanted(model: str) -> View:
    """Told to admins once."""
    then = rich("Questions wait for its price: once it is entered they are asked again by themselves, for up to a day.")
    return View(blocks=(_unpriced(model), Note(then), Buttons((_enter(model),))))


def _unpriced(model: str) -> Notice:
    what = rich("The price of ", Code(model), " is not known") if model else rich("The price of a model is not known")
    return Notice(rich(*what, ", and what may be spent here is limited. So it is not asked."), Level.WARNING)


def _enter(model: str) -> Button:
    return Button(ENTER, "Enter a price", model, Style.PRIMARY, opens=True)
