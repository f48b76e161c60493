"""Passes: one run of ingestion each, numbered in the order of their commit. Contains no business logic."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.tables import passes


async def start(conn: AsyncConnection, at: datetime) -> int:
    """Open a pass and give its number; nobody sees its papers before `commit` of it or of a later one."""
    result = await conn.execute(insert(passes).values(started_at=at, summary={}))
    return int(result.inserted_primary_key[0])  # type: ignore[index]


async def commit(conn: AsyncConnection, number: int, at: datetime, summary: Mapping[str, Any]) -> None:
    """Close a pass: from here on its papers, and those of passes that died before it, are in windows."""
    await conn.execute(
        update(passes).where(passes.c.number == number).values(committed_at=at, summary=dict(summary))
    )


async def newest_pass(conn: AsyncConnection) -> int:
    """The newest committed pass; 0 if there is none."""
    found = await conn.scalar(select(func.max(passes.c.number)).where(passes.c.committed_at.is_not(None)))
    return int(found or 0)


async def pass_before(conn: AsyncConnection, at: datetime) -> int:
    """The newest pass that was committed before a time; 0 if there is none."""
    found = await conn.scalar(select(func.max(passes.c.number)).where(passes.c.committed_at < at))
    return int(found or 0)


async def newest_started(conn: AsyncConnection) -> int:
    """The newest pass of all, running or not; a pass that is not it has been overtaken."""
    return int(await conn.scalar(select(func.max(passes.c.number))) or 0)


async def at_rest(conn: AsyncConnection) -> int | None:
    """The newest pass; None while it is running, or died: until the next one is committed papers change."""
    query = select(passes.c.number, passes.c.committed_at).order_by(passes.c.number.desc()).limit(1)
    row = (await conn.execute(query)).first()
    return int(row.number) if row and row.committed_at else None


async def last(conn: AsyncConnection) -> Mapping[str, Any] | None:
    """Number, times and summary of the newest committed pass; None if there is none."""
    query = select(passes).where(passes.c.committed_at.is_not(None)).order_by(passes.c.number.desc()).limit(1)
    row = (await conn.execute(query)).mappings().first()
    return dict(row) if row else None
