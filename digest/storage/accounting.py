"""What became of the deliveries of a run: counts and reasons, read from the ledger."""

from datetime import datetime

from sqlalchemy import case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import DeliveryState
from digest.storage.outbox import OPEN
from digest.storage.tables import deliveries

_D = deliveries.c

_PROBLEMS = ("failed", "uncertain", "deferred", "expired", "suppressed")


async def account(conn: AsyncConnection, worker: str) -> dict[str, int]:
    """How many deliveries of one run stand in each state; with `claimed` or `data` it is not over."""
    counted = select(_D.state, func.count()).where(_D.worker == worker).group_by(_D.state)
    return {state: number for state, number in await conn.execute(counted)}  # noqa: C416


async def count_due(conn: AsyncConnection, worker: str, now: datetime) -> int:
    """Deliveries that are due and that this run did not take."""
    mine = or_(_D.worker.is_(None), _D.worker != worker)
    return int(await conn.scalar(select(func.count()).where(OPEN, _D.due_at <= now, mine)) or 0)


async def problems(conn: AsyncConnection, worker: str, *, limit: int) -> list[tuple[str, DeliveryState, str]]:
    """Address, state and reason of what one run did not send, failures first."""
    rank = case({"failed": 0, "uncertain": 1, "deferred": 2, "expired": 3}, value=_D.state, else_=4)
    query = (
        select(_D.email, _D.state, _D.reply)
        .where(_D.worker == worker, _D.state.in_(_PROBLEMS))
        .order_by(rank, _D.id)
        .limit(limit)
    )
    rows = (await conn.execute(query)).all()
    return [(email, DeliveryState(state), reply) for email, state, reply in rows]
