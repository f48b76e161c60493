"""Writes that share a commit: all are kept, and one that fails harms no other."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.errors import StorageError
from digest.storage.database import Database
from digest.storage.grouped import Grouped


def taking(name: str) -> Callable[[AsyncConnection], Awaitable[int]]:
    async def take(conn: AsyncConnection) -> int:
        await conn.execute(text("insert into leases values (:n, 'x', '2026-01-01 00:00:00')"), {"n": name})
        if name == "bad":
            raise ValueError(name)
        return int(name)

    return take


async def test_all_are_kept_but_the_one_that_failed(db: Database) -> None:
    grouped = Grouped(db)
    names = [*map(str, range(120)), "bad"]
    ends = await asyncio.gather(*(grouped.write(taking(n)) for n in names), return_exceptions=True)
    assert ends[:120] == list(range(120))
    assert isinstance(ends[120], ValueError)
    async with db.read() as conn:
        assert await conn.scalar(text("select count(*) from leases")) == 120


async def test_commit_that_fails_is_told_to_everybody(sqlite_url: str) -> None:
    holder, waiter = Database(sqlite_url), Database(sqlite_url, busy_seconds=0.1)
    grouped = Grouped(waiter)
    async with holder.write():
        both = (grouped.write(taking(name)) for name in "12")
        ends = await asyncio.gather(*both, return_exceptions=True)
    assert [type(end) for end in ends] == [StorageError, StorageError]
    assert await grouped.write(taking("3")) == 3
    await holder.close()
    await waiter.close()


async def test_whoever_leaves_does_not_stop_the_others(db: Database) -> None:
    grouped = Grouped(db)
    first = asyncio.create_task(grouped.write(taking("1")))
    second = asyncio.create_task(grouped.write(taking("2")))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 2
    with pytest.raises(asyncio.CancelledError):
        await first
