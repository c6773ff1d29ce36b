"""`/byok budget …` as it is typed: whom it is for, over which time, and how much. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.agent import AgentSpec
from app.domain.spend import EACH, Period, Scope
from app.errors import BadInput
from app.services.dollars import parsed

USAGE = (
    "Type who, day or month, and dollars: `/byok budget workspace month 100`, `/byok budget agent assistant day 5`, "
    "`/byok budget @Kim day 2`, `/byok budget channel #general month 20`, `/byok budget each person day 1`. "
    "`/byok budget remove workspace month` removes one, `/byok budget` shows all."
)

_PERIODS = {
    "day": Period.DAY, "daily": Period.DAY, "today": Period.DAY,
    "month": Period.MONTH, "monthly": Period.MONTH,
}  # fmt: skip
_SCOPES = {
    "agent": Scope.AGENT, "agents": Scope.AGENT, "channel": Scope.CHANNEL, "channels": Scope.CHANNEL,
    "person": Scope.PERSON, "people": Scope.PERSON, "user": Scope.PERSON, "users": Scope.PERSON, "everyone": Scope.PERSON,
}  # fmt: skip
_FILLERS = frozenset({"a", "an", "per", "for", "the", "to", "=", "limit", "set", "at", "most"})
_PERSON = re.compile(r"<@(?P<id>[\w.:@/+=-]{1,120})(?:\|[^>]*)?>")
_CHANNEL = re.compile(r"<#(?P<id>[\w.:@/+=-]{1,120})(?:\|[^>]*)?>")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed. `channel` is a name or an id that is yet to be looked up; then there is no subject."""

    scope: Scope
    subject: str
    period: Period
    amount: Decimal | None = None
    channel: str = ""


def understood(text: str, agents: Sequence[AgentSpec], *, remove: bool = False) -> Typed:
    """Raises BadInput with what can be typed."""
    words = text.split()
    amount = None
    if not remove:
        if not words:
            raise BadInput(USAGE)
        if words[-1].casefold() in _PERIODS and len(words) > 1:  # `agent assistant 5 a day`, too
            words = _money_last(words)
        amount = parsed(words.pop())
    found = [at for at, word in enumerate(words) if word.casefold() in _PERIODS]
    if not found:
        raise BadInput(f"Say whether that is for a day or a month. {USAGE}")
    period = _PERIODS[words.pop(found[-1]).casefold()]
    whom = [word for word in words if word.casefold() not in _FILLERS]
    scope, subject, channel = _whom(whom, agents)
    return Typed(scope, subject, period, amount, channel)


def _money_last(words: Sequence[str]) -> list[str]:
    at = next((at for at, word in reversed(list(enumerate(words))) if word.lstrip("$.")[:1].isdigit()), len(words) - 1)
    return [*words[:at], *words[at + 1 :], words[at]]


def _whom(words: Sequence[str], agents: Sequence[AgentSpec]) -> tuple[Scope, str, str]:
    said = " ".join(words)
    lower = [word.casefold() for word in words]
    if lower in (["workspace"], ["whole", "workspace"], ["all"], ["everything"]):
        return Scope.WORKSPACE, "", ""
    if person := _PERSON.fullmatch(words[-1] if words else ""):
        return Scope.PERSON, person["id"], ""
    if channel := _CHANNEL.fullmatch(words[-1] if words else ""):
        return Scope.CHANNEL, channel["id"], ""
    if lower[:1] in (["each"], ["every"]) and len(lower) == 2 and lower[1] in _SCOPES:
        return _SCOPES[lower[1]], EACH, ""
    if lower in (["agents"], ["channels"], ["people"], ["users"], ["everyone"]):
        return _SCOPES[lower[0]], EACH, ""
    if len(words) == 1 and words[0].startswith("#"):
        return Scope.CHANNEL, "", words[0]
    if lower[:1] == ["channel"] and len(words) == 2:
        return Scope.CHANNEL, "", words[1]
    name = " ".join(words[1:]) if lower[:1] == ["agent"] else said
    agent = next((one for one in agents if name and one.name.casefold() == name.casefold()), None)
    if agent:
        return Scope.AGENT, agent.id, ""
    if lower[:1] == ["agent"]:
        raise BadInput(f"There is no such agent. There is {', '.join(one.name for one in agents)}.")
    raise BadInput(f"Whom is that for? {USAGE}")
