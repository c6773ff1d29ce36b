"""Days and months as a workspace counts them: in its own time zone, across changes of summer time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.domain.spend import Period
from app.errors import BadInput


@dataclass(frozen=True, slots=True)
class Calendar:
    """One zone's calendar. Every moment is handed to it aware."""

    zone: ZoneInfo

    @classmethod
    def of(cls, time_zone: str) -> Calendar:
        """By the zone's name. Raises BadInput."""
        try:
            return cls(ZoneInfo(time_zone))
        except (KeyError, ValueError, OSError):  # unknown; no name at all, or one that leads elsewhere; a folder
            raise BadInput("There is no such time zone.", field="time_zone") from None

    def day(self, now: datetime) -> str:
        """`2026-11-23`."""
        return f"{now.astimezone(self.zone):%Y-%m-%d}"

    def month(self, now: datetime) -> str:
        """`2026-11`: what the days of a month begin with."""
        return self.day(now)[:7]

    def period(self, period: Period, now: datetime) -> str:
        """The day or the month, as a name that no other has."""
        return self.day(now) if period is Period.DAY else self.month(now)

    def resets_at(self, period: Period, now: datetime) -> datetime:
        """The moment at which the next day or month begins, in UTC: the first that has the new date, also where midnight is left out."""
        today = now.astimezone(self.zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        if period is Period.DAY:
            begins = today + timedelta(days=1)
        else:
            begins = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        first = begins.replace(tzinfo=self.zone, fold=0).astimezone(UTC)
        # A clock that was set back across midnight has been there before.
        return first if first > now else begins.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
