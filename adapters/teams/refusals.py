"""What the connector says when it does not do what it was asked, in our words."""

from __future__ import annotations

from adapters.teams.payload import Json, obj, string
from app.errors import NotReachable, PlatformError, PlatformRateLimited, PlatformUnavailable

CANCELED = "canceled"  # the person pressed Stop: abort the run
TIMED_OUT = "timed-out"  # the stream is older than two minutes: go on by update
NOT_STREAMABLE = "not-streamable"  # content streams are not allowed here: post and edit
COMPLETED = "completed"  # the stream was finished before
NOT_CUMULATIVE = "not-cumulative"  # a chunk did not contain what was streamed before
TOO_LARGE = "too-large"  # split it
GONE = "gone"  # there is no such conversation or activity (any more)

_STREAMING = {
    "canceled by user": CANCELED,
    "cancelled by user": CANCELED,
    "exceeded streaming time": TIMED_OUT,
    "already completed": COMPLETED,  # before the next: its words hold those
    "content stream is not allowed": NOT_STREAMABLE,
    "should contain the previously streamed content": NOT_CUMULATIVE,
}
_PASSING = {412, 502, 503, 504}


class TeamsRefused(PlatformError):
    """Teams did not do what it was asked. `reason` is one of the words above, or empty; `status` is the HTTP status."""

    def __init__(self, call: str, status: int, reason: str = "") -> None:
        super().__init__(f"{call}: status {status}{f', {reason}' if reason else ''}")
        self.status = status
        self.reason = reason


class TeamsNotReachable(TeamsRefused, NotReachable):
    """Teams says that this person or conversation cannot be written to."""


def refusal(call: str, status: int, body: Json, retry_after: str) -> PlatformError:
    """An answer that is no success → the error to raise. The connector's own text is read, never repeated: it may quote ours."""
    error = obj(body.get("error"))
    code, text = string(error.get("code")), string(error.get("message")).lower()
    if status == 429:
        return PlatformRateLimited(f"{call}: rate limited", retry_after=_seconds(retry_after))
    if status in _PASSING or (status >= 500 and status != 501):
        return PlatformUnavailable(f"{call}: status {status}")
    if status == 413 or code == "MessageSizeTooBig":
        return TeamsRefused(call, status, TOO_LARGE)
    if status == 404:
        return TeamsNotReachable(call, status, GONE)
    if status == 403:
        streaming = next((reason for words, reason in _STREAMING.items() if words in text), "")
        return TeamsRefused(call, status, streaming) if streaming else TeamsNotReachable(call, status)
    return TeamsRefused(call, status)


def _seconds(retry_after: str) -> float | None:
    try:
        return max(0.0, min(float(retry_after), 600.0))
    except ValueError:
        return None
