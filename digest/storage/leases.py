"""Who holds a pass: one row a name, taken for a time, so that a dead process never blocks for ever.

Claims of deliveries are leases too; they are renewed here and taken in `outbox`.
"""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.errors import BusyError
from digest.storage.tables import UtcDateTime, deliveries
from digest.storage.tables_running import leases

_TAKE = text(
    """
    INSERT INTO leases (name, holder, leased_until) VALUES (:name, :holder, :until)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, leased_until = excluded.leased_until
    WHERE leases.leased_until <= :now OR leases.holder = excluded.holder
    """
).bindparams(bindparam("until", type_=UtcDateTime), bindparam("now", type_=UtcDateTime))


async def take(conn: AsyncConnection, name: str, holder: str, now: datetime, lasts: timedelta) -> None:
    """Take or renew the lease. Raises BusyError that says who holds it and until when."""
    parameters = {"name": name, "holder": holder, "until": now + lasts, "now": now}
    if (await conn.execute(_TAKE, parameters)).rowcount:
        return
    row = (await conn.execute(select(leases).where(leases.c.name == name))).one()
    raise BusyError(
        f"another run is at work on this database ({row.holder}, until {row.leased_until:%H:%M:%S} UTC "
        "unless it renews); wait for it, then try again"
    )


async def give_back(conn: AsyncConnection, name: str, holder: str) -> None:
    """End the lease, if it is still ours."""
    await conn.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))


async def holder_of(conn: AsyncConnection, name: str) -> str | None:
    """Who holds the lease, or left it behind."""
    found: str | None = await conn.scalar(select(leases.c.holder).where(leases.c.name == name))
    return found


async def renew_deliveries(conn: AsyncConnection, worker: str, until: datetime) -> None:
    """Keep what a worker has claimed or marked: it is still at work."""
    held = deliveries.c.worker == worker, deliveries.c.state.in_(("claimed", "data"))
    await conn.execute(update(deliveries).where(*held).values(leased_until=until))
