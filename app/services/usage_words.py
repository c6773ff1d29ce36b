"""What somebody wants to see spent: over which time and by what, read forgivingly. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum

from app.domain.spend import Kind
from app.errors import BadInput
from app.services.calendar import Calendar


class Timespan(StrEnum):
    """A time up to now."""

    TODAY = "today"
    WEEK = "7d"
    THIRTY = "30d"
    MONTH = "month"

    @property
    def words(self) -> str:
        """What people call it."""
        return _WORDS[self][0]

    @property
    def label(self) -> str:
        """The same in as little room as a phone has."""
        return _WORDS[self][1]

    def days(self, calendar: Calendar, now: datetime) -> tuple[str, str]:
        """Its first day and its last (today), as the workspace's calendar has them."""
        last = date.fromisoformat(calendar.day(now))
        match self:
            case Timespan.TODAY:
                first = last
            case Timespan.MONTH:
                first = last.replace(day=1)
            case _:
                first = last - timedelta(days=6 if self is Timespan.WEEK else 29)
        return f"{first}", f"{last}"


_WORDS = {
    Timespan.TODAY: ("Today", "Today"),
    Timespan.WEEK: ("Last 7 days", "7d"),
    Timespan.THIRTY: ("Last 30 days", "30d"),
    Timespan.MONTH: ("This month", "Month"),
}

GROUPS = {
    Kind.AGENT: "Agent",
    Kind.USER: "Person",
    Kind.CHANNEL: "Channel",
    Kind.MODEL: "Model",
    Kind.KEY: "Key",
}  # fmt: skip

_SPELLINGS: dict[str, Timespan | Kind] = {
    "today": Timespan.TODAY, "day": Timespan.TODAY, "now": Timespan.TODAY, "1d": Timespan.TODAY, "24h": Timespan.TODAY,
    "7d": Timespan.WEEK, "7": Timespan.WEEK, "week": Timespan.WEEK, "weekly": Timespan.WEEK, "1w": Timespan.WEEK,
    "30d": Timespan.THIRTY, "30": Timespan.THIRTY, "4w": Timespan.THIRTY,
    "month": Timespan.MONTH, "monthly": Timespan.MONTH, "mtd": Timespan.MONTH, "1m": Timespan.MONTH,
    "agent": Kind.AGENT, "agents": Kind.AGENT, "bot": Kind.AGENT, "bots": Kind.AGENT,
    "user": Kind.USER, "users": Kind.USER, "person": Kind.USER, "people": Kind.USER, "asker": Kind.USER,
    "member": Kind.USER, "members": Kind.USER,
    "channel": Kind.CHANNEL, "channels": Kind.CHANNEL, "place": Kind.CHANNEL,
    "model": Kind.MODEL, "models": Kind.MODEL,
    "key": Kind.KEY, "keys": Kind.KEY,
}  # fmt: skip
_FILLING = {"by", "per", "the", "this", "last", "past", "for", "of", "in", "each", "days", "show", "and", "to", "date"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be shown."""

    timespan: Timespan = Timespan.MONTH
    kind: Kind = Kind.AGENT

    @property
    def value(self) -> str:
        """As a button carries it."""
        return f"{self.timespan}/{self.kind}"

    @classmethod
    def of(cls, value: str) -> Wanted:
        """A button's value again; what is none shows what is usual."""
        timespan, _, kind = value.partition("/")
        known = {kind.value for kind in GROUPS}
        return cls(
            Timespan(timespan) if timespan in set(Timespan) else Timespan.MONTH,
            Kind(kind) if kind in known else Kind.AGENT,
        )

    @classmethod
    def typed(cls, text: str) -> Wanted:
        """`[today|7d|30d|month] [by agent|user|channel|model|key]`, in any order and spelling. Raises BadInput for what can't be meant."""
        timespan: Timespan | None = None
        kind: Kind | None = None
        words = [word.strip(".,;:`'\"").removeprefix("--") for word in text.casefold().replace("/", " ").split()]
        for word in words:
            found = _meant(word)
            if isinstance(found, Timespan):
                timespan = timespan or found
            elif found is not None:
                kind = kind or found
        return cls(timespan or Timespan.MONTH, kind or Kind.AGENT)


def _meant(word: str) -> Timespan | Kind | None:
    if not word or word in _FILLING:
        return None
    if word in _SPELLINGS:
        return _SPELLINGS[word]
    near = get_close_matches(word, [name for name in _SPELLINGS if len(name) > 3], n=1, cutoff=0.75)
    if near:
        return _SPELLINGS[near[0]]
    raise BadInput(
        "Type `/byok usage`, then `today`, `7d`, `30d` or `month`, and `by agent`, `by user`, `by channel`, `by model` or `by key`."
    )
