"""How much may be asked of Teams: per conversation and per tenant, a little below the published limits (PLATFORM §2.12)."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

_MOST_WINDOWS = 5_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests and seconds. What may be skipped leaves room for what may not: an answer's last word.

    The seconds are a little more than Teams', because what leaves here evenly may arrive in a bunch.
    """

    conversation: tuple[tuple[int, float], ...] = ((6, 1.3), (7, 2.3), (55, 30.5), (1750, 3601.0))
    conversation_spare: tuple[tuple[int, float], ...] = ((4, 1.3), (5, 2.3), (40, 30.5), (1500, 3601.0))
    tenant: tuple[tuple[int, float], ...] = ((45, 1.0),)
    tenant_spare: tuple[tuple[int, float], ...] = ((28, 1.0),)


@dataclass(slots=True)
class _Window:
    calls: deque[float]
    blocked_until: float = 0.0


class Traffic:
    """Counts requests. `wait_for` and `count` never sleep."""

    def __init__(self, limits: Limits | None = None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits or Limits()
        self._now = monotonic
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def wait_for(self, tenant: str, conversation: str, *, spare: bool) -> float:
        """Seconds until one more request fits. `spare` requests are those that may be skipped."""
        mine, all_of_it = self._limits.conversation, self._limits.tenant
        if spare:
            mine, all_of_it = self._limits.conversation_spare, self._limits.tenant_spare
        return max(
            self._until_free(self._conversation(conversation), mine),
            self._until_free(self._tenant(tenant), all_of_it),
        )

    def count(self, tenant: str, conversation: str) -> None:
        """A request is made."""
        now = self._now()
        self._conversation(conversation).calls.append(now)
        self._tenant(tenant).calls.append(now)

    def block(self, conversation: str, seconds: float) -> None:
        """Teams said 429 there."""
        window = self._conversation(conversation)
        window.blocked_until = max(window.blocked_until, self._now() + seconds)

    def _until_free(self, window: _Window, limits: tuple[tuple[int, float], ...]) -> float:
        now, calls = self._now(), window.calls
        waits = [calls[-most] + seconds - now for most, seconds in limits if len(calls) >= most]
        return max(0.0, window.blocked_until - now, *waits)

    def _conversation(self, name: str) -> _Window:
        return self._window(f"c:{name}", self._limits.conversation)

    def _tenant(self, name: str) -> _Window:
        return self._window(f"t:{name}", self._limits.tenant)

    def _window(self, key: str, limits: tuple[tuple[int, float], ...]) -> _Window:
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(deque(maxlen=max(most for most, _ in limits)))
            while len(self._windows) > _MOST_WINDOWS:
                self._windows.popitem(last=False)
        self._windows.move_to_end(key)
        over = self._now() - max(seconds for _, seconds in limits)
        while window.calls and window.calls[0] < over:  # what no limit looks at any more
            window.calls.popleft()
        return window
