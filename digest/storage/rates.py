"""How many mails bounced or were complained about: the figures that an operator watches. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.tables import deliveries, issues, suppressions

#: States of deliveries that reached a server, or whose address the server refused.
_HANDED_OVER = ("sent", "failed", "uncertain", "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Counts of one span of time."""

    mailed: int  # issues handed over to a server, whatever it said
    bounced: int  # addresses that turned out to be dead
    complained: int


async def since(conn: AsyncConnection, at: datetime) -> Rates:
    """The counts since a time; walks the issues of that span by their index."""
    mailed = (
        select(func.count())
        .select_from(issues.join(deliveries, deliveries.c.issue_id == issues.c.id))
        .where(issues.c.created_at >= at, deliveries.c.state.in_(_HANDED_OVER))
    )
    query = (
        select(suppressions.c.reason, func.count().label("number"))
        .where(suppressions.c.created_at >= at)
        .group_by(suppressions.c.reason)
    )
    reasons = {row.reason: row.number for row in await conn.execute(query)}
    return Rates(
        mailed=int(await conn.scalar(mailed) or 0),
        bounced=reasons.get("hard bounce", 0),
        complained=reasons.get("complaint", 0),
    )
