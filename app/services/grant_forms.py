"""A grant as a form has it: every part a choice or an exact name, and what a form can't say stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from app.domain.grants import COLLEAGUES, EVERYWHERE, Approval, GrantPlace, Invoker, Scope, ToolGrant, Where
from app.domain.tool_kinds import ScopeKind
from app.errors import BadInput
from app.services.grant_drafts import METHODS, check_grant
from app.services.grant_fit import scope_kind

KEPT = "kept"
"""The choice that leaves a part as it is, where no other says it."""

NOBODY, CHANNELS, NEVER = "nobody", "channels", "never"
WHO: Mapping[str, tuple[Invoker, ...]] = {
    "admins": (Invoker.OWNER, Invoker.ADMIN),
    "members": COLLEAGUES,
    "guests": (*COLLEAGUES, Invoker.GUEST),
    "everybody": (*COLLEAGUES, Invoker.GUEST, Invoker.EXTERNAL),
    NOBODY: (),
}
PLACES: Mapping[str, tuple[GrantPlace, ...]] = {
    "inside": (GrantPlace(Where.INSIDE), GrantPlace(Where.DIRECT)),
    "direct": (GrantPlace(Where.DIRECT),),
    "everywhere": EVERYWHERE,
}
SENDING: Mapping[str, tuple[str, ...]] = {"read": ("GET",), "send": ("GET", "POST"), "all": METHODS}
DAYS = (1, 7, 30, 90, 365)

_MACHINES = (Invoker.BOT, Invoker.SCHEDULED)
Choice = TypeVar("Choice", Invoker, GrantPlace, str)


def who(grant: ToolGrant) -> str:
    """The choice that says for which people it is."""
    people = {invoker for invoker in grant.invokers if invoker not in _MACHINES}
    return next((name for name, preset in WHO.items() if set(preset) == people), KEPT)


def places(grant: ToolGrant) -> str:
    """The choice that says where it holds."""
    if grant.places and all(place.where is Where.CHANNEL for place in grant.places):
        return CHANNELS
    found = set(grant.places)
    if found == {GrantPlace(Where.INSIDE)}:  # direct messages are within the workspace
        return "inside"
    return next((name for name, preset in PLACES.items() if set(preset) == found), KEPT)


def sending(grant: ToolGrant) -> str:
    """The choice that says what may be done with its hosts."""
    return next((name for name, methods in SENDING.items() if set(methods) == set(grant.scope.methods)), KEPT)


def agent(grant: ToolGrant) -> str:
    """The choice of the agent it may ask; empty for none yet."""
    return KEPT if len(grant.scope.agents) > 1 else next(iter(grant.scope.agents), "")


def place_channels(grant: ToolGrant) -> tuple[str, ...]:
    """The channels that it holds in."""
    return tuple(place.channel for place in grant.places if place.where is Where.CHANNEL)


def pinned(grant: ToolGrant) -> str:
    """Its pinned arguments, a line each."""
    return "\n".join(f"{name} = {value}" for name, value in grant.pinned.items())


def read(values: Mapping[str, str], before: ToolGrant, *, pin: str, now: datetime) -> ToolGrant:
    """The grant that was filled in, `before` being what the form showed. Raises BadInput with the field at fault.

    `pin` is what a tool of a server is today.
    """
    kind = scope_kind(before.tool)
    named = tuple(dict.fromkeys(values.get("channels", "").split()))
    if kind is ScopeKind.CHANNELS and not named:
        raise BadInput("Choose at least one channel.", field="channels")
    asked = _agents(values.get("agent", ""), before) if kind is ScopeKind.AGENTS else ()
    made = ToolGrant(
        tool=before.tool,
        pinned=_pinned(values.get("pinned", ""), before),
        approval=_approval(values.get("approval", "")),
        id=before.id,
        scope=Scope(
            hosts=_hosts(values.get("hosts", "")) if kind is ScopeKind.HOSTS else before.scope.hosts,
            methods=_methods(values.get("sending", ""), before) if kind is ScopeKind.HOSTS else before.scope.methods,
            channels=named if kind is ScopeKind.CHANNELS else before.scope.channels,
            agents=asked,
            schema=pin,
        ),
        places=_places(values.get("places", ""), values.get("place_channels", ""), before),
        invokers=_invokers(values, before),
        per_run=_limit(values.get("per_run", ""), "per_run", before.tool),
        per_day=_limit(values.get("per_day", ""), "per_day", before.tool),
        expires=_expires(values.get("expires", ""), before, now),
        granted_by=before.granted_by,
    )
    _checked(made, "pinned")
    return made


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(dict.fromkeys(map(_host, text.replace(",", " ").split())))
    _checked(ToolGrant("http_fetch", scope=Scope(hosts=hosts)), "hosts")
    return hosts


def _host(word: str) -> str:
    """An address that was pasted is its host, unless it says more than that."""
    if "://" not in word:
        return word.lower()
    try:
        parts = urlsplit(word)
    except ValueError:
        raise BadInput(f"{word[:100]} is not an address.", field="hosts") from None
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise BadInput(f"A whole host is granted, not a page of it: write {parts.netloc[:100]}.", field="hosts")
    return parts.netloc.lower()


def _methods(chosen: str, before: ToolGrant) -> tuple[str, ...]:
    if chosen in (KEPT, sending(before)):
        return before.scope.methods
    return _of(SENDING, chosen, "sending")


def _agents(chosen: str, before: ToolGrant) -> tuple[str, ...]:
    if chosen == KEPT and agent(before) == KEPT:
        return before.scope.agents
    if not chosen or chosen == KEPT:
        raise BadInput("Choose an agent.", field="agent")
    return (chosen,)


def _places(chosen: str, channels: str, before: ToolGrant) -> tuple[GrantPlace, ...]:
    if chosen == CHANNELS:
        there = tuple(GrantPlace(Where.CHANNEL, channel) for channel in dict.fromkeys(channels.split()))
        if not there:
            raise BadInput("Choose at least one channel, or another place above.", field="place_channels")
        return there
    if channels.split() and chosen != KEPT:
        raise BadInput(
            "Channels are chosen below: take them out, or choose “In the channels below only”.", field="places"
        )
    if chosen in (KEPT, places(before)):
        return before.places
    return _of(PLACES, chosen, "places")


def _invokers(values: Mapping[str, str], before: ToolGrant) -> tuple[Invoker, ...]:
    chosen = values.get("who", "")
    kept = tuple(invoker for invoker in before.invokers if invoker not in _MACHINES)
    people = kept if chosen in (KEPT, who(before)) else _of(WHO, chosen, "who")
    machines = tuple(machine for machine in _MACHINES if values.get(machine.value) == "yes")
    if not people and not machines:
        raise BadInput("Nobody could use it then.", field="who")
    made = (*people, *machines)
    return before.invokers if set(made) == set(before.invokers) else made


def _approval(chosen: str) -> Approval:
    try:
        return Approval(chosen)
    except ValueError:
        raise BadInput("Choose one of these.", field="approval") from None


def _limit(text: str, field: str, tool: str) -> int:
    number = text.strip() or "0"
    if not (number.isascii() and number.isdigit() and len(number) <= 6):
        raise BadInput("Write a number, or nothing for no limit.", field=field)
    _checked(ToolGrant(tool, per_run=int(number)), field)
    return int(number)


def _expires(chosen: str, before: ToolGrant, now: datetime) -> datetime | None:
    if chosen == KEPT:
        return before.expires
    if chosen == NEVER:
        return None
    if chosen not in {str(days) for days in DAYS}:
        raise BadInput("Choose one of these.", field="expires")
    return (now + timedelta(days=int(chosen))).replace(microsecond=0)


def _pinned(text: str, before: ToolGrant) -> Mapping[str, str]:
    if text.strip() == pinned(before).strip():
        return before.pinned
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if line.strip() and not (equals and name.strip()):
            raise BadInput("Write each as name = value, on a line of its own.", field="pinned")
        if line.strip():
            found[name.strip()] = value.strip()
    return found


def _of(presets: Mapping[str, tuple[Choice, ...]], chosen: str, field: str) -> tuple[Choice, ...]:
    if chosen not in presets:
        raise BadInput("Choose one of these.", field=field)
    return presets[chosen]


def _checked(grant: ToolGrant, field: str) -> None:
    try:
        check_grant(grant)
    except BadInput as error:
        raise BadInput(error.message[:1].upper() + error.message[1:], field=field) from None
