"""One pass writes at a time: a lease on the database, renewed while the work runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from digest.errors import BusyError
from digest.pipeline.workers import dead_workers
from digest.storage import leases
from digest.storage.database import Database

#: A lease outlives a missed renewal, and a killed machine blocks the next pass no longer than this.
LASTS = timedelta(seconds=60)
RENEW_SECONDS = 20.0

#: How long a second run waits for the first before it says who holds the database.
PATIENCE_SECONDS = 10.0


@asynccontextmanager
async def holding(
    db: Database, name: str, worker: str, *, patience: float = PATIENCE_SECONDS
) -> AsyncIterator[None]:
    """Hold the named lease for the time of the block. Raises BusyError if another run keeps it.

    A lease is about processes, so its clock is the machine's, also in a replay of another day.
    """
    await _wait_for(db, name, worker, patience)
    renewal = asyncio.create_task(_renew(db, name, worker))
    try:
        yield
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal
        async with db.write() as conn:
            await leases.give_back(conn, name, worker)


async def _wait_for(db: Database, name: str, worker: str, patience: float) -> None:
    give_up_at = _now() + timedelta(seconds=patience)
    while True:
        try:
            return await _take(db, name, worker)
        except BusyError:
            if _now() >= give_up_at:
                raise
            await asyncio.sleep(0.2)


async def _take(db: Database, name: str, worker: str) -> None:
    async with db.write() as conn:
        holder = await leases.holder_of(conn, name)
        if holder and dead_workers([holder], worker):
            await leases.give_back(conn, name, holder)
        await leases.take(conn, name, worker, _now(), LASTS)


async def _renew(db: Database, name: str, worker: str) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        async with db.write() as conn:
            await leases.take(conn, name, worker, _now(), LASTS)


def _now() -> datetime:
    return datetime.now(UTC)
