"""Counts and durations for Prometheus. Labels are kinds, never ids or names: they would be many, and somebody's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

_registry = CollectorRegistry()

_events = Counter("latchkey_events", "What chat platforms sent", ["platform", "kind"], registry=_registry)
_runs = Counter("latchkey_runs", "Runs that ended", ["platform", "state"], registry=_registry)
_calls = Counter(
    "latchkey_provider_calls", "Model calls, by how they ended", ["provider", "outcome"], registry=_registry
)
_call_seconds = Histogram(
    "latchkey_provider_call_seconds",
    "How long model calls took",
    ["provider"],
    buckets=(0.25, 0.5, 1, 2, 5, 10, 20, 40, 80, 160),
    registry=_registry,
)
_requests = Counter("latchkey_http_requests", "HTTP requests answered", ["route", "status"], registry=_registry)


def event(platform: str, kind: str) -> None:
    """A platform sent something."""
    _events.labels(platform, kind).inc()


def run_ended(platform: str, state: str) -> None:
    """A run is over, one way or another."""
    _runs.labels(platform, state).inc()


class Call:
    """A model call that is under way; broken off unless somebody says otherwise."""

    outcome = "broken off"

    def succeeded(self) -> None:
        """The answer came to its end."""
        self.outcome = "ok"


@contextmanager
def model_call(provider: str) -> Iterator[Call]:
    """A call of a model, from asking to the end of its answer; an error's outcome is its code in app.errors."""
    began, call = time.monotonic(), Call()
    try:
        yield call
    except Exception as error:
        call.outcome = type(error).__name__
        raise
    finally:
        _calls.labels(provider, call.outcome).inc()
        _call_seconds.labels(provider).observe(time.monotonic() - began)


def request(route: str, status: int) -> None:
    """An HTTP request was answered; `route` is its pattern, not its path."""
    _requests.labels(route, str(status)).inc()


def page() -> bytes:
    """Everything, in Prometheus' own format."""
    return generate_latest(_registry)
