"""What is old is deleted, a limited number of rows a call so that no lock is held for long.

Never deleted: `mailed` (a paper is mailed once, for ever), consents, suppressions, subscribers, votes, and
papers that somebody liked. Contains no decision about what is old.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, delete, exists, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.tables import (
    WITH_EXAMPLES,
    bounces,
    deliveries,
    issues,
    mailed,
    papers,
    passes,
    strays,
    topics,
    votes,
)

#: States of a delivery that somebody still works on or has to look at.
_OPEN = ("pending", "claimed", "data", "deferred", "uncertain")


async def delete_issues(conn: AsyncConnection, before: datetime, limit: int) -> int:
    """Issues of old days with their deliveries; those with an open delivery stay."""
    its = deliveries.c.issue_id == issues.c.id, deliveries.c.created_at == issues.c.created_at
    state = func.coalesce(select(deliveries.c.state).where(*its).scalar_subquery(), "quiet")
    old = select(issues.c.id).where(issues.c.created_at < before, state.not_in(_OPEN))
    return await _delete(conn, issues, issues.c.id, old.order_by(issues.c.created_at), limit)


async def delete_letters(conn: AsyncConnection, before: datetime, limit: int) -> int:
    """Settled deliveries without an issue: confirmations and notices."""
    old = select(deliveries.c.id).where(
        deliveries.c.issue_id.is_(None), deliveries.c.created_at < before, deliveries.c.state.not_in(_OPEN)
    )
    return await _delete(conn, deliveries, deliveries.c.id, old, limit)


async def delete_passes(conn: AsyncConnection, before: datetime, keep: int, limit: int) -> int:
    """Passes of old days; `keep` is the newest one, whose number goes on."""
    old = select(passes.c.number).where(passes.c.started_at < before, passes.c.number < keep)
    return await _delete(conn, passes, passes.c.number, old, limit)


async def delete_bounces(conn: AsyncConnection, before: datetime, limit: int) -> int:
    """Bounces of old days; who was suppressed by them stays suppressed."""
    old = select(bounces.c.id).where(bounces.c.received_at < before)
    return await _delete(conn, bounces, bounces.c.id, old, limit)


async def delete_strays(conn: AsyncConnection, before: datetime, limit: int) -> int:
    """Mails to the intake that nobody could read, and nobody looked at."""
    old = select(strays.c.key).where(strays.c.received_at < before)
    return await _delete(conn, strays, strays.c.key, old, limit)


async def old_papers(conn: AsyncConnection, before: datetime, after: int, limit: int) -> list[int]:
    """Numbers of old papers that nobody voted on, from the one after `after` on."""
    free = ~exists().where(votes.c.paper == papers.c.number)
    query = select(papers.c.number).where(papers.c.number > after, papers.c.first_seen_at < before, free)
    return list(await conn.scalars(query.order_by(papers.c.number).limit(limit)))


async def delete_papers(conn: AsyncConnection, numbers: Sequence[int]) -> int:
    """Delete those that nobody was sent, with their aliases; of the others only the texts."""
    chosen = papers.c.number.in_(numbers)
    await conn.execute(update(papers).where(chosen).values(abstract="", comment=""))
    unsent = ~exists().where(mailed.c.paper == papers.c.number)
    return (await conn.execute(delete(papers).where(chosen, unsent))).rowcount


async def examples(conn: AsyncConnection) -> set[str]:
    """The papers that topics name as liked or disliked, as their readers wrote them."""
    named = select(topics.c.liked, topics.c.disliked).where(text(f"({WITH_EXAMPLES})"))
    rows = await conn.execute(named)
    return {paper for row in rows for paper in (*row.liked, *row.disliked)}


async def _delete(
    conn: AsyncConnection, table: Table, key: ColumnElement[Any], which: Select[tuple[Any]], limit: int
) -> int:
    ids = (await conn.scalars(which.limit(limit))).all()
    if ids:
        await conn.execute(delete(table).where(key.in_(ids)))
    return len(ids)
