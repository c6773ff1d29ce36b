"""A workspace's minute at Slack is shared, and what Slack refused is remembered."""

from __future__ import annotations

from adapters.slack.traffic import HOUR, Limits, Traffic


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def made(limits: Limits) -> tuple[Traffic, Clock]:
    clock = Clock()
    return Traffic(limits, monotonic=clock), clock


def test_a_tier_opens_again_as_its_calls_grow_old() -> None:
    traffic, clock = made(Limits(starts=2))
    assert [traffic.take("chat.startStream") for _ in range(3)] == [True, True, False]
    assert traffic.wait_for("chat.startStream") == 60
    clock.now += 60
    assert traffic.take("chat.startStream")


def test_slacks_own_word_is_kept_to_the_last_word_too() -> None:
    traffic, clock = made(Limits())
    traffic.block("chat.update", 7)
    assert (traffic.take("chat.update"), traffic.blocked_for("chat.update")) == (False, 7)
    clock.now += 7
    assert (traffic.take("chat.update"), traffic.blocked_for("chat.update")) == (True, 0)


def test_the_last_word_does_not_wait_for_our_own_budget() -> None:
    traffic, _ = made(Limits(updates=1))
    assert traffic.take("chat.update")
    assert traffic.wait_for("chat.update") > 0
    assert traffic.blocked_for("chat.update") == 0


def test_streams_slow_down_together_and_stay_below_the_tier() -> None:
    traffic, _ = made(Limits())
    traffic.streams = 1
    assert traffic.append_every() == 0.7
    traffic.streams = 2
    assert 1.2 < traffic.append_every() < 1.5
    traffic.streams = 19
    assert 19 * 60 / traffic.append_every() < 100


def test_what_a_workspace_lacks_is_asked_for_again_after_an_hour() -> None:
    traffic, clock = made(Limits())
    assert traffic.has("streaming")
    traffic.lacks("streaming")
    assert not traffic.has("streaming")
    clock.now += HOUR
    assert traffic.has("streaming")


def test_a_method_without_a_tier_is_free() -> None:
    traffic, _ = made(Limits())
    assert all(traffic.take("views.open") for _ in range(500))
