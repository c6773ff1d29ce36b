"""The table of failures, beside what the suite shows over the wire."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from adapters.models.errors import by_reason, renamed
from app.errors import (
    BadAnswer,
    ContextTooLong,
    CutOff,
    KeyRejected,
    ModelGone,
    NoCredit,
    NotPermitted,
    Overloaded,
    ProviderError,
    RateLimited,
    RequestRefused,
    TimedOut,
    Unreachable,
)


@pytest.mark.parametrize(
    ("status", "names", "text", "expected"),
    [
        (401, (), "", KeyRejected),
        (400, ("invalid_api_key",), "", KeyRejected),
        (402, (), "", NoCredit),
        (429, ("insufficient_quota",), "", NoCredit),
        (400, ("invalid_request_error",), "Your credit balance is too low", NoCredit),
        (429, (), "Insufficient balance or no resource package", NoCredit),
        (403, ("permission_error",), "", NotPermitted),
        (404, ("not_found_error",), "", ModelGone),
        (410, (), "", ModelGone),
        (413, (), "", ContextTooLong),
        (400, (), "This model's maximum context length is 8192 tokens", ContextTooLong),
        (400, ("context_length_exceeded",), "", ContextTooLong),
        (429, ("rate_limit_exceeded",), "Request too large for model: limit 30000 tokens per min", RateLimited),
        (429, (429,), "", RateLimited),
        (200, ("overloaded_error",), "", Overloaded),
        (200, (None, 502), "Provider returned error", Overloaded),  # a gateway's error inside a stream
        (200, ("never heard of it",), "", Overloaded),
        (200, ("invalid_prompt",), "", RequestRefused),
        (500, (), "", Overloaded),
        (503, ("server_is_overloaded",), "", Overloaded),
        (529, (), "", Overloaded),
        (408, (), "", TimedOut),
        (504, (), "", TimedOut),
        (400, ("invalid_request_error",), "tools.0: wrong", RequestRefused),
        (418, (), "", RequestRefused),
        (302, (), "", Unreachable),
    ],
)
def test_each_failure_has_our_name(status: int, names: tuple[object, ...], text: str, expected: type) -> None:
    assert type(by_reason(status=status, names=names, text=text)) is expected


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "999999999"}, 3600.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_a_wait_is_a_sensible_number_of_seconds_or_unknown(headers: dict[str, str], seconds: float | None) -> None:
    assert by_reason(status=429, headers=headers).retry_after == seconds


def test_a_wait_may_be_told_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    wait = by_reason(status=503, headers={"retry-after": date}).retry_after
    assert wait is not None
    assert 50 < wait <= 60


@pytest.mark.parametrize(
    ("error", "before", "after"),
    [
        (httpx2.ConnectError("x"), Unreachable, CutOff),
        (httpx2.ConnectTimeout("x"), Unreachable, Unreachable),
        (httpx2.ReadTimeout("x"), TimedOut, TimedOut),
        (httpx2.RemoteProtocolError("x"), Unreachable, CutOff),
        (ConnectionResetError("x"), Unreachable, CutOff),
        (TimeoutError("x"), TimedOut, TimedOut),
        (ValueError("x"), BadAnswer, BadAnswer),
        (AttributeError("x"), BadAnswer, BadAnswer),
        (KeyRejected(), KeyRejected, KeyRejected),
    ],
)
def test_raw_errors_of_transport_and_parsing_are_renamed(error: Exception, before: type, after: type) -> None:
    assert type(renamed(error)) is before
    assert type(renamed(error, began=True)) is after


def test_what_an_sdk_wrapped_is_looked_at_first() -> None:
    wrapped = RuntimeError("sdk")
    wrapped.__cause__ = httpx2.ReadTimeout("x")
    assert type(renamed(wrapped)) is TimedOut


def test_no_message_of_ours_is_the_providers() -> None:
    failure = by_reason(status=400, names=("invalid_request_error",), text="credit balance sk-test-1 too low")
    assert isinstance(failure, ProviderError)
    assert "sk-test-1" not in str(failure)
