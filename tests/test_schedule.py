"""An issue is due once at every time that its reader named, on every clock of the world."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from digest.models import Schedule
from digest.schedule import _zones, describe, last_due, next_after_change, next_due, parse_schedule

times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
zones = st.sampled_from(sorted(_zones()))
days = st.lists(st.integers(0, 6), min_size=1, unique=True).map(lambda days: tuple(sorted(days)))
weekly = st.builds(Schedule, weekdays=days, at=times, zone=zones)
monthly = st.builds(Schedule, weekdays=st.just(()), month_day=st.integers(1, 31), at=times, zone=zones)
schedules = weekly | monthly
moments = st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))


@given(schedules)
def test_described_schedule_reads_back_the_same(schedule: Schedule) -> None:
    assert parse_schedule(describe(schedule)) == schedule


@given(schedules, moments)
def test_next_due_is_later_and_nothing_is_due_between(schedule: Schedule, after: datetime) -> None:
    due = next_due(schedule, after)
    assert due > after
    assert next_due(schedule, due - timedelta(seconds=1)) == due
    assert next_due(schedule, after + (due - after) / 2) == due


@given(schedules, moments)
def test_last_due_is_the_one_before_the_next(schedule: Schedule, until: datetime) -> None:
    last = last_due(schedule, until)
    assert last <= until
    assert next_due(schedule, last) == next_due(schedule, until)


@given(times, zones, zones, moments)
def test_move_to_another_zone_neither_doubles_nor_skips_a_day(
    at: time, here: str, there: str, now: datetime
) -> None:
    """The issue after the move is that of the next day of the calendar; it comes at once if it is late."""
    assume(here != there)
    old, new = Schedule(at=at, zone=here), Schedule(at=at, zone=there)
    served = last_due(old, now)
    moved = next_after_change(old, new, served, now)
    day = (last_due(new, now) if moved == now else moved).astimezone(ZoneInfo(there)).date()
    assert moved >= now
    assert timedelta(1) <= day - served.astimezone(ZoneInfo(here)).date() <= timedelta(2)
    assert moved - served < timedelta(hours=24 + 27)


@pytest.mark.parametrize(
    ("move", "now", "due"),
    [
        ("America/New_York", "2026-11-24 07:00", "2026-11-25 12:30"),  # the 24th had its issue in Berlin
        ("Asia/Tokyo", "2026-11-24 23:00", "2026-11-24 23:00"),  # it is the 25th there, after 07:30
        ("Asia/Tokyo", "2026-11-24 20:00", "2026-11-24 22:30"),
    ],
)
def test_move_of_a_reader_in_berlin(move: str, now: str, due: str) -> None:
    old, new = (parse_schedule(f"daily at 07:30 {zone}") for zone in ("Europe/Berlin", move))
    at, expected = (datetime.fromisoformat(f"{text}Z") for text in (now, due))
    assert next_after_change(old, new, last_due(old, at), at) == expected


@given(weekly, moments)
def test_one_issue_a_local_day(schedule: Schedule, after: datetime) -> None:
    first = next_due(schedule, after)
    second = next_due(schedule, first)
    assert second - first > timedelta(hours=20)


@pytest.mark.parametrize(
    ("words", "schedule"),
    [
        ("daily at 07:30 Europe/Berlin", Schedule(at=time(7, 30), zone="Europe/Berlin")),
        ("Weekdays  at 6:05 UTC", Schedule(weekdays=(0, 1, 2, 3, 4), at=time(6, 5))),
        ("monday, friday at 08:00", Schedule(weekdays=(0, 4), at=time(8))),
        ("Fri and Mon at 08:00", Schedule(weekdays=(0, 4), at=time(8))),
        ("weekly on friday at 08:00", Schedule(weekdays=(4,), at=time(8))),
        ("monthly on 1 at 09:00", Schedule(weekdays=(), month_day=1, at=time(9))),
        ("daily Europe/Berlin", Schedule(zone="Europe/Berlin")),
        ("weekdays", Schedule(weekdays=(0, 1, 2, 3, 4))),
    ],
)
def test_schedule_reads_what_people_write(words: str, schedule: Schedule) -> None:
    assert parse_schedule(words) == schedule


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("dayly at 07:30", '"dayly at 07:30" is not a schedule'),
        ("daily at 25:00", "no clock shows"),
        ("daily at noon", "no time of the form HH:MM"),
        ("daily at 07:30 Berlin", '"Berlin" is not a time zone'),
        ("daily at 07:30 localtime", '"localtime" is not a time zone'),
        ("monthly on 32 at 07:30", "use 1 to 31"),
        ("", "is not a schedule"),
    ],
)
def test_wrong_schedule_is_told_in_one_sentence(words: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_schedule(words)


def due_times(words: str, after: datetime, number: int) -> list[datetime]:
    """The next times in local time, as a reader's clock shows them."""
    schedule, found = parse_schedule(words), [after]
    for _ in range(number):
        found.append(next_due(schedule, found[-1]))
    return [due.astimezone(ZoneInfo(schedule.zone)) for due in found[1:]]


def test_autumn_night_has_one_issue() -> None:
    local = due_times("daily at 01:30 America/New_York", datetime(2026, 10, 31, 12, tzinfo=UTC), 2)
    assert [(due.month, due.day, due.hour, due.fold) for due in local] == [(11, 1, 1, 0), (11, 2, 1, 0)]


def test_spring_night_has_its_issue_after_the_gap() -> None:
    local = due_times("daily at 02:30 Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC), 2)
    assert [(due.day, due.hour, due.minute) for due in local] == [(29, 3, 30), (30, 2, 30)]


def test_short_month_has_its_issue_on_its_last_day() -> None:
    local = due_times("monthly on 31 at 08:00 UTC", datetime(2026, 1, 31, 12, tzinfo=UTC), 3)
    assert [(due.month, due.day) for due in local] == [(2, 28), (3, 31), (4, 30)]


def test_odd_offset_is_kept() -> None:
    local = due_times("daily at 07:30 Asia/Kathmandu", datetime(2026, 4, 14, tzinfo=UTC), 1)
    assert local[0].astimezone(UTC) == datetime(2026, 4, 14, 1, 45, tzinfo=UTC)
