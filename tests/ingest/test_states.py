"""What an answer means: five states, each for its own reason."""

from datetime import UTC, datetime, timedelta

import pytest

from digest.ingest.states import Answer, expected_at, silent_days, state
from digest.models import SourceKind, SourceState

THURSDAY, FRIDAY, SATURDAY = (datetime(2026, 4, day, 4, tzinfo=UTC) for day in (23, 24, 25))
GRACE = timedelta(hours=3)
FRESH, QUIET, LATE, STALE, FAILED = SourceState


def judge(
    answer: Answer,
    before: SourceState | None = FRESH,
    now: datetime = FRIDAY + timedelta(hours=8),
    moved_at: datetime | None = THURSDAY,
    kind: SourceKind = SourceKind.ARXIV,
) -> SourceState:
    return state(answer, before, kind=kind, now=now, moved_at=moved_at, grace=GRACE)


def batch(entries: int, seen: int, date: datetime = FRIDAY) -> Answer:
    return Answer(entries=entries, seen=seen, batch=True, date=date, date_before=THURSDAY)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(usable=False), FAILED),
        (batch(100, 0), FRESH),
        (batch(100, 60), FRESH),
        (batch(100, 95), STALE),
        (batch(100, 100), STALE),
        (batch(0, 0), QUIET),
        (batch(100, 100, date=THURSDAY), LATE),
        (Answer(unchanged=True), LATE),
    ],
)
def test_a_friday_answer_of_arxiv(answer: Answer, expected: SourceState) -> None:
    assert judge(answer) is expected


def test_the_old_batch_on_a_saturday_is_stale_too() -> None:
    old = batch(100, 100, date=SATURDAY)
    assert judge(old, before=QUIET, now=SATURDAY + timedelta(hours=8)) is STALE


def test_a_late_batch_on_a_saturday_is_fresh() -> None:
    assert judge(batch(317, 20, date=SATURDAY), before=STALE, now=SATURDAY) is FRESH


@pytest.mark.parametrize("before", [FRESH, QUIET, LATE, STALE])
def test_an_identical_answer_leaves_the_state_where_nothing_is_due(before: SourceState) -> None:
    at = FRIDAY + timedelta(hours=2)  # within the grace
    assert judge(Answer(unchanged=True), before=before, now=at) is before


def test_an_identical_answer_heals_a_failure() -> None:
    assert judge(Answer(unchanged=True), before=FAILED, now=FRIDAY) is QUIET


@pytest.mark.parametrize(("days", "expected"), [(0, FRESH), (1, LATE)])
def test_yesterdays_batch_that_never_came_is_late_before_todays_hour(
    days: int, expected: SourceState
) -> None:
    moved_at = THURSDAY + timedelta(minutes=1) - timedelta(days=days)
    assert judge(Answer(unchanged=True), now=FRIDAY + timedelta(hours=2), moved_at=moved_at) is expected


def test_todays_batch_is_not_late_once_it_came() -> None:
    assert judge(Answer(unchanged=True), moved_at=FRIDAY + timedelta(minutes=1)) is FRESH


def test_the_weekends_empty_feed_is_late_on_monday() -> None:
    monday = SATURDAY + timedelta(days=2, hours=8)
    assert judge(Answer(unchanged=True), before=QUIET, now=monday, moved_at=SATURDAY) is LATE


def test_a_holiday_stays_quiet() -> None:
    """An empty feed of today is an answer, however often it is asked for again."""
    assert judge(Answer(unchanged=True), before=QUIET, moved_at=FRIDAY + timedelta(minutes=1)) is QUIET


def test_hugging_faces_morning_is_todays() -> None:
    evening = FRIDAY.replace(hour=20)
    morning, yesterday = FRIDAY.replace(hour=6), THURSDAY.replace(hour=20)
    hugging = SourceKind.HUGGINGFACE
    assert judge(Answer(unchanged=True), now=evening, moved_at=morning, kind=hugging) is FRESH
    assert judge(Answer(unchanged=True), now=evening, moved_at=yesterday, kind=hugging) is LATE


def test_a_growing_list_is_fresh_with_one_new_entry() -> None:
    grown = Answer(entries=25, seen=24)
    assert judge(grown, kind=SourceKind.FEED) is FRESH
    assert judge(Answer(entries=25, seen=25), before=QUIET, kind=SourceKind.FEED) is QUIET


def test_journals_are_never_late() -> None:
    assert judge(Answer(unchanged=True), kind=SourceKind.FEED, moved_at=None) is FRESH


def test_hugging_face_is_quiet_at_weekends() -> None:
    nothing = Answer(unchanged=True, nothing_today=True)
    assert judge(nothing, kind=SourceKind.HUGGINGFACE, now=SATURDAY) is QUIET


def test_batches_are_expected_at_midnight_eastern_in_summer_and_winter() -> None:
    assert expected_at(SourceKind.ARXIV, FRIDAY + timedelta(hours=8)) == FRIDAY
    winter = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert expected_at(SourceKind.ARXIV, winter) == datetime(2026, 1, 5, 5, tzinfo=UTC)
    assert expected_at(SourceKind.ARXIV, SATURDAY + timedelta(hours=8)) is None
    assert expected_at(SourceKind.FEED, FRIDAY) is None


def test_silence_counts_publishing_days_that_ended() -> None:
    assert silent_days(SourceKind.ARXIV, SATURDAY + timedelta(days=2, hours=8), THURSDAY) == 1
    assert silent_days(SourceKind.ARXIV, THURSDAY, THURSDAY) == 0
    assert silent_days(SourceKind.FEED, SATURDAY, THURSDAY) == 0
    assert silent_days(SourceKind.ARXIV, SATURDAY, None) == 0
