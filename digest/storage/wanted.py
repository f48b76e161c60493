"""Papers that readers named as liked or disliked and that nobody gave us yet. Contains no business logic."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.database import chunks
from digest.storage.tables_running import wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the last asking for one paper came to."""

    key: str  # "arxiv:…", "doi:…"
    asks: int  # in a row with the same end
    ask_at: datetime  # not again before
    refused_by: str | None  # the registry that gave no usable answer; None: nobody knows the paper
    note: str  # one sentence


async def all_wanted(conn: AsyncConnection) -> Mapping[str, Wanted]:
    """Everything that was asked for in vain, by key."""
    rows = await conn.execute(select(*wanted.c))
    return {row.key: Wanted(**row._mapping) for row in rows}


async def remember(conn: AsyncConnection, rows: Sequence[Wanted]) -> None:
    """Write what askings came to, in place of older ends."""
    await forget(conn, [row.key for row in rows])
    if rows:
        await conn.execute(insert(wanted), [asdict(row) for row in rows])


async def forget(conn: AsyncConnection, keys: Iterable[str]) -> None:
    """Papers that came, or that nobody names any more."""
    for some in chunks(sorted(keys)):
        await conn.execute(delete(wanted).where(wanted.c.key.in_(some)))
