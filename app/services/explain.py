"""Why there is no answer, in plain words: the cause, and what happens next. Pure."""

from __future__ import annotations

import math

from app.domain.run import RunFinished, Stop
from app.domain.views import Block, Button, Buttons, Level, Note, Notice, Style, View, rich
from app.errors import (
    BadAnswer,
    Capped,
    ContextTooLong,
    CutOff,
    KeyRejected,
    ModelGone,
    NoCredit,
    NoKey,
    NoModel,
    NotPermitted,
    OverLimit,
    Overloaded,
    Paused,
    PriceUnknown,
    RateLimited,
    RequestRefused,
    RunLimit,
    Stopped,
    TimedOut,
    Unreachable,
)
from app.services.continuing import CONTINUE
from app.services.screens.keys import ADD
from app.services.screens.words import many, marked

RETRY = "retry"
"""The action of the button under an answer that failed or was stopped; its value is the run."""

INTERRUPTED = "Interrupted"
QUESTION_GONE = "QuestionGone"
ANSWER_GONE = "AnswerGone"
USED_UP = "UsedUp"
UNREADABLE = "ConversationUnreadable"
WORDLESS = "Wordless"
DECLINED = "Declined"

BY_ITSELF = "this is asked again by itself, for up to a day"

_CAUSES: dict[str, tuple[str, str]] = {
    KeyRejected.__name__: (
        "The model's provider rejected this workspace's key.",
        f"Its admins have been told. Once they have set a working key, {BY_ITSELF}.",
    ),
    NoCredit.__name__: (
        "The provider account behind this workspace's key has no credit left.",
        f"Its admins have been told. Once there is credit again, {BY_ITSELF}.",
    ),
    NotPermitted.__name__: (
        "The provider does not let this workspace's key use this agent's model.",
        "An admin can choose another model for the agent, or allow this one at the provider.",
    ),
    Capped.__name__: (
        "This workspace limits how often the agent's key may be used, and this did not get its turn in time.",
        "Press Retry in a while. An admin can raise the limit at `/byok keys`.",
    ),
    Paused.__name__: ("The provider asked this workspace's key to rest for a while.", "Press Retry in a while."),
    RateLimited.__name__: ("The provider limits how fast this workspace's key may be used.", "Press Retry in a while."),
    Overloaded.__name__: ("The model's provider is overloaded at the moment.", "Press Retry in a while."),
    ModelGone.__name__: (
        "The provider no longer offers this agent's model.",
        "An admin can choose another one with `/byok model` or in Latchkey's home.",
    ),
    ContextTooLong.__name__: (
        "This conversation is too long for the agent's model.",
        "Begin a new thread, or mention the agent with the one word `forget` and ask again.",
    ),
    RequestRefused.__name__: (
        "The provider refused to answer this as it was asked.",
        "Asking in other words, or choosing another model, may help.",
    ),
    CutOff.__name__: ("The provider's answer broke off in the middle.", "Press Retry to ask once more."),
    TimedOut.__name__: ("The provider did not answer in time.", "Press Retry to ask once more."),
    Unreachable.__name__: ("The model's provider could not be reached.", "Press Retry in a while."),
    BadAnswer.__name__: (
        "The provider answered with something that could not be understood.",
        "Press Retry to ask once more.",
    ),
    OverLimit.__name__: ("A limit on what may be spent left no room for this.", "Press Retry to ask once more."),
    PriceUnknown.__name__: (
        "The price of this agent's model is not known, and what may be spent here is limited.",
        f"Once an admin has entered its price with `/byok prices`, {BY_ITSELF}.",
    ),
    RunLimit.__name__: (
        "This agent reached its limit for one answer before it could say anything.",
        "An admin can raise the agent's limits. Press Retry then.",
    ),
    INTERRUPTED: ("Something went wrong on Latchkey's side while answering this.", "Press Retry to ask once more."),
    UNREADABLE: ("Latchkey could not read this conversation.", "If it has been invited here, press Retry in a while."),
    WORDLESS: ("The model ended without saying anything.", "Press Retry to ask once more."),
    DECLINED: ("The model declined to answer this.", "Asking in other words, or choosing another model, may help."),
    USED_UP: (
        "The model used this agent's length limit up before it said anything.",
        "An admin can raise the agent's longest answer, or let it think less. Press Retry then.",
    ),
    ANSWER_GONE: ("The answer is not in this conversation any more.", "Ask again and mention the agent."),
    QUESTION_GONE: ("The question is not in this conversation any more.", "Ask it again and mention the agent."),
}

