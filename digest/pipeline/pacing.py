"""Catching up without a thundering herd: after an outage, issues leave over a span of time. Pure."""

import hashlib
from datetime import datetime, timedelta

#: An issue that is composed this long after its due time is part of a catch-up.
OVERDUE = timedelta(minutes=30)

#: So many leave together; more are spread, this many a second, over an hour at most.
TOGETHER = 20
A_SECOND = 2.0
LONGEST = timedelta(hours=1)

#: Counting further changes nothing: the span has its full length.
ENOUGH = int(LONGEST.total_seconds() * A_SECOND)


def span(overdue: int) -> timedelta:
    """Over how much time the issues of a catch-up leave."""
    if overdue <= TOGETHER:
        return timedelta()
    return min(timedelta(seconds=overdue / A_SECOND), LONGEST)


def leaves_at(due_at: datetime, now: datetime, subscriber_id: int, spread: timedelta) -> datetime:
    """When the delivery of an issue may begin: now, or somewhere in the span if it is part of a catch-up.

    The place follows from the reader's number, so the same issue composed twice leaves at the same time.
    """
    if now - due_at < OVERDUE:
        return now
    place = int.from_bytes(hashlib.sha256(str(subscriber_id).encode()).digest()[:4], "big") / 2**32
    return now + spread * place
