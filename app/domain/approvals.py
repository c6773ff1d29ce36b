"""What waits for a person's word, or did: who may give it, how it ended, and how arguments are shown so that nothing in them hides."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.domain.chat import MessageRef, UserRef
from app.domain.grants import Approval, GrantPlace, Invoker, Scope, Target, ToolGrant, Where

LASTS = timedelta(minutes=10)
"""How long a question to a person stands."""

REMEMBERED = timedelta(days=30)
"""How long "Always" holds."""

LONGEST = 4000
"""Characters of arguments that a person can be asked to read, on any platform."""

MOST_LINES = 50
LARGEST = 9000
"""Bytes as JSON: a Teams card bears 24,000 in all, and each line costs it some 180."""

_MARK, _NAME = "⟨", "▸"
"""Ours alone: in what somebody else wrote they are written out."""

_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters that nobody sees."""

_COMBINE, _MOST_HEAPED = ("Mn", "Me"), 4


class ApprovalState(StrEnum):
    """How a question to a person stands or ended."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"  # the run was stopped, or what was asked for is not granted any more


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """One question to a person: ids and how it ended. What was asked exactly stands sealed beside it until it has ended."""

    id: str
    workspace: str
    run: str
    conversation: str
    agent: str
    grant: str
    tool: str
    target: str  # see `target_mark`
    digest: str
    asker: str
    admins_only: bool
    may_remember: bool
    asked_at: datetime
    expires_at: datetime
    state: ApprovalState = ApprovalState.PENDING
    decided_by: str = ""
    card: MessageRef | None = None

    @property
    def topic(self) -> str:
        """What its run waits for."""
        return topic(self.id)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, as people are told of it: everything but the arguments, which stand on the card alone.

    `agent` and `other` (the agent that would be asked) are names, `channel` is where it is asked.
    """

    agent: str
    tool: str
    target: Target
    channel: str
    asker: UserRef
    invoker: Invoker
    admins_only: bool
    other: str = ""


def approval_id(run: str, number: str) -> str:
    """The one id that a call of a run can have."""
    return f"{run}/{number}"


def topic(approval: str) -> str:
    """What the run of this approval waits for; no other wait hears it."""
    return f"approval:{approval}"


def target_mark(target: Target) -> str:
    """What tells targets apart without saying what they are: a model may have written one. Where there is none, that is one, too."""
    parts = [target.host, target.method, target.channel, target.agent]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def narrowed(scope: Scope, target: Target) -> Scope | None:
    """What "Always" may be said to: this target and nothing else; None where that would be no narrower than the tool itself."""
    only = Scope(
        hosts=(target.host,) if target.host else (),
        methods=(target.method,) if target.method else scope.methods,
        channels=(target.channel,) if target.channel else (),
        agents=(target.agent,) if target.agent else (),
        schema=scope.schema,
    )
    return only if target.words or scope.schema else None


def remembered(grant: ToolGrant, asked: Asked, *, new_id: str, by: str, now: datetime) -> ToolGrant | None:
    """What "Always" grants: the same tool, for this target only, here only, for whoever is what the asker is, and for a while."""
    scope = narrowed(grant.scope, asked.target)
    if scope is None:
        return None
    ends = now + REMEMBERED
    return ToolGrant(
        tool=grant.tool, pinned=grant.pinned, approval=Approval.NEVER, id=new_id, scope=scope,
        places=(GrantPlace(Where.CHANNEL, asked.channel),), invokers=(asked.invoker,),
        per_run=grant.per_run, per_day=grant.per_day,
        expires=min(ends, grant.expires) if grant.expires else ends, granted_by=by,
    )  # fmt: skip


def spelled_out(arguments: Mapping[str, Any]) -> str | None:
    """Arguments as a person reads them before they agree, all of them; None if that is more than somebody can be asked to read.

    Each argument begins with a mark that stands nowhere else, so no argument can look like another one, however lines are wrapped. Whatever
    has no shape of its own is written by its number, so nothing hides.
    """
    lines = [line for name in sorted(arguments) for line in _lines(name, arguments[name])]
    text = "\n".join(lines)
    if len(lines) > MOST_LINES or len(text) > LONGEST or len(json.dumps(text, ensure_ascii=False).encode()) > LARGEST:
        return None
    return text


def _lines(name: str, value: Any) -> list[str]:
    head = f"{_NAME} {seen(name)}:"
    if not isinstance(value, str):
        value = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    elif not value:
        value = '""'
    first, *more = value.split("\n")
    if not more:
        return [f"{head} {seen(first)}"]
    return [head, *(f"│ {seen(line)}" for line in (first, *more))]


def seen(text: str) -> str:
    """The text with everything that cannot be seen (and our own marks) written out, such as `⟨U+202E⟩`.

    So is what would be drawn over something else: signs that combine, where there is nothing to combine with or they are heaped up.
    """
    shown, before, heaped = [], "", 0
    for character in text:
        heaped = heaped + 1 if unicodedata.category(character) in _COMBINE else 0
        plain = _has_a_shape(character, before) and (not heaped or (heaped <= _MOST_HEAPED and before))
        shown.append(character if plain else f"{_MARK}U+{ord(character):04X}⟩")
        before = character
    return "".join(shown)


def _has_a_shape(character: str, before: str) -> bool:
    if character in (_MARK, _NAME) or character in _BLANKS or not character.isprintable():
        return False
    code = ord(character)
    if code == 0xFE0F:  # makes a picture of the sign before it
        return ord(before or " ") > 0x2000
    return not (0x180B <= code <= 0x180F or 0xFE00 <= code <= 0xFE0E or 0xE0100 <= code <= 0xE01EF)
