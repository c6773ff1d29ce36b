"""What is counted, and under which names."""

from __future__ import annotations

import pytest

from app.errors import RateLimited
from app.telemetry import metrics


def test_calls_are_counted_by_how_they_ended() -> None:
    with metrics.model_call("anthropic") as call:
        call.succeeded()
    with pytest.raises(RateLimited), metrics.model_call("anthropic"):
        raise RateLimited
    with metrics.model_call("anthropic"):
        pass  # whoever reads the answer may let go of it in the middle
    page = metrics.page().decode()
    for outcome in ("ok", "RateLimited", "broken off"):
        assert f'latchkey_provider_calls_total{{outcome="{outcome}",provider="anthropic"}}' in page
    assert 'latchkey_provider_call_seconds_bucket{le="0.25",provider="anthropic"}' in page


def test_events_and_runs_are_counted_by_platform() -> None:
    metrics.event("somewhere", "mention")
    metrics.run_ended("somewhere", "done")
    page = metrics.page().decode()
    assert 'latchkey_events_total{kind="mention",platform="somewhere"} 1.0' in page
    assert 'latchkey_runs_total{platform="somewhere",state="done"} 1.0' in page
