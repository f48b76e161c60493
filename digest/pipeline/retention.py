"""Clean up: what is older than the settings allow goes, a little at a time, in short transactions.

On PostgreSQL deliveries go by whole months, issues after them: each is kept until its month is too old.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage import doubts, months, papers, passes, retention, vectors
from digest.storage.database import Database

#: Rows of one transaction.
BATCH = 500

#: Transactions of one clean-up: the rest is left to the next one, so that nobody waits for it.
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """For how long things are kept; None: for ever."""

    issues: timedelta | None = None
    papers: timedelta | None = None
    events: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanUpReport:
    """How many rows went."""

    months: int = 0  # of deliveries, dropped whole
    issues: int = 0
    letters: int = 0
    papers: int = 0
    vectors: int = 0
    passes: int = 0
    bounces: int = 0

    @property
    def total(self) -> int:
        """All of them, and the months."""
        rows = self.issues + self.letters + self.papers + self.vectors + self.passes + self.bounces
        return self.months + rows


async def clean_up(db: Database, kept: Kept, now: datetime) -> CleanUpReport:
    """Delete what is too old. Suppressions, consents and who was sent which paper are never deleted."""
    async with db.write() as conn:
        await conn.run_sync(months.make_ahead, now)
        await doubts.forget_lost(conn)
    before = _begin(db, now - kept.issues) if kept.issues else None
    return CleanUpReport(
        months=await _months(db, before) if before else 0,
        issues=await _issues(db, before) if before else 0,
        letters=await _letters(db, before) if before else 0,
        papers=await _papers(db, now - kept.papers) if kept.papers else 0,
        vectors=await _vectors(db, now - kept.papers) if kept.papers else 0,
        passes=await _passes(db, now - kept.events) if kept.events else 0,
        bounces=await _bounces(db, now - kept.events) if kept.events else 0,
    )


def _begin(db: Database, before: datetime) -> datetime:
    """Rows that are older go."""
    return before if db.is_sqlite else months.month_of(before)


async def _months(db: Database, before: datetime) -> int:
    async with db.read() as conn:
        names = await conn.run_sync(months.droppable, before)
    dropped = 0
    for name in names:
        async with db.write() as conn:
            dropped += await conn.run_sync(months.drop, name)
    return dropped


async def _issues(db: Database, before: datetime) -> int:
    return await _repeat(db, lambda conn: retention.delete_issues(conn, before, BATCH))


async def _letters(db: Database, before: datetime) -> int:
    return await _repeat(db, lambda conn: retention.delete_letters(conn, before, BATCH))


async def _vectors(db: Database, before: datetime) -> int:
    return await _repeat(db, lambda conn: vectors.delete_old(conn, before, BATCH))


async def _bounces(db: Database, before: datetime) -> int:
    gone = await _repeat(db, lambda conn: retention.delete_bounces(conn, before, BATCH))
    return gone + await _repeat(db, lambda conn: retention.delete_strays(conn, before, BATCH))


async def _passes(db: Database, before: datetime) -> int:
    async with db.read() as conn:
        newest = await passes.newest_pass(conn)
    return await _repeat(db, lambda conn: retention.delete_passes(conn, before, newest, BATCH))


async def _repeat(db: Database, step: Callable[[AsyncConnection], Awaitable[int]]) -> int:
    """Batch after batch, each in its own transaction, until nothing is left."""
    total = 0
    for _ in range(MOST):
        async with db.write() as conn:
            gone = await step(conn)
        total += gone
        if gone < BATCH:
            break
    return total


async def _papers(db: Database, before: datetime) -> int:
    """Old papers that teach no topic; the walk goes by number, so none is looked at twice."""
    async with db.read() as conn:
        teaching = set((await papers.numbers(conn, await retention.examples(conn))).values())
    total, after = 0, 0
    for _ in range(MOST):
        async with db.write() as conn:
            old = await retention.old_papers(conn, before, after, BATCH)
            total += await retention.delete_papers(conn, [number for number in old if number not in teaching])
        if len(old) < BATCH:
            break
        after = old[-1]
    return total
