"""Asking a person whether an agent may do something: the card in the thread, and what is said about it. Pure.

Only our own words, names that admins chose and the platform's own ids stand outside the block that shows the arguments.
"""

from __future__ import annotations

import re
from datetime import datetime

from app.domain.approvals import REMEMBERED, ApprovalState, Asked, seen
from app.domain.chat import Persona, UserRef
from app.domain.tool_kinds import BY_NAME
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Channel,
    Code,
    Confirm,
    Level,
    Note,
    Person,
    Rich,
    Span,
    Style,
    Text,
    Verbatim,
    View,
    When,
    rich,
)
from app.domain.views import Notice as Said
from app.services.screens.words import marked, notice

APPROVE, DENY, ALWAYS, CANCEL = "approve", "deny", "approve_always", "cancel_approval"

ASKS = Persona("Latchkey", "🔑")
"""Not the agent: whoever reads it is to know that this is no answer of a model."""

_ACTS = {
    "post_message": "post a message",
    "channel_history": "read a channel",
    "chat_search": "search the chat",
    "http_fetch": "read a web page",
    "run_code": "run code",
    "remember": "keep a note",
    "recall": "look up its notes",
    "propose_schedule": "do something regularly",
    "ask_agent": "ask another agent",
}
LONGEST_NAME = 80
_AN_ID = re.compile(r"[\w.:@/+=-]{1,200}")


def card(asked: Asked, approval: str, *, reason: str, arguments: str, until: datetime, may_remember: bool) -> View:
    """The question, for everybody in the thread to see."""
    if arguments:
        exactly: tuple[Block, ...] = (Text(rich("With exactly this:")), Verbatim(arguments))
    else:
        exactly = (Text(rich("Nothing is handed to it.")),)
    buttons = [
        Button(APPROVE, "Approve", approval, Style.PRIMARY),
        Button(DENY, "Deny", approval, Style.DANGER),
    ]
    if may_remember:
        buttons.append(Button(ALWAYS, "Always allow this", approval, confirm=_ALWAYS))
    return View(
        blocks=(
            Said(rich(Bold(asked.agent), " asks for approval. It wants to ", *what(asked), "."), Level.WARNING),
            Text(rich("Asked by ", Person(asked.asker), ". ", *marked(reason))),
            *exactly,
            Note(rich(*deciders(asked), " can decide, until ", When(until), ". Nothing happens before.")),
            Buttons(tuple(buttons)),
        )
    )


def ended(asked: Asked, state: ApprovalState, *, by: UserRef | None = None, always: datetime | None = None) -> View:
    """What the card shows once it is over."""
    does = rich(*what(asked), ", asked by ", Person(asked.asker), ".")
    match state:
        case ApprovalState.APPROVED if by:
            line, level = rich(Person(by), " approved: ", Bold(asked.agent), " may ", *does), Level.SUCCESS
        case ApprovalState.DENIED if by:
            line, level = rich(Person(by), " said no: ", Bold(asked.agent), " may not ", *does), Level.ERROR
        case ApprovalState.EXPIRED:
            line = rich("Nobody decided in time: ", Bold(asked.agent), " did not ", *does)
            level = Level.INFO
        case _:
            line, level = rich("This is over: ", Bold(asked.agent), " did not ", *does), Level.INFO
    more = (Note(rich("The same is allowed here until ", When(always), " without asking.")),) if always else ()
    return View(blocks=(Said(line, level), *more))


def waiting(asked: Asked, approval: str, *, may_cancel: bool) -> View:
    """For somebody who writes on while a person is waited for."""
    button: tuple[Block, ...] = (Buttons((Button(CANCEL, "Cancel", approval, Style.DANGER),)),) if may_cancel else ()
    return View(
        blocks=(
            Said(
                rich(
                    Bold(asked.agent), " is waiting for approval to ", *what(asked), ". ", *deciders(asked),
                    " can decide above. Your message is answered after that.",
                ),
                Level.INFO,
            ),
            *button,
        )
    )  # fmt: skip


def told_expired(asked: Asked) -> View:
    """For the asker, when nobody decided."""
    return notice(
        Level.WARNING, "Nobody approved in time, so ", Bold(asked.agent), " did not ", *what(asked), ". Ask again if you want it done."
    )  # fmt: skip


def told_too_long(asked: Asked) -> View:
    """For the asker, when it was refused because nobody could have read it."""
    return notice(
        Level.WARNING, Bold(asked.agent), " wanted to ", *what(asked), ". That needs approval, but is too long to be shown completely, so it was refused."
    )  # fmt: skip


def already(workspace: str, state: ApprovalState, by: str) -> View:
    """For whoever presses a button of what has been decided."""
    if by and state in (ApprovalState.APPROVED, ApprovalState.DENIED):
        did = " approved this already." if state is ApprovalState.APPROVED else " said no to this already."
        return notice(Level.INFO, Person(UserRef(workspace, by)), did)
    if state is ApprovalState.EXPIRED:
        return notice(Level.INFO, "Nobody decided in time: this is over.")
    return OVER


def what(asked: Asked) -> Rich:
    """What would be done, to follow `wants to`."""
    target, act = asked.target, _ACTS.get(asked.tool)
    if asked.tool == "ask_agent" and asked.other:
        return rich("ask ", Bold(asked.other))
    if asked.tool == "http_fetch" and target.method not in ("", "GET"):
        return rich("send a ", Code(_short(target.method)), " request to ", Code(_short(target.host)))
    does: Rich = rich(act) if act else rich("use ", *_called(asked.tool))
    if target.channel:
        return rich(*does, " in ", _channel(target.channel))
    return rich(*does, " of ", Code(_short(target.host))) if target.host else does


def deciders(asked: Asked) -> Rich:
    """Who may decide."""
    return rich("Only an admin") if asked.admins_only else rich(Person(asked.asker), " or an admin")


def _called(tool: str) -> Rich:
    kind = BY_NAME.get(tool)
    return rich(Bold(kind.title)) if kind else rich("the tool ", Code(seen(tool)))


def _channel(channel: str) -> Span:
    """An id, whatever a model wrote: anything else would be drawn as markup."""
    return Channel(channel) if _AN_ID.fullmatch(channel) else Code(_short(channel))


def _short(target: str) -> str:
    """What a model named, as far as it can be a name; all of it stands among the arguments."""
    shown = seen(target)
    return shown if len(shown) <= LONGEST_NAME else f"{shown[:LONGEST_NAME]}…"


OVER = notice(Level.INFO, "This is over. Nothing was changed.")
WITHDRAWN = notice(Level.WARNING, "What this needs is not granted to the agent any more, so it was not done.")
NOT_REMEMBERED = notice(Level.WARNING, "This can't be allowed for good. Press Approve to allow it this once.")
CANCELLED = notice(Level.INFO, "Stopped.")
NO_STRANGERS = notice(
    Level.WARNING, "Only members of this workspace can decide this: no guests, no apps, nobody from outside."
)
NOT_YOURS = notice(Level.WARNING, "Only the person who asked, or an admin, can decide this.")
ADMINS_ONLY = notice(Level.WARNING, "Only an admin can decide this.")
ADMINS_ALWAYS = notice(
    Level.WARNING, "Only an admin can allow this for good. You can press Approve to allow it this once."
)
_ALWAYS = Confirm(
    "Always allow this?",
    f"For {REMEMBERED.days} days, when asked in this channel, the agent may use this tool on the same channel, site, server or agent "
    "without asking, whatever it hands over. Admins see it among its permissions and can take it back. Only admins can allow this.",
    "Always allow",
)
