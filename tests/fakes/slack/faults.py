"""Trouble on order: errors, rate limits and delays per method."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass

TIERS = {
    "chat.postEphemeral": 100,
    "chat.appendStream": 100,
    "views.open": 100,
    "views.update": 100,
    "views.push": 100,
    "views.publish": 100,
    "users.info": 100,
    "conversations.members": 100,
    "assistant.threads.setSuggestedPrompts": 100,
    "assistant.threads.setTitle": 100,
    "files.info": 100,
    "chat.update": 50,
    "chat.delete": 50,
    "conversations.history": 50,
    "conversations.replies": 50,
    "conversations.info": 50,
    "conversations.open": 50,
    "agents.sessions.setStatus": 50,
    "agents.sessions.rename": 50,
    "apps.connections.open": 50,
    "users.list": 20,
    "chat.startStream": 20,
    "chat.stopStream": 20,
}
"""Published calls per minute, per method and workspace (PLATFORM §1.10); others are free here."""


@dataclass
class Fault:
    """What the next `times` calls of a method get instead of an answer; `after`: the call has its effect first."""

    times: int = 1
    status: int = 200
    error: str = ""
    retry_after: float = 1
    after: bool = False


class Faults:
    """Asked before every call; knows what was ordered and which tier is used up."""

    def __init__(self) -> None:
        self.rate_limits = False
        self.rate_window = 60.0
        self.tiers = dict(TIERS)
        self._ordered: dict[str, deque[Fault]] = defaultdict(deque)
        self._delays: dict[str, float] = {}
        self._calls: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def order(self, method: str, fault: Fault) -> None:
        """Queue a fault for a method; several are used one after the other."""
        self._ordered[method].append(fault)

    def delay(self, method: str, seconds: float) -> None:
        """Every call of the method takes this long, until set to 0."""
        self._delays[method] = seconds

    def delay_of(self, method: str) -> float:
        """How long this call has to wait before it is answered."""
        return self._delays.get(method, 0)

    def due(self, method: str) -> Fault | None:
        """The fault for this call, counted down."""
        queue = self._ordered[method]
        if not queue:
            return None
        fault = queue[0]
        fault.times -= 1
        if fault.times <= 0:
            queue.popleft()
        return fault

    def over_tier(self, team: str, method: str) -> float | None:
        """Seconds to wait when the tier is used up, else None; counts the call."""
        if not self.rate_limits or method not in self.tiers:
            return None
        now, calls = time.monotonic(), self._calls[team, method]
        while calls and calls[0] <= now - self.rate_window:
            calls.popleft()
        if len(calls) >= self.tiers[method]:
            return max(1.0, calls[0] + self.rate_window - now)
        calls.append(now)
        return None

    def clear(self, methods: Iterable[str] = ()) -> None:
        """Forget ordered faults, of these methods or of all."""
        for method in list(methods) or list(self._ordered) + list(self._delays):
            self._ordered.pop(method, None)
            self._delays.pop(method, None)
