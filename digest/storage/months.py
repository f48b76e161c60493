"""Deliveries by month, on PostgreSQL: made ahead, dropped whole. SQLite holds one plain table.

A delivery lives in the month of its `created_at`, which never changes and is that of its issue: so the
unique (issue_id, created_at) with the foreign key to issues (id, created_at) keeps one delivery an issue, as
unique (issue_id) does on SQLite. What no month takes goes to `deliveries_other`; nothing is ever refused.

Months are made and dropped under locks that nobody waits long for: it works at once, or the next tick does.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from digest.storage.database import APPLICATION_ID
from digest.storage.standstill import stop_others

#: Months that exist before they begin.
AHEAD = 3

#: Deliveries, and what their foreign keys name.
_TABLES = ("subscribers", "issues", "deliveries")

_NAME = re.compile(r"deliveries_(until_)?(\d{4})_(\d{2})")

_PARTS = text(
    "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = 'deliveries'::regclass ORDER BY c.relname"
)

#: Answered by the partial indexes of the month.
_OPEN = (
    "SELECT EXISTS (SELECT 1 FROM {name} WHERE state IN ('pending', 'deferred')) "
    "OR EXISTS (SELECT 1 FROM {name} WHERE state IN ('claimed', 'data')) "
    "OR EXISTS (SELECT 1 FROM {name} WHERE state = 'uncertain')"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One partition; `start` is None for what was there before months were kept apart."""

    name: str
    start: datetime | None
    end: datetime


def month_of(at: datetime) -> datetime:
    """The first moment of its month, in UTC."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def later(month: datetime, number: int) -> datetime:
    """The month so many months later."""
    years, index = divmod(month.month - 1 + number, 12)
    return month.replace(year=month.year + years, month=index + 1)


def parts(conn: Connection) -> list[Part]:
    """The months that exist; none on SQLite."""
    if conn.dialect.name != "postgresql":
        return []
    return [part for name in conn.scalars(_PARTS) if (part := _part(name))]


def make_ahead(conn: Connection, now: datetime) -> int:
    """Make this month and the next ones; gives how many were missing and were made."""
    return cover(conn, [later(month_of(now), number) for number in range(AHEAD + 1)])


def cover(conn: Connection, months: Iterable[datetime]) -> int:
    """Make the months that are missing; gives how many: none on SQLite, or while the tables are busy."""
    wanted = sorted(set(months))
    if conn.dialect.name != "postgresql" or not _missing(conn, wanted):
        return 0
    conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": APPLICATION_ID})
    missing = _missing(conn, wanted)  # another process may just have made them
    if not missing or not stop_others(conn, _TABLES):
        return 0
    for month in missing:
        _make(conn, month)
    return len(missing)


def droppable(conn: Connection, before: datetime) -> list[str]:
    """Months that ended before a time and hold nothing that is to be sent or in doubt."""
    old = [part.name for part in parts(conn) if part.end <= before]
    return [name for name in old if not conn.scalar(text(_OPEN.format(name=name)))]


def drop(conn: Connection, name: str) -> int:
    """Drop one of the `droppable`, if that is still true now; gives how many were dropped."""
    if not stop_others(conn, _TABLES):
        return 0
    if name not in {part.name for part in parts(conn)} or conn.scalar(text(_OPEN.format(name=name))):
        return 0
    conn.execute(text(f"DROP TABLE {name}"))
    return 1


def _part(name: str) -> Part | None:
    """What its name says; None for `deliveries_other`."""
    if not (found := _NAME.fullmatch(name)):
        return None
    month = datetime(int(found[2]), int(found[3]), 1, tzinfo=UTC)
    return Part(name, None, month) if found[1] else Part(name, month, later(month, 1))


def _missing(conn: Connection, months: Iterable[datetime]) -> list[datetime]:
    known = parts(conn)
    begun = max((part.end for part in known if part.start is None), default=None)
    starts = {part.start for part in known}
    return [month for month in months if month not in starts and (begun is None or month >= begun)]


def _make(conn: Connection, month: datetime) -> None:
    """A month with what `deliveries_other` took in its place."""
    name, start, end = (
        f"deliveries_{month:%Y_%m}",
        f"'{month.isoformat()}'",
        f"'{later(month, 1).isoformat()}'",
    )
    conn.execute(text(f"CREATE TABLE {name} (LIKE deliveries INCLUDING DEFAULTS)"))
    conn.execute(
        text(
            f"WITH moved AS (DELETE FROM deliveries_other "
            f"WHERE created_at >= {start} AND created_at < {end} RETURNING *) "
            f"INSERT INTO {name} SELECT * FROM moved"
        )
    )
    conn.execute(text(f"ALTER TABLE deliveries ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})"))
