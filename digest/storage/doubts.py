"""Messages that may have arrived, byte for byte: one that leaves once more is the same. Decides nothing."""

import zlib
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.database import chunks
from digest.storage.tables import deliveries
from digest.storage.tables_running import doubts


def keep(conn: Connection, messages: Mapping[int, bytes]) -> None:
    """Keep the messages of deliveries that end in doubt now; a later doubt is about the same bytes."""
    if not messages:
        return
    known = set(conn.scalars(select(doubts.c.delivery_id).where(doubts.c.delivery_id.in_(messages))))
    rows = [
        {"delivery_id": number, "message": zlib.compress(raw, 1)}
        for number, raw in messages.items()
        if number not in known
    ]
    if rows:
        conn.execute(insert(doubts), rows)


def forget(conn: Connection, ids: Collection[int]) -> None:
    """The doubt has ended."""
    for some in chunks(sorted(ids)):
        conn.execute(delete(doubts).where(doubts.c.delivery_id.in_(some)))


async def forget_reader(conn: AsyncConnection, subscriber_id: int) -> None:
    """Whoever is deleted leaves no message behind."""
    mine = select(deliveries.c.id).where(deliveries.c.subscriber_id == subscriber_id)
    await conn.execute(delete(doubts).where(doubts.c.delivery_id.in_(mine)))


async def forget_lost(conn: AsyncConnection) -> None:
    """Messages of deliveries that were deleted; on SQLite the foreign key does it."""
    # Asked row by row, for there are few: a join would read every delivery.
    its = select(deliveries.c.id).where(deliveries.c.id == doubts.c.delivery_id).limit(1)
    await conn.execute(delete(doubts).where(its.scalar_subquery().is_(None)))


async def by_ids(conn: AsyncConnection, ids: Collection[int]) -> dict[int, bytes]:
    """The messages that are kept, by delivery."""
    found: dict[int, bytes] = {}
    for some in chunks(sorted(ids)):
        rows = await conn.execute(select(doubts).where(doubts.c.delivery_id.in_(some)))
        found.update((row.delivery_id, zlib.decompress(row.message)) for row in rows)
    return found
