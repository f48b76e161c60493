"""What an answer means: fresh, quiet, late, stale or failed. Pure.

arXiv publishes on the evenings of Sunday to Thursday, so its feed of Monday to Friday (Eastern) holds a
batch; holidays are not listed, an empty feed is all that tells of them. Hugging Face lists on working days.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from digest.models import SourceKind, SourceState

EASTERN = ZoneInfo("America/New_York")

#: A batch that is known to this part already is the previous one under a new date.
STALE = 0.9

#: Publishing days without a new paper after which a source is reported as silent.
SILENT_DAYS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one asking of a source came to."""

    usable: bool = True  # False: no usable answer
    unchanged: bool = False  # 304 or an identical body, for every address
    nothing_today: bool = False  # the list of the present day does not exist
    entries: int = 0
    seen: int = 0  # entries that the source's previous answer held as well
    batch: bool = False  # the answer is one day's batch and no rolling list
    date: datetime | None = None  # of the batch
    date_before: datetime | None = None  # of the previous batch


def state(
    answer: Answer,
    before: SourceState | None,
    *,
    kind: SourceKind,
    now: datetime,
    moved_at: datetime | None,
    grace: timedelta,
) -> SourceState:
    """The state of a source after an answer.

    `moved_at` is when an answer last differed from the one before; `grace` how long a batch may be overdue.
    """
    if not answer.usable:
        return SourceState.FAILED
    if answer.nothing_today and not answer.entries and expected_at(kind, now) is None:
        return SourceState.QUIET
    if answer.unchanged:
        return _unmoved(before, kind, now, moved_at, grace)
    if not answer.entries:
        return SourceState.QUIET
    if not repeats(answer):
        return SourceState.FRESH
    if answer.batch and _redated(answer):
        return SourceState.STALE
    return _unmoved(before, kind, now, moved_at, grace)


def repeats(answer: Answer) -> bool:
    """True for an answer that is (nearly) the previous one; an empty one repeats nothing."""
    return answer.entries > 0 and answer.seen >= (STALE * answer.entries if answer.batch else answer.entries)


def _unmoved(
    before: SourceState | None,
    kind: SourceKind,
    now: datetime,
    moved_at: datetime | None,
    grace: timedelta,
) -> SourceState:
    """Nothing moved: the state stays until the next batch is overdue."""
    if is_overdue(kind, now, moved_at, grace):
        return SourceState.LATE
    return SourceState.QUIET if before in (None, SourceState.FAILED) else before


def _redated(answer: Answer) -> bool:
    """The old batch under a later date."""
    return answer.date is not None and answer.date_before is not None and answer.date > answer.date_before


def is_overdue(kind: SourceKind, now: datetime, moved_at: datetime | None, grace: timedelta) -> bool:
    """True if the last batch that is past its hour, today's or an earlier one, has not come.

    Hugging Face's list grows from midnight on: what moved in the morning is today's.
    """
    days = (expected_at(kind, now - grace - timedelta(days=days)) for days in range(4))
    at = next((one for one in days if one and one <= now - grace), None)
    if at is None or moved_at is None:
        return False
    return moved_at < (at.replace(hour=0) if kind is SourceKind.HUGGINGFACE else at)


def expected_at(kind: SourceKind, now: datetime) -> datetime | None:
    """When the batch of the present day is to be expected; None on days without one."""
    if kind is SourceKind.ARXIV:
        today = now.astimezone(EASTERN).date()
        at = datetime.combine(today, time(0, 0), tzinfo=EASTERN).astimezone(UTC)
    elif kind is SourceKind.HUGGINGFACE:
        today = now.astimezone(UTC).date()
        at = datetime.combine(today, time(12, 0), tzinfo=UTC)  # the list grows over the morning
    else:
        return None
    return at if today.weekday() < 5 else None


def silent_days(kind: SourceKind, now: datetime, last_new_at: datetime | None) -> int:
    """Publishing days that ended since the last new paper; 0 for sources without a calendar."""
    if last_new_at is None or kind not in (SourceKind.ARXIV, SourceKind.HUGGINGFACE):
        return 0
    zone = EASTERN if kind is SourceKind.ARXIV else UTC
    first, last = last_new_at.astimezone(zone).date(), now.astimezone(zone).date()
    days = (first + timedelta(days=n) for n in range(1, min((last - first).days, 3660)))
    return sum(day.weekday() < 5 for day in days)
