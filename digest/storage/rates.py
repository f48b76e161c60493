"""How many mails bounced or were complained about: the figures that an operator watches. Reads only."""

from datetime import datetime

from sqlalchemy import and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.tables import bounces, deliveries, issues, suppressions

#: States of deliveries that reached a server, or whose address the server refused.
_HANDED_OVER = ("sent", "failed", "uncertain", "data")

_D, _B = deliveries.c, bounces.c

#: Literal, for the partial index.
_FAILED = text("deliveries.state = 'failed'")

#: Issues, without those that we refused ourselves.
_OURS = (_D.issue_id.is_not(None), _D.reply.not_like("address:%"))


async def trouble(conn: AsyncConnection, at: datetime) -> tuple[int, int]:
    """Bounces and complaints since a time: reads nothing else, however much was mailed."""
    refused = select(func.count()).where(_FAILED, _D.created_at >= at, *_OURS)
    at_once = select(_D.id).where(_D.id == _B.delivery_id, _FAILED).exists()
    came_back = select(_B.kind, func.count().label("number")).where(_B.received_at >= at, ~at_once)
    returned = came_back.group_by(_B.kind)
    kinds = {row.kind: row.number for row in await conn.execute(returned)}
    told = select(func.count()).where(suppressions.c.reason == "complaint", suppressions.c.created_at >= at)
    bounced = int(await conn.scalar(refused) or 0) + kinds.get("hard", 0) + kinds.get("soft", 0)
    return bounced, max(kinds.get("complaint", 0), int(await conn.scalar(told) or 0))


async def mailed(conn: AsyncConnection, at: datetime, limit: int | None = None) -> int:
    """Issues handed over to a server since a time, whatever it said; counts up to `limit`."""
    its = _D.issue_id == issues.c.id, _D.created_at == issues.c.created_at
    made = select(issues.c.id).where(issues.c.created_at >= at)
    if limit is None:
        made = made.join(deliveries, and_(*its)).where(_D.state.in_(_HANDED_OVER), *_OURS)
    else:  # issue by issue until there are enough: a join would begin with all deliveries of the month
        state = select(_D.state).where(*its, *_OURS).scalar_subquery()
        made = made.where(state.in_(_HANDED_OVER)).order_by(issues.c.created_at).limit(limit)
    return int(await conn.scalar(select(func.count()).select_from(made.subquery())) or 0)
