"""Words and small parts that several screens share; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from app.domain.agent import AgentSpec
from app.domain.chat import UserRef
from app.domain.events import FieldErrors
from app.domain.keys import KeyStatus, ProviderKey
from app.domain.views import Bold, Code, Level, Notice, Person, Rich, Span, Text, View, rich
from app.errors import BadInput

STATUS = {
    KeyStatus.VERIFIED: "✅ Works",
    KeyStatus.UNVERIFIED: "⏳ Not checked yet",
    KeyStatus.REFUSED: "❌ Refused by the provider",
    KeyStatus.NO_CREDIT: "⚠️ No credit left",
    KeyStatus.REVOKED: "Revoked",
}


def notice(level: Level, *spans: Span) -> View:
    """A screen of one sentence that must be seen."""
    return View(blocks=(Notice(rich(*spans), level),))


def said(*spans: Span) -> View:
    """A screen of one paragraph."""
    return View(blocks=(Text(rich(*spans)),))


def refused(message: str) -> View:
    """A polite no."""
    return notice(Level.WARNING, *marked(message))


def marked(message: str) -> Rich:
    """A sentence of ours, with what stands between backticks shown as something to type."""
    return tuple(Code(part) if at % 2 else part for at, part in enumerate(message.split("`")) if part)


def beside(field: str, message: str) -> FieldErrors:
    """What is wrong with a field; no platform shows anything but plain text there, so backticks go."""
    return FieldErrors({field: message.replace("`", "")})


def day(typed: str, field: str) -> date | None:
    """A day as people type it into a field that may be left empty. Raises BadInput."""
    text = typed.strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput("Enter a day such as 2027-06-30.", field=field) from None


def count(typed: str, field: str) -> int:
    """A number as people type it into a field that may be left empty; that is 0. Raises BadInput."""
    text = typed.strip()
    if text and not (text.isascii() and text.isdigit()):
        raise BadInput("Enter a whole number, or leave it empty.", field=field)
    return int(text or 0)


def shown(key: ProviderKey) -> str:
    """By what people tell a key from others."""
    return f"••••{key.last_four}" if key.last_four else "••••"


def agent_names(agents: Sequence[AgentSpec]) -> Rich:
    """`writer`, `assistant` and `coder`, in bold."""
    return enumerated([Bold(agent.name) for agent in agents])


def people(users: Iterable[UserRef]) -> Rich:
    """People, as the platform shows them."""
    return enumerated([Person(user) for user in users])


def enumerated(spans: Sequence[Span]) -> Rich:
    """One, two and three."""
    parts: list[Span] = []
    for at, span in enumerate(spans):
        if at:
            parts.append(" and " if at == len(spans) - 1 else ", ")
        parts.append(span)
    return tuple(parts)


def many(count: int, one: str, more: str = "") -> str:
    """`1 agent`, `3 agents`."""
    return f"{count} {one if count == 1 else more or one + 's'}"


def undecided(why: str) -> str:
    """What is added where a check could not settle anything."""
    return f"{why} Nothing is known to have changed; try again in a while."
