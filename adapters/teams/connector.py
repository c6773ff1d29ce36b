"""Calls of the Bot Framework's connector: one session, one cached token, allow-listed hosts, errors in our words."""

from __future__ import annotations

from adapters.teams.payload import Json
from adapters.teams.where import Where
from app.errors import NotReachable, PlatformError


class TeamsRefused(PlatformError):
    """Teams did not do what it was asked. `reason` is one of the REASONS below, or empty; `status` is the HTTP status."""

    def __init__(self, call: str, status: int, reason: str = "") -> None:
        super().__init__(f"{call}: status {status}{f', {reason}' if reason else ''}")
        self.status = status
        self.reason = reason


class TeamsNotReachable(TeamsRefused, NotReachable):
    """Teams says that this person or conversation cannot be written to."""


CANCELED = "canceled"  # the person pressed Stop: abort the run
TIMED_OUT = "timed-out"  # the stream is older than two minutes: go on by update
NOT_STREAMABLE = "not-streamable"  # content streams are not allowed here: post and edit
COMPLETED = "completed"  # the stream was finished before
NOT_CUMULATIVE = "not-cumulative"  # a chunk did not contain what was streamed before
TOO_LARGE = "too-large"  # split it
GONE = "gone"  # there is no such conversation or activity (any more)
REASONS = (CANCELED, TIMED_OUT, NOT_STREAMABLE, COMPLETED, NOT_CUMULATIVE, TOO_LARGE, GONE)


class Connector:
    """The connector of every workspace: the service URL comes with each call, and is called only if its host is allowed.

    `patient` calls wait out 429, 412, 502, 503 and 504 with back-off and jitter; others raise PlatformRateLimited (with `retry_after`) or
    PlatformUnavailable at once, for what may be skipped (a chunk of a stream, typing).
    """

    async def send(self, place: Where, activity: Json, *, targeted: bool = False, patient: bool = True) -> str:
        """Post an activity; its id (empty where Teams gives none, as for later chunks of a stream)."""

    async def update(
        self, place: Where, activity_id: str, activity: Json, *, targeted: bool = False, patient: bool = True
    ) -> None:
        """Put this in the place of an activity of ours."""

    async def delete(self, place: Where, activity_id: str, *, targeted: bool = False) -> None:
        """Take back an activity of ours."""

    async def personal(self, workspace: str, user: str) -> Where | None:
        """The one-to-one chat with a person (by our user id), made if need be; None when Teams cannot be asked for one."""

    async def member(self, place: Where, user_id: str) -> Json:
        """What Teams tells about a member of a conversation (by the platform's `29:` id or the directory's)."""

    async def close(self) -> None:
        """Let go of the connections."""
