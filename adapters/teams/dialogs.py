"""Forms that are open just now: an error beside a field must show the form again, and Teams sends back only what was typed."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from app.domain.chat import UserRef
from app.domain.views import View

_MOST = 1_000
_SECONDS = 3_600.0


class Dialogs:
    """Views by a key that nobody guesses, each for the one who opened it. What was typed into them is never here."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic
        self._views: OrderedDict[str, tuple[float, UserRef, View]] = OrderedDict()

    def keep(self, user: UserRef, view: View) -> str:
        """Remember a form for an hour, as long as not too many others come; returns its key."""
        key = secrets.token_urlsafe(12)
        self._views[key] = (self._now() + _SECONDS, user, view)
        while len(self._views) > _MOST:
            self._views.popitem(last=False)
        return key

    def find(self, user: UserRef, key: str) -> View | None:
        """The form of that key, if it is this person's and still known."""
        until, owner, view = self._views.get(key, (0.0, None, None))
        return view if owner == user and self._now() < until else None
