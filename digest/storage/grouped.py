"""Many small writes, one commit: whoever comes while a commit runs shares the next. Holds no business logic.

A durable commit costs some milliseconds, and SQLite has one writer: fifty forms at once would wait for
fifty commits and poll for the lock. Each write keeps its own savepoint, so one that fails harms no other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.database import Database

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[Any]]

#: Writes of one commit: few enough that the last does not wait long.
MOST = 50


class Grouped:
    """One per process and database."""

    def __init__(self, db: Database) -> None:
        """Nothing is opened yet."""
        self._db = db
        self._waiting: list[tuple[Work, asyncio.Future[Any]]] = []
        self._running: asyncio.Task[None] | None = None

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do `work` in a transaction; returns after its commit. Raises what it raises, and StorageError."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await future

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._running is not None:
            await self._running

    async def _run(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                ends = await self._commit([work for work, _ in group])
            except Exception as error:  # the commit itself: nobody's work was done
                ends = [error] * len(group)
            for (_, future), end in zip(group, ends, strict=True):
                _settle(future, end)

    async def _commit(self, group: list[Work]) -> list[Any]:
        """What each of the group came to: its result, or its exception."""
        ends: list[Any] = []
        async with self._db.write() as conn:
            for work in group:
                try:
                    async with conn.begin_nested():
                        ends.append(await work(conn))
                except Exception as error:
                    ends.append(error)
        return ends


def _settle(future: "asyncio.Future[Any]", end: Any) -> None:
    if future.done():  # whoever waited has gone
        return
    if isinstance(end, Exception):
        future.set_exception(end)
    else:
        future.set_result(end)
