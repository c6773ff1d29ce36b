"""When a key is asked about by itself, and what is said of its last check; pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from app.domain.keys import KeyStatus, ProviderKey
from app.errors import BadAnswer, KeyRejected, NoCredit, Overloaded, RateLimited, TimedOut, Unreachable

SOONEST, LATEST = timedelta(seconds=30), timedelta(hours=6)
EACH: dict[KeyStatus, timedelta] = {
    KeyStatus.VERIFIED: timedelta(hours=6),
    KeyStatus.REFUSED: timedelta(hours=6),
    KeyStatus.NO_CREDIT: timedelta(hours=1),
}
UNDECIDED = timedelta(minutes=30)
"""After a check of a key that worked, and that its provider could not be asked about."""

JITTER = 0.2
"""Of each time: not all keys are asked about at the same moment."""

_PROBLEMS = {
    KeyRejected.__name__: "The provider did not accept the key.",
    NoCredit.__name__: "The provider says that the account has no credit left.",
    RateLimited.__name__: "The provider limited how fast it may be asked.",
    Overloaded.__name__: "The provider was overloaded or failing.",
    TimedOut.__name__: "The provider did not answer in time.",
    Unreachable.__name__: "The provider could not be reached.",
    BadAnswer.__name__: "The provider answered with something that could not be understood.",
}


def next_check(
    key: ProviderKey, now: datetime, *, undecided: bool = False, chance: Callable[[], float] = random.random
) -> datetime:
    """When to ask again: of a key that nothing is known of after as long as it has been waiting, so ever less often."""
    if key.status is KeyStatus.UNVERIFIED:
        return now + min(max(now - key.set_at, SOONEST), LATEST)
    each = EACH.get(key.status, LATEST)
    return now + (UNDECIDED if undecided else each) * (1 + JITTER * chance())


def problem(code: str) -> str:
    """Why the last check told nothing good, in an admin's words; empty if it did."""
    return _PROBLEMS.get(code, "The provider answered with an error.") if code else ""
