"""What became of the deliveries of a run: counts and reasons, read from the ledger."""

from datetime import datetime

from sqlalchemy import case, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import DeliveryState
from digest.storage.outbox import OPEN
from digest.storage.tables import deliveries

#: Literal, not bound, as in `OPEN`.
LEASED = text("deliveries.state IN ('claimed', 'data')")
UNCERTAIN = text("deliveries.state = 'uncertain' AND deliveries.resends = 0")

#: A paused outbox is counted up to here, at every tick.
MOST = 100_000

_D = deliveries.c

_PROBLEMS = ("failed", "uncertain", "deferred", "expired", "suppressed")


async def account(conn: AsyncConnection, worker: str) -> dict[str, int]:
    """How many deliveries of one run stand in each state; with `claimed` or `data` it is not over."""
    counted = select(_D.state, func.count()).where(_D.worker == worker).group_by(_D.state)
    return {state: number for state, number in await conn.execute(counted)}  # noqa: C416


async def count_due(conn: AsyncConnection, worker: str, now: datetime) -> int:
    """Deliveries that are due and that this run did not take; counts up to MOST."""
    mine = or_(_D.worker.is_(None), _D.worker != worker)
    query = select(_D.id).where(OPEN, _D.due_at <= now, mine).limit(MOST)
    return int(await conn.scalar(select(func.count()).select_from(query.subquery())) or 0)


async def count_open(conn: AsyncConnection, now: datetime, limit: int) -> int:
    """Deliveries that are due; counts up to `limit`, so that a full outbox is as quick as an empty one."""
    query = select(_D.id).where(OPEN, _D.due_at <= now).limit(limit)
    return int(await conn.scalar(select(func.count()).select_from(query.subquery())) or 0)


async def has_work(conn: AsyncConnection, now: datetime, *, resend: bool) -> bool:
    """Is anything due, held by a worker that may be dead, or to be resent? Asked of partial indexes alone."""
    due = select(_D.id).where(OPEN, _D.due_at <= now).limit(1)
    held = select(_D.id).where(LEASED).limit(1)
    doubtful = select(_D.id).where(UNCERTAIN).limit(1)
    wanted = [due.exists(), held.exists(), *([doubtful.exists()] if resend else [])]
    return await conn.scalar(select(or_(*wanted))) or False


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
