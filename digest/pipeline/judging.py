"""What an answer says about its source: state, alarms, the next time to ask, the days that are missing.

Part of the step `ingest`; pure but for the jitter of a rest.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

from digest.ingest import gaps, states
from digest.ingest.gaps import Gap
from digest.ingest.identity import AHEAD
from digest.ingest.parse import Document
from digest.models import Entry, Source, SourceState
from digest.pipeline.asking import Asked
from digest.storage.sources import Status

#: arXiv cuts a feed at this many rows, the new papers first (arxiv-feed: database.py).
ARXIV_ROWS = 2_000

#: Entries of an earlier answer that are remembered to tell a new listing from a repeated one.
_REMEMBERED = 5_000

#: After the second failure in a row a source rests for this long, then twice as long, up to six hours.
_REST, _LONGEST_REST = timedelta(minutes=1), timedelta(hours=6)


def judged(
    source: Source,
    before: Status,
    asked: Asked,
    entries: Sequence[Entry],
    *,
    now: datetime,
    grace: timedelta,
    jitter: Callable[[], float] = random.random,
) -> Status:
    """The status of a source after an answer; pure but for the jitter of its rest."""
    failed = asked.failed
    answer = _answer(before, asked, entries)
    state = states.state(
        answer, before.state, kind=source.kind, now=now, moved_at=before.changed_at, grace=grace
    )
    fresh = state is SourceState.FRESH and answer.entries > answer.seen
    last_new_at = now if fresh or asked.filled else before.last_new_at
    failures = before.failures + 1 if failed else 0
    return replace(
        before,
        state=state,
        state_since=before.state_since if state is before.state else now,
        checked_at=now,
        changed_at=now if asked.documents else before.changed_at,
        last_new_at=last_new_at,
        next_fetch_at=now + rest(failures, asked.retry_after, jitter()) if failed else None,
        failures=failures,
        error=asked.error
        or _loss(asked.documents)
        or asked.gap_error
        or _alarm(source, now, last_new_at or _first_asked(before)),
        batch=_batch(before, asked.documents, entries, now),
        day=_day(before, asked, answer, now),
        gap=gap_to_json(asked.gap),
    )


def rest(failures: int, retry_after: float | None, jitter: float) -> timedelta:
    """How long a source that failed is left alone; the first failure alone costs nothing."""
    doubled = min(_REST * 2 ** min(failures - 2, 20), _LONGEST_REST) if failures > 1 else timedelta()
    return max(doubled * (0.5 + jitter / 2), timedelta(seconds=retry_after or 0.0))


def _answer(before: Status, asked: Asked, entries: Sequence[Entry]) -> states.Answer:
    batch = before.batch or {}
    earlier, date = set(batch.get("ids", ())), batch.get("date")
    return states.Answer(
        usable=not asked.failed,
        unchanged=not asked.documents,
        nothing_today=asked.nothing_today,
        entries=len(entries),
        seen=sum(_label(entry) in earlier for entry in entries),
        batch=is_batch(asked.documents),
        date=asked.documents[-1].published_at if asked.documents else None,
        date_before=datetime.fromisoformat(date) if date else None,
    )


def is_batch(documents: Sequence[Document]) -> bool:
    """True for one of arXiv's feeds: they hold one day each; everything else is a list that grows."""
    return len(documents) == 1 and documents[0].format.startswith("arxiv ")


def _batch(
    before: Status, documents: Sequence[Document], entries: Sequence[Entry], now: datetime
) -> Mapping[str, Any]:
    """What is remembered of the last answer that held entries; before the first, since when it is awaited."""
    if not entries:
        return before.batch or {"date": None, "ids": [], "since": now.isoformat()}
    labels = list(dict.fromkeys(_label(entry) for entry in entries))
    if not is_batch(documents):
        labels = list(dict.fromkeys([*labels, *(before.batch or {}).get("ids", ())]))[:_REMEMBERED]
    date = documents[-1].published_at
    return {"date": date.isoformat() if date else None, "ids": labels}


def _first_asked(before: Status) -> datetime | None:
    since = (before.batch or {}).get("since")
    return datetime.fromisoformat(since) if since else None


def _label(entry: Entry) -> str:
    """What tells an entry of one answer from those of the one before; some feeds give every item one id."""
    return entry.arxiv_id or entry.doi or f"{entry.entry_id[:150]} {entry.title[:50]}"


def _alarm(source: Source, now: datetime, silent_since: datetime | None) -> str | None:
    """Too many publishing days without a new paper: since the last one, or since the first asking."""
    days = states.silent_days(source.kind, now, silent_since)
    if days < states.SILENT_DAYS or silent_since is None:
        return None
    since = silent_since.date()
    return f"nothing new on {days} publishing days, since {since}; the address or the format may have changed"


def _loss(documents: Sequence[Document]) -> str | None:
    if any(
        document.format.startswith("arxiv") and len(document.entries) + document.skipped >= ARXIV_ROWS
        for document in documents
    ):
        return f"arXiv cuts a feed at {ARXIV_ROWS} rows: new papers may be missing; ask for single categories"
    return None


def gap_of(before: Status, documents: Sequence[Document], now: datetime) -> Gap | None:
    """The publishing days between the last batch that was read and this one, and what was missing before."""
    present = _speaks_for(documents, now)
    found = gaps.missed(before.day, present, now) if present and before.day else None
    return gaps.joined(gap_from_json(before.gap), found)


def _day(before: Status, asked: Asked, answer: states.Answer, now: datetime) -> date | None:
    """A day is read when its batch came whole and was not the old one again."""
    if asked.failed or asked.dropped or states.repeats(answer):
        return before.day
    return max(filter(None, (_speaks_for(asked.documents, now), before.day)), default=None)


def _speaks_for(documents: Sequence[Document], now: datetime) -> date | None:
    """The day of a batch; a date from the future is a mistake that must not hide later gaps."""
    if not is_batch(documents) or (at := documents[0].published_at) is None or at > now + AHEAD:
        return None
    return gaps.batch_day(at, empty=not documents[0].entries)


def gap_to_json(gap: Gap | None) -> dict[str, Any] | None:
    """A gap as the database keeps it."""
    if gap is None:
        return None
    return asdict(gap) | {
        "first": gap.first.isoformat(),
        "last": gap.last.isoformat(),
        "retry_at": gap.retry_at.isoformat() if gap.retry_at else None,
    }


def gap_from_json(kept: Mapping[str, Any] | None) -> Gap | None:
    """What `gap_to_json` made."""
    if kept is None:
        return None
    return Gap(
        first=date.fromisoformat(kept["first"]),
        last=date.fromisoformat(kept["last"]),
        failures=kept["failures"],
        retry_at=datetime.fromisoformat(kept["retry_at"]) if kept["retry_at"] else None,
    )