_WITHOUT_RETRY = (QUESTION_GONE, ANSWER_GONE)


def stopped(run: str) -> View:
    """Under what was said until somebody stopped it."""
    return View(blocks=(Note(rich("Stopped.")), _retry(run)))


def ended(finished: RunFinished, run: str) -> tuple[Block, ...]:
    """Under a whole answer: what a reader should know of one that did not end by itself, or was not given all that was said before."""
    notes: list[Block] = []
    if finished.summarised:
        notes.append(
            Note(rich("What was said before did not fit in the model's window, so its older part was summed up."))
        )
    if finished.left_out:
        notes.append(
            Note(rich("Not all that was said and found before fits in the model's window: some was left out."))
        )
    if finished.stop is Stop.PAUSE:
        notes.append(Note(rich("The model's provider broke its work off too often: this may not be all.")))
    elif finished.limit:
        notes.append(Note(rich(f"This agent stopped at its limit of {finished.limit}.")))
    elif finished.stop is Stop.REFUSED:
        notes.append(Note(rich("The model declined to say more about this.")))
    elif finished.stop is Stop.LENGTH:
        notes.append(Note(rich("The answer reached this agent's length limit and ends here.")))
        notes.append(Buttons((Button(CONTINUE, "Continue", run),)))
    return tuple(notes)


def wordless(finished: RunFinished | None) -> str:
    """The code of why an answer has no words."""
    stop = finished.stop if finished else Stop.END
    return {Stop.REFUSED: DECLINED, Stop.LENGTH: USED_UP}.get(stop, WORDLESS)


def failure(
    code: str, run: str, *, message: str = "", retry_after: float | None = None, to_admin: bool = False
) -> View:
    """Why there is no (whole) answer. Where the cause is this workspace's set-up, its `message` says so already."""
    if code == Stopped.__name__:
        return stopped(run)
    if code in (NoKey.__name__, NoModel.__name__):
        return _missing(message, run, to_admin=to_admin, by_itself=code == NoKey.__name__)
    cause, after = _CAUSES.get(code, _CAUSES[INTERRUPTED])
    if retry_after is not None:
        after = f"It asks to wait {_patience(retry_after)}. {after}"
    blocks: list[Block] = [Notice(marked(cause), Level.WARNING), Note(marked(after))]
    if to_admin and code in (KeyRejected.__name__, NoCredit.__name__):
        blocks.append(Buttons((Button(ADD, "Set another key", style=Style.PRIMARY, opens=True), _button(run))))
    elif code not in _WITHOUT_RETRY:
        blocks.append(_retry(run))
    return View(blocks=tuple(blocks))


def refusal(message: str) -> View:
    """Why somebody is not answered here; told to nobody else."""
    return View(blocks=(Notice(marked(message), Level.INFO),))


def _missing(message: str, run: str, *, to_admin: bool, by_itself: bool) -> View:
    then = f"then {BY_ITSELF}" if by_itself else "then press Retry"
    after = f"{then[:1].upper()}{then[1:]}." if to_admin else f"Ask an admin of this workspace to do so; {then}."
    first = (Button(ADD, "Set a key", style=Style.PRIMARY, opens=True),) if to_admin else ()
    return View(
        blocks=(Notice(marked(message), Level.WARNING), Note(marked(after)), Buttons((*first, _button(run)))),
    )


def _retry(run: str) -> Buttons:
    return Buttons((_button(run),))


def _button(run: str) -> Button:
    return Button(RETRY, "Retry", run)


def _patience(seconds: float) -> str:
    if seconds < 90:
        return many(math.ceil(seconds), "second")
    minutes = math.ceil(seconds / 60)
    return many(minutes, "minute") if minutes < 90 else many(math.ceil(minutes / 60), "hour")
