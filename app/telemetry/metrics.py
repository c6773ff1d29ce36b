"""Counts and durations for Prometheus. Labels are kinds, never ids or names: they would be many, and somebody's."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_registry = CollectorRegistry()

_events = Counter("latchkey_events", "What chat platforms sent", ["platform", "kind"], registry=_registry)
_runs = Counter("latchkey_runs", "Runs that ended", ["platform", "state"], registry=_registry)
_running = Gauge("latchkey_runs_running", "Runs under way in this process", registry=_registry)
_run_seconds = Histogram(
    "latchkey_run_seconds",
    "From a mention's arrival to its answer's end",
    ["platform"],
    buckets=(0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320),
    registry=_registry,
)
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


def run_began() -> None:
    """A run is under way."""
    _running.inc()


def run_ended(platform: str, state: str, seconds: float) -> None:
    """A run that had begun is over."""
    _running.dec()
    _runs.labels(platform, state).inc()
    _run_seconds.labels(platform).observe(seconds)


def call(provider: str, outcome: str, seconds: float) -> None:
    """A model was called; `outcome` is `ok` or a code of app.errors."""
    _calls.labels(provider, outcome).inc()
    _call_seconds.labels(provider).observe(seconds)


def request(route: str, status: int) -> None:
    """An HTTP request was answered; `route` is its pattern, not its path."""
    _requests.labels(route, str(status)).inc()


def page() -> bytes:
    """Everything, in Prometheus' own format."""
    return generate_latest(_registry)
