"""Grants in plain words: `May post to #support, when an admin or member asks, in this workspace; asks before every post; at most 5 a day`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.domain.grants import COLLEAGUES, Approval, GrantPlace, Invoker, ToolGrant, Where
from app.domain.tool_kinds import ScopeKind
from app.domain.views import Bold, Channel, Code, Rich, Span, When
from app.services.grant_fit import READING, scope_kind
from app.services.screens.words import enumerated

_VERBS: Mapping[str, str] = {
    "current_time": "look at the clock",
    "thread_history": "read more of the thread it is asked in",
    "chat_search": "search for messages that the asker can read",
    "web_search": "search the web, where its model can",
    "run_code": "run Python, isolated and without network",
    "remember": "keep short notes",
    "recall": "look up its notes",
    "propose_schedule": "propose schedules",
}
_ONE: Mapping[str, str] = {"post_message": "post", "ask_agent": "question", "propose_schedule": "proposal"}
_EACH: Mapping[ScopeKind, str] = {
    ScopeKind.CHANNELS: " in each channel",
    ScopeKind.HOSTS: " for each site",
    ScopeKind.AGENTS: " for each agent",
    ScopeKind.NONE: "",
}
_PEOPLE: Mapping[Invoker, str] = {
    Invoker.OWNER: "an owner",
    Invoker.ADMIN: "an admin",
    Invoker.MEMBER: "a member",
    Invoker.GUEST: "a guest",
    Invoker.EXTERNAL: "somebody from outside",
    Invoker.BOT: "another app",
}
MOST_NAMED = 10


def whole(grant: ToolGrant, agents: Mapping[str, str], now: datetime) -> Rich:
    """All of it; `agents` are names by their ids."""
    return ("May ", *what(grant, agents), ", ", *_when(grant.invokers), ", ", *_places(grant.places), *how(grant, now))


def what(grant: ToolGrant, agents: Mapping[str, str]) -> Rich:
    """What may be done, and on what: `post to #support`."""
    scope = grant.scope
    match scope_kind(grant.tool):
        case ScopeKind.CHANNELS:
            verb = "post to " if grant.tool == "post_message" else "read "
            can = "" if grant.tool == "post_message" else ", as far as the asker can"
            return (verb, *_named([Channel(one) for one in scope.channels], "no channel yet"), can)
        case ScopeKind.AGENTS:
            names = [Bold(agents.get(one, "an agent that is gone")) for one in scope.agents]
            return ("ask ", *_named(names, "no agent yet"))
        case ScopeKind.HOSTS:
            pages = "read web pages that the asker names or a search finds"
            if not scope.hosts:
                return (pages,)
            hosts = _named([Code(host) for host in scope.hosts], "")
            sends = [Code(method) for method in scope.methods if method not in READING]
            more: Rich = (" (also by ", *enumerated(sends), ")") if sends else ()
            return (pages, ", and use " if sends else ", and all of ", *hosts, *more)
        case ScopeKind.NONE:
            return (_VERBS[grant.tool],) if grant.tool in _VERBS else ("use ", Code(grant.tool))


def how(grant: ToolGrant, now: datetime) -> Rich:
    """Under which conditions: `; asks before every post; at most 5 a day; until 24 Dec`."""
    parts: list[Span] = []
    one = _ONE.get(grant.tool, "use")
    if grant.approval is Approval.ALWAYS:
        parts.append(f"; asks before every {one}")
    elif grant.approval is Approval.FIRST_TIME:
        parts.append(f"; asks before the first {one}{_EACH[scope_kind(grant.tool)]}")
    if grant.per_run:
        parts.append(f"; at most {grant.per_run} for one answer")
    if grant.per_day:
        parts.append(f"; at most {grant.per_day} a day")
    for name, value in list(grant.pinned.items())[:MOST_NAMED]:
        parts += ["; only with ", Code(f"{name} = {value if len(value) <= 80 else value[:79] + '…'}")]
    if grant.expires:
        parts += ["; until " if now < grant.expires else "; ran out ", When(grant.expires)]
    return tuple(parts)


def _when(invokers: Sequence[Invoker]) -> Rich:
    people = [invoker for invoker in invokers if invoker is not Invoker.SCHEDULED]
    scheduled = "on a schedule" if Invoker.SCHEDULED in invokers else ""
    if not people:
        return (scheduled or "for nobody",)
    if set(invokers) == set(Invoker):
        return ("whoever asks",)
    names = [_PEOPLE[invoker] for invoker in people if invoker is not Invoker.OWNER or Invoker.ADMIN not in people]
    asking = f"when {_either(names)} asks"
    if set(people) == set(COLLEAGUES):
        asking = "when an admin or member asks"
    return (f"{asking} or {scheduled}" if scheduled else asking,)


def _places(places: Sequence[GrantPlace]) -> Rich:
    kinds = {place.where for place in places}
    inside = "in this workspace" if Where.INSIDE in kinds else "in direct messages" if Where.DIRECT in kinds else ""
    shared = "in channels shared with other organisations" if Where.SHARED in kinds else ""
    if inside and shared and Where.INSIDE in kinds:
        return ("everywhere, also in channels shared with other organisations",)
    parts: list[Span] = [one for one in (inside, shared) if one]
    channels = [Channel(place.channel) for place in places if place.where is Where.CHANNEL]
    named: Rich = ("in ", *_named(channels, "")) if channels else ()
    both = (" and ",) if parts and named else ()
    return (*enumerated(parts), *both, *named) if parts or named else ("nowhere",)


def _named(spans: Sequence[Span], none: str) -> Rich:
    if not spans:
        return (Bold(none),) if none else ()
    more = len(spans) - MOST_NAMED
    return enumerated(spans) if more <= 0 else (*enumerated(spans[:MOST_NAMED]), f" and {more} more")


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
