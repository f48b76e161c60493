"""What the optional model says of texts, by key: worked out once, then looked up. Decides nothing."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.database import chunks
from digest.storage.tables import UtcDateTime
from digest.storage.tables_running import vectors

_KEEP = text(
    "INSERT INTO vectors (key, vector, made_at) VALUES (:key, :vector, :at) ON CONFLICT (key) DO NOTHING"
).bindparams(bindparam("at", type_=UtcDateTime))


async def by_keys(conn: AsyncConnection, keys: Collection[bytes]) -> dict[bytes, bytes]:
    """Those of the vectors that are kept."""
    found: dict[bytes, bytes] = {}
    for some in chunks(sorted(keys)):
        rows = await conn.execute(select(vectors.c.key, vectors.c.vector).where(vectors.c.key.in_(some)))
        found.update((bytes(row.key), bytes(row.vector)) for row in rows)
    return found


async def keep(conn: AsyncConnection, made: Mapping[bytes, bytes], now: datetime) -> None:
    """Keep vectors; one that somebody else has kept meanwhile is the same."""
    rows = [{"key": key, "vector": vector, "at": now} for key, vector in sorted(made.items())]
    for some in chunks(rows):
        await conn.execute(_KEEP, some)


async def delete_old(conn: AsyncConnection, before: datetime, limit: int) -> int:
    """Vectors of old days; whoever needs one again works it out anew."""
    old = select(vectors.c.key).where(vectors.c.made_at < before).limit(limit)
    return (await conn.execute(delete(vectors).where(vectors.c.key.in_(old)))).rowcount
