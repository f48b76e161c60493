"""How often something happened in the last hours: limits that survive a restart. Decides nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.tables_web import counters

_ADD = text(
    """
    INSERT INTO counters (bucket, hour, number) VALUES (:bucket, :hour, 1)
    ON CONFLICT (bucket, hour) DO UPDATE SET number = counters.number + 1
    """
)


async def add(conn: AsyncConnection, buckets: Sequence[str], now: datetime) -> None:
    """Count one more, now, for each bucket."""
    await conn.execute(_ADD, [{"bucket": bucket, "hour": _hour(now)} for bucket in buckets])


async def within(conn: AsyncConnection, bucket: str, now: datetime, hours: int) -> int:
    """How often it happened in this hour and the `hours` before it: never less than the promised span."""
    query = select(func.sum(counters.c.number)).where(
        counters.c.bucket == bucket, counters.c.hour >= _hour(now) - hours
    )
    return int(await conn.scalar(query) or 0)


async def forget(conn: AsyncConnection, now: datetime) -> None:
    """Drop what no limit asks for any more."""
    await conn.execute(delete(counters).where(counters.c.hour < _hour(now - timedelta(days=3))))


def _hour(at: datetime) -> int:
    return int(at.timestamp()) // 3600
