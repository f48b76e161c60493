"""Claims of the distributed engine: who is due is handed to a job once, for a time. Decides nothing.

The claim and the jobs that it makes are one transaction, so neither exists without the other. A claim ends
when its batch is composed; if the job is lost, it ends by itself and the next tick claims anew.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.tables import subscribers

#: Literal, not bound: a partial index is used only where the statement shows its condition.
_UNCLAIMED = text("subscribers.status = 'active' AND subscribers.claimed_until IS NULL")

_S = subscribers.c


async def claim_due(conn: AsyncConnection, now: datetime, until: datetime, limit: int) -> list[int]:
    """Claim up to `limit` readers whose issue is due, longest waiting first; skips other ticks' rows."""
    due = (
        select(_S.id)
        .where(_UNCLAIMED, _S.next_issue_at <= now)
        .order_by(_S.next_issue_at, _S.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = await conn.scalars(
        update(subscribers).where(_S.id.in_(select(due.c.id))).values(claimed_until=until).returning(_S.id)
    )
    return sorted(claimed)


async def count_claimed(conn: AsyncConnection, limit: int) -> int:
    """How many claims are open; counts up to `limit`."""
    query = select(literal(1)).where(_S.claimed_until.is_not(None)).limit(limit)
    return int(await conn.scalar(select(func.count()).select_from(query.subquery())) or 0)


async def end_claims(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """The batch is done, whatever became of each: who is due again may be claimed again."""
    await conn.execute(
        update(subscribers).where(_S.id.in_(ids), _S.claimed_until.is_not(None)).values(claimed_until=None)
    )


async def end_expired(conn: AsyncConnection, now: datetime, limit: int) -> int:
    """Claims whose job was lost; gives how many ended, at most `limit`."""
    old = select(_S.id).where(_S.claimed_until < now).limit(limit).with_for_update(skip_locked=True)
    expired = old.cte("expired")
    ended = update(subscribers).where(_S.id.in_(select(expired.c.id))).values(claimed_until=None)
    return (await conn.execute(ended)).rowcount
