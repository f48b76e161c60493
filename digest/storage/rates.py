"""How many mails bounced or were complained about: the figures that an operator watches. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.tables import bounces, deliveries, issues, suppressions

#: States of deliveries that reached a server, or whose address the server refused.
_HANDED_OVER = ("sent", "failed", "uncertain", "data")

_D, _B = deliveries.c, bounces.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Counts of one span of time."""

    mailed: int  # issues handed over to a server, whatever it said
    bounced: int  # refused at once, or sent back later
    complained: int


async def since(conn: AsyncConnection, at: datetime) -> Rates:
    """The counts since a time; walks the issues of that span by their index."""
    made = select(func.count()).select_from(issues.join(deliveries, _D.issue_id == issues.c.id))
    made = made.where(issues.c.created_at >= at, _D.reply.not_like("address:%"))  # our own refusals
    returned = select(_B.kind, func.count().label("number")).where(_B.received_at >= at).group_by(_B.kind)
    kinds = {row.kind: row.number for row in await conn.execute(returned)}
    told = select(func.count()).where(suppressions.c.reason == "complaint", suppressions.c.created_at >= at)
    refused = int(await conn.scalar(made.where(_D.state == "failed")) or 0)
    return Rates(
        mailed=int(await conn.scalar(made.where(_D.state.in_(_HANDED_OVER))) or 0),
        bounced=refused + kinds.get("hard", 0) + kinds.get("soft", 0),
        complained=max(kinds.get("complaint", 0), int(await conn.scalar(told) or 0)),
    )
