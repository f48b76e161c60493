"""Late batches: which issues wait for a source that has not published today, and how long. Pure.

Only sources with a calendar can hold an issue back, each only once its hour has come, and none that has
been silent for days: one that is broken must not delay every reader every day.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from digest.ingest.states import SILENT_DAYS, expected_at, silent_days
from digest.models import SourceKind, SourceState, Subscriber
from digest.storage.batches import Batch

#: Kinds of sources that publish by a calendar.
CALENDARS = (SourceKind.ARXIV, SourceKind.HUGGINGFACE)


def awaited(batches: Iterable[Batch], now: datetime) -> tuple[Batch, ...]:
    """The sources whose batch of today is due and has not come."""
    return tuple(batch for batch in batches if is_awaited(batch, now))


def is_awaited(batch: Batch, now: datetime) -> bool:
    """True if the batch of today is past its hour, has not come and may still come."""
    since = _begins_at(batch.kind, now)
    if since is None or batch.last_new_at is None or batch.last_new_at >= since:
        return False
    if silent_days(batch.kind, now, batch.last_new_at) >= SILENT_DAYS:
        return False
    return not _is_empty_today(batch, since)


def _begins_at(kind: SourceKind, now: datetime) -> datetime | None:
    """From when on an answer is today's; None while nothing is to be expected.

    Hugging Face's list grows from midnight on, so papers of the morning are today's batch.
    """
    expected = expected_at(kind, now)
    if expected is None or now < expected:
        return None
    return expected.replace(hour=0) if kind is SourceKind.HUGGINGFACE else expected


def _is_empty_today(batch: Batch, since: datetime) -> bool:
    """A new answer without entries: a holiday, or a small category on a day without papers."""
    return batch.state is SourceState.QUIET and batch.changed_at is not None and batch.changed_at >= since


def missing_for(subscriber: Subscriber, late: Sequence[Batch]) -> tuple[Batch, ...]:
    """Those of the late sources that this reader follows."""
    return tuple(b for b in late if not subscriber.sources or b.family in subscriber.sources)


def due_at(subscriber: Subscriber, now: datetime) -> datetime:
    """The time that the schedule promised, also for an issue that has waited."""
    return subscriber.waiting_since or subscriber.next_issue_at or now


def waits_until(
    subscriber: Subscriber, late: Sequence[Batch], now: datetime, patience: timedelta
) -> datetime | None:
    """When an issue that is due goes at the latest; None: it goes now.

    A first issue never waits: it covers a week and is the answer to a sign-up.
    """
    deadline = due_at(subscriber, now) + patience
    if subscriber.last_pass is None or now >= deadline or not missing_for(subscriber, late):
        return None
    return deadline


def missing_note(missing: Sequence[Batch]) -> str:
    """What an issue says that goes without a batch."""
    if not missing:
        return ""
    names = [_named(batch) for batch in missing]
    listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    had = "has" if len(names) == 1 else "have"
    return f"{listed} {had} not published today's papers yet; they will be in your next issue."


def _named(batch: Batch) -> str:
    if batch.kind is SourceKind.HUGGINGFACE:
        return "Hugging Face"
    return batch.name.replace("arxiv:", "arXiv ")
