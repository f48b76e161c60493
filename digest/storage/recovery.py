"""What dead workers and doubtful ends leave in the ledger, and how it is resolved. Sends nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage import doubts
from digest.storage.tables import deliveries

#: Literal, not bound: SQLite uses a partial index only if it can read the states in the statement.
_LEASED = text("deliveries.state IN ('claimed', 'data')")

_D = deliveries.c


@dataclass(frozen=True, slots=True)
class Recovered:
    """What dead workers left behind: `freed` had said nothing, `doubtful` may have been accepted."""

    freed: int
    doubtful: int
    resent: int  # of the doubtful ones, now or from earlier runs, back in the outbox


async def holders(conn: AsyncConnection) -> set[str]:
    """Workers that hold deliveries now; the caller finds out which of them are dead."""
    found = await conn.scalars(select(_D.worker).where(_LEASED).distinct())
    return {worker for worker in found if worker}


async def recover(
    conn: AsyncConnection, now: datetime, *, dead: Collection[str] = (), resend: bool = True
) -> Recovered:
    """Take back what dead workers (named, or with a lease that ran out) held.

    What was only claimed is pending again. What was marked `data` may have been accepted: it becomes
    uncertain, and with `resend` the same message goes out once more, once only. Without, it waits for
    the operator's word.
    """
    lost = and_(_LEASED, or_(_D.leased_until < now, _D.worker.in_(list(dead))))
    freed = await conn.execute(
        update(deliveries).where(lost, _D.state == "claimed").values(state="pending", leased_until=None)
    )
    doubtful = await conn.execute(
        update(deliveries)
        .where(lost, _D.state == "data")
        .values(
            state="uncertain",
            leased_until=None,
            uncertain_at=func.coalesce(_D.uncertain_at, literal(now, _D.uncertain_at.type)),
            settled_at=now,
            reply="the worker died after it began to send: the server may have accepted the message",
        )
    )
    resent = await _resend(conn, now, _D.resends == 0) if resend else 0
    return Recovered(freed.rowcount, doubtful.rowcount, resent)


async def resolve(conn: AsyncConnection, ids: Sequence[int], *, resend: bool, now: datetime) -> int:
    """The operator's word on uncertain deliveries: send once more, or drop. Gives how many.

    A dropped one ends as expired and keeps its papers reserved: the reader may well have them.
    """
    chosen = _D.id.in_(ids)
    if resend:
        return await _resend(conn, now, chosen)
    await conn.run_sync(doubts.forget, ids)
    dropped = await conn.execute(
        update(deliveries)
        .where(chosen, _D.state == "uncertain")
        .values(state="expired", settled_at=now, reply=literal("dropped by the operator; ") + _D.reply)
    )
    return dropped.rowcount


async def send_again(conn: AsyncConnection, delivery_id: int, now: datetime) -> None:
    """The operator's wish for a delivery that was sent: the same message once more."""
    ended = _D.state.in_(("sent", "uncertain"))
    await conn.execute(
        update(deliveries)
        .where(_D.id == delivery_id, ended)
        .values(state="pending", due_at=now, settled_at=None, resends=_D.resends + 1)
    )


async def _resend(conn: AsyncConnection, now: datetime, which: ColumnElement[bool]) -> int:
    resent = await conn.execute(
        update(deliveries)
        .where(_D.state == "uncertain", which)
        .values(state="pending", due_at=now, settled_at=None, resends=_D.resends + 1)
    )
    return resent.rowcount
