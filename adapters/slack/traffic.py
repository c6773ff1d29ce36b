"""How much a workspace may ask of Slack per minute, shared by its answers; and what Slack turned out not to offer there."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Slack's published limits (PLATFORM §1.6, §1.10), a little below them; per workspace and minute, sizes in bytes, times in seconds."""

    appends: int = 96
    starts: int = 19
    stops: int = 19
    updates: int = 46
    posts: int = 55
    append_every: float = 0.7
    update_every: float = 1.1
    part_bytes: int = 9_000
    part_seconds: float = 235.0
    window: float = 60.0


@dataclass(slots=True)
class _Window:
    """Calls of one method in the last minute, and until when Slack asked us to leave it alone."""

    most: int
    seconds: float
    calls: deque[float] = field(default_factory=deque)
    blocked_until: float = 0.0


class Traffic:
    """One workspace's share. `take` and `wait_for` never sleep; they say whether, or how long."""

    def __init__(self, limits: Limits, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.streams = 0
        """Answers that are streaming just now; each gets its part of the appends."""
        self.edited = 0
        """Answers that are shown by editing just now."""
        self._now = monotonic
        self._missing: dict[str, float] = {}
        self._windows = {
            "chat.appendStream": _Window(limits.appends, limits.window),
            "chat.startStream": _Window(limits.starts, limits.window),
            "chat.stopStream": _Window(limits.stops, limits.window),
            "chat.update": _Window(limits.updates, limits.window),
            "chat.postMessage": _Window(limits.posts, limits.window),
        }

    def take(self, method: str) -> bool:
        """Whether this call may be made now; counts it if so."""
        if self.wait_for(method) > 0:
            return False
        self.count(method)
        return True

    def count(self, method: str) -> None:
        """A call is made, whatever the budget says (the last word of an answer)."""
        if method in self._windows:
            self._windows[method].calls.append(self._now())

    def wait_for(self, method: str) -> float:
        """Seconds until the next call of the method fits."""
        window, now = self._windows.get(method), self._now()
        if window is None:
            return 0.0
        while window.calls and window.calls[0] <= now - window.seconds:
            window.calls.popleft()
        full = window.calls[0] + window.seconds - now if len(window.calls) >= window.most else 0.0
        return max(full, window.blocked_until - now, 0.0)

    def blocked_for(self, method: str) -> float:
        """Seconds for which Slack asked us to leave a method alone; what the last word of an answer waits for, and nothing else."""
        window = self._windows.get(method)
        return max(window.blocked_until - self._now(), 0.0) if window else 0.0

    def block(self, method: str, seconds: float) -> None:
        """Slack said 429."""
        window = self._windows.setdefault(method, _Window(1_000_000, self.limits.window))
        window.blocked_until = max(window.blocked_until, self._now() + seconds)

    def append_every(self) -> float:
        """Seconds between two appends of one stream, so that all streams share the minute's budget."""
        return max(self.limits.append_every, self.streams * self.limits.window / max(self.limits.appends * 0.92, 1))

    def update_every(self) -> float:
        """The same for answers that are shown by editing."""
        return max(self.limits.update_every, self.edited * self.limits.window / max(self.limits.updates * 0.9, 1))

    def has(self, feature: str) -> bool:
        """Whether a feature (a method, or a scope) is believed to be there."""
        return self._missing.get(feature, 0.0) <= self._now()

    def lacks(self, feature: str) -> None:
        """Slack said that there is no such thing here: don't ask again for an hour."""
        self._missing[feature] = self._now() + HOUR
