"""Schedules: read them from a person's words, say them again, and find the next due time. Pure.

    daily | weekdays | monday, friday | weekly on friday | monthly on 1     [at HH:MM] [Zone/Name]

On the night that clocks go forward, an hour that does not exist is due right after the gap; on the
night that they go back, an hour that exists twice is due the first time only (cron libraries fire
twice there). A month too short for `monthly on 31` has its issue on its last day.
"""

import calendar
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from digest.models import Schedule

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY_DAY = tuple(range(7))
WEEKDAYS = tuple(range(5))

_REMEDY = (
    'write for example "weekdays at 07:30 Europe/Berlin", "monday, friday at 08:00 UTC" '
    'or "monthly on 1 at 09:00 UTC"'
)


def parse_schedule(text: str) -> Schedule:
    """The schedule that a person wrote. Raises ValueError with a sentence that says what to write."""
    days, at, after = " ".join(text.split()).partition(" at ")
    clock, _, zone = after.partition(" ")
    if at:
        return Schedule(**_days(days, text), at=_clock(clock, text), zone=_zone(zone or "UTC"))
    head, _, tail = days.rpartition(" ")
    if head and tail in _zones():
        return Schedule(**_days(head, text), zone=tail)
    return Schedule(**_days(days, text))


def describe(schedule: Schedule) -> str:
    """The canonical words, which `parse_schedule` reads back to the same schedule."""
    return f"{_describe_days(schedule)} at {schedule.at:%H:%M} {schedule.zone}"


def next_due(schedule: Schedule, after: datetime) -> datetime:
    """The first due time later than `after`, in UTC."""
    day = after.astimezone(ZoneInfo(schedule.zone)).date()
    day -= timedelta(days=1)  # a gap can push a time past midnight
    while True:
        if _falls_on(schedule, day) and (due := _due_on(schedule, day)) > after:
            return due
        day += timedelta(days=1)


def last_due(schedule: Schedule, until: datetime) -> datetime:
    """The last due time that is not later than `until`, in UTC."""
    day = until.astimezone(ZoneInfo(schedule.zone)).date()
    while True:
        if _falls_on(schedule, day) and (due := _due_on(schedule, day)) <= until:
            return due
        day -= timedelta(days=1)


def next_after_change(old: Schedule, new: Schedule, served_at: datetime | None, now: datetime) -> datetime:
    """The next due time of a reader who follows `new` from now on, in UTC; `served_at`: of the last issue.

    Who only moves to another zone gets the issue of each day of the calendar once: not again the one that
    came before the move, and at once one whose hour the move has jumped over.
    """
    due = next_due(new, now)
    if served_at is None or old.zone == new.zone or replace(old, zone=new.zone) != new:
        return due
    served, zone = served_at.astimezone(ZoneInfo(old.zone)).date(), ZoneInfo(new.zone)
    if last_due(new, now).astimezone(zone).date() > served:
        return now
    return next_due(new, due) if due.astimezone(zone).date() <= served else due


def _due_on(schedule: Schedule, day: date) -> datetime:
    """fold=0: the first of two equal hours."""
    return datetime.combine(day, schedule.at, ZoneInfo(schedule.zone)).astimezone(UTC)


def _falls_on(schedule: Schedule, day: date) -> bool:
    if schedule.month_day is None:
        return day.weekday() in schedule.weekdays
    return day.day == min(schedule.month_day, calendar.monthrange(day.year, day.month)[1])


def _days(words: str, text: str) -> dict[str, Any]:
    words = " ".join(words.lower().split())
    if words in ("daily", "weekdays"):
        return {"weekdays": EVERY_DAY if words == "daily" else WEEKDAYS}
    if match := re.fullmatch(r"monthly on (?:the )?(\d{1,2})(?:st|nd|rd|th)?", words):
        if not 1 <= int(match[1]) <= 31:
            raise ValueError(f'"{text}" names day {match[1]} of the month; use 1 to 31')
        return {"weekdays": (), "month_day": int(match[1])}
    return {"weekdays": tuple(sorted({_day(name, text) for name in _names(words)}))}


def _names(words: str) -> list[str]:
    return re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", words.removeprefix("weekly on "))


def _day(name: str, text: str) -> int:
    for number, day in enumerate(DAYS):
        if name in (day, day[:3]):
            return number
    raise ValueError(f'"{text}" is not a schedule ("{name}" is no day); {_REMEDY}')


def _clock(words: str, text: str) -> time:
    if not re.fullmatch(r"\d{1,2}:\d{2}", words):
        raise ValueError(f'"{text}" has no time of the form HH:MM; {_REMEDY}')
    hour, minute = map(int, words.split(":"))
    if hour > 23 or minute > 59:
        raise ValueError(f'"{text}" has an hour or minute that no clock shows; use 00:00 to 23:59')
    return time(hour, minute)


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(
            f'"{name}" is not a time zone; use a name like Europe/Berlin, America/New_York or UTC'
        )
    return name


@cache
def _zones() -> frozenset[str]:
    """The zones that exist everywhere; `localtime` and the like depend on the machine."""
    return frozenset(available_timezones() - {"localtime", "Factory", "posixrules"})


def _describe_days(schedule: Schedule) -> str:
    if schedule.month_day is not None:
        return f"monthly on {schedule.month_day}"
    if schedule.weekdays == EVERY_DAY:
        return "daily"
    if schedule.weekdays == WEEKDAYS:
        return "weekdays"
    names = ", ".join(DAYS[number] for number in schedule.weekdays)
    return f"weekly on {names}" if len(schedule.weekdays) == 1 else names
