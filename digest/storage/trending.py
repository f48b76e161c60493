"""The public lists: the hottest papers of a time, with the votes of readers here. Decides nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Paper
from digest.storage import papers as stored
from digest.storage.database import chunks
from digest.storage.tables import papers, votes


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A paper of a public list."""

    paper: Paper
    here: int  # votes of readers here: likes less dislikes
    is_new: bool  # listed within the last day

    @property
    def votes(self) -> int:
        """All votes, here and on Hugging Face."""
        return self.here + (self.paper.votes or 0)


async def listed(
    conn: AsyncConnection, start: datetime, end: datetime, now: datetime, limit: int
) -> list[Listed]:
    """The papers that became eligible from `start` to before `end`, the hottest first.

    The formula is that of `papers.trending`; in a list of the past, age counts up to its end.
    """
    columns = (papers.c.number, papers.c.id, papers.c.votes, papers.c.published_at, papers.c.eligible_at)
    query = select(*columns, stored.votes_here()).where(
        papers.c.eligible_at >= start, papers.c.eligible_at < end, papers.c.withdrawn.is_(False)
    )
    rows = (await conn.execute(query)).all()
    ranked = sorted(rows, key=lambda row: stored.heat(row, min(now, end)))[:limit]
    found = await stored.by_ids(conn, [row.id for row in ranked])
    fresh = now - timedelta(days=1)
    return [
        Listed(paper=found[row.id], here=int(row.here or 0), is_new=row.eligible_at >= fresh)
        for row in ranked
        if row.id in found
    ]


async def newest_day(conn: AsyncConnection) -> datetime | None:
    """When the newest eligible paper became so; None without any."""
    found: datetime | None = await conn.scalar(select(func.max(papers.c.eligible_at)))
    return found


async def oldest_day(conn: AsyncConnection) -> datetime | None:
    """When the first eligible paper became so; None without any."""
    found: datetime | None = await conn.scalar(select(func.min(papers.c.eligible_at)))
    return found


async def votes_here(conn: AsyncConnection, ids: Iterable[str]) -> dict[str, int]:
    """Paper id -> likes less dislikes of readers here; papers without any are absent."""
    found: dict[str, int] = {}
    for some in chunks(sorted(set(ids))):
        query = (
            select(papers.c.id, func.sum(votes.c.value))
            .join(votes, votes.c.paper == papers.c.number)
            .where(papers.c.id.in_(some))
            .group_by(papers.c.id)
        )
        found.update((paper_id, int(value)) for paper_id, value in await conn.execute(query))
    return found
