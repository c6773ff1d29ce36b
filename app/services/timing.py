"""When something is due: as people choose it, as a cron expression, and in words. Pure; across changes of summer time as Debian's cron does it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from app.errors import BadInput

CUSTOM = "cron"
LONGEST_CRON = 100
LEAST_MINUTES = 15
"""Between two runs: each costs the workspace's money, with nobody there to stop it."""

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TIME = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")

CHOICES: Mapping[str, tuple[str, str]] = {
    "daily": ("Every day", "*"),
    "weekdays": ("Every weekday (Monday to Friday)", "1-5"),
    **{day.lower(): (f"Every {day}", str(number)) for number, day in enumerate(_DAYS, start=1)},
}
"""What people choose from: a label, and the days as cron writes them."""

_SAID = {days: f"every {name}" for name, days in (("day", "*"), ("weekday", "1-5"))} | {
    str(number): f"every {day}" for number, day in enumerate(_DAYS, start=1)
}
_SIMPLE = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* (\S+)")


def cron_of(every: str, time: str, cron: str) -> str:
    """The expression for what somebody chose. Raises BadInput naming the field (`every`, `time`, `cron`)."""
    if every == CUSTOM:
        return checked(cron)
    if every not in CHOICES:
        raise BadInput("Choose one of the list.", field="every")
    if cron.strip():  # of two that may differ neither is taken silently
        raise BadInput("Leave this empty, or choose to go by a cron expression.", field="cron")
    found = _TIME.fullmatch(time.strip())
    if found is None:
        raise BadInput("Type a time of day such as 09:00.", field="time")
    return f"{int(found[2])} {int(found[1])} * * {CHOICES[every][1]}"


def checked(cron: str) -> str:
    """A cron expression that can be used. Raises BadInput."""
    plain = " ".join(cron.split())
    if len(plain) > LONGEST_CRON or len(plain.split(" ")) != 5:
        raise BadInput(
            "Five fields: minute, hour, day of month, month, day of week. Such as 0 9 * * 1-5.", field="cron"
        )
    try:
        minutes = sorted(CronSim(plain, datetime.now(UTC)).minutes)
        next(CronSim(plain, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise BadInput("That is no cron expression that is ever due. Such as 0 9 * * 1-5.", field="cron") from None
    following = [*minutes[1:], minutes[0] + 60]
    if min(after - before for before, after in zip(minutes, following, strict=True)) < LEAST_MINUTES:
        raise BadInput(f"Leave at least {LEAST_MINUTES} minutes between two runs.", field="cron")
    return plain


def zone(name: str) -> str:
    """A time zone by its name, however it is capitalised. Raises BadInput."""
    wanted = name.strip().replace(" ", "_").casefold()
    found = _zones().get(wanted)
    if found is None:
        raise BadInput("Type a time zone such as Europe/Berlin, America/New_York or UTC.", field="time_zone")
    return found


@cache
def _zones() -> Mapping[str, str]:
    """By their names in small letters. To list them all, hundreds of files are opened: once is enough."""
    return {known.casefold(): known for known in sorted(available_timezones(), reverse=True)}


def next_after(cron: str, time_zone: str, now: datetime) -> datetime:
    """The first moment after `now` that it is due, in UTC."""
    local = now.astimezone(ZoneInfo(time_zone))
    for due in CronSim(cron, local):
        if due > now:  # in the hour that comes twice, cron thinks of the first time only
            return due.astimezone(UTC)
    raise BadInput("That is never due again.", field="cron")


def in_words(cron: str) -> str:
    """Such as `every weekday at 09:00`; the expression itself where there are no words for it."""
    found = _SIMPLE.fullmatch(cron)
    if found is None or found[3] not in _SAID:
        return f"by {cron}"
    return f"{_SAID[found[3]]} at {int(found[2]):02}:{int(found[1]):02}"


def choice_of(cron: str) -> tuple[str, str]:
    """What somebody would have chosen, and the time, for a form; CUSTOM where it takes an expression."""
    found = _SIMPLE.fullmatch(cron)
    every = next((key for key, (_, days) in CHOICES.items() if found and days == found[3]), CUSTOM)
    return every, f"{int(found[2]):02}:{int(found[1]):02}" if found else ""
