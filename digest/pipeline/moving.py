"""Move from SQLite to PostgreSQL: copy everything, then only the new database sends.

    lock the old ─copy all→ new, held ─→ old marked as moved ─→ new confirmed

Whenever this dies, at most one of the two would send: the copied database is held, as any copy is, until the
old one is marked.
"""

import asyncio
from datetime import datetime

from digest.pipeline import epoch
from digest.storage import facts
from digest.storage.copy import Progress, copy_all
from digest.storage.database import Database


async def move(
    source: Database, target: Database, now: datetime, *, progress: Progress | None = None
) -> dict[str, int]:
    """Copy `source` into the empty `target` and let only `target` send; rows by table.

    Raises HeldError for a source that moved already, StorageError, BusyError.
    """
    await epoch.check_stays(source)
    async with source.read() as conn:
        home = await facts.fact(conn, epoch.HOME) or {"epoch": 0}
    mark = {epoch.HOME: epoch.mark(home, "to PostgreSQL", now)}
    await source.release()  # the copy wants the file for itself alone
    counts = await asyncio.to_thread(copy_all, source.url, target.url, mark=mark, now=now, progress=progress)
    await epoch.confirm(target, now)
    return counts
