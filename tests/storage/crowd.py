"""A crowd in PostgreSQL, made by the server itself: a hundred thousand readers in a second or two.

And the plans of statements, as the server would run them on that crowd.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import JSON, Table, event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage import months
from digest.storage.database import Database
from digest.storage.tables import (
    UtcDateTime,
    bounces,
    deliveries,
    issues,
    mailed,
    papers,
    subscribers,
    suppressions,
    topics,
    votes,
)
from digest.storage.tables_web import asks
from tests.make import NOW

#: When issue `n` was made: most today, the others over the months before.
MADE = "timestamptz '2026-04-14 11:00Z' - CASE WHEN n % 3 = 1 THEN n / 3 % 12 ELSE 0 END * interval '30 days'"


async def fill(db: Database, readers: int) -> None:
    """Everybody active, one in a hundred due; an issue each, one delivery in a hundred still open."""
    due = "CASE WHEN n % 100 = 0 THEN interval '-1 hour' ELSE interval '1 day' END"
    async with db.write() as conn:
        await conn.run_sync(
            months.cover, [months.later(months.month_of(NOW), -number) for number in range(12)]
        )
        await generate(
            conn, papers, 1_000, number="n", id="'arxiv:' || n", announced="'new'", eligible_pass="n / 200"
        )
        await generate(
            conn,
            subscribers,
            readers,
            id="n",
            email="'reader' || n || '@papers.dev'",
            address="'reader' || n || '@papers.dev'",
            token="md5(n::text) || n",
            status="'active'",
            at="'07:30'",
            zone="'UTC'",
            next_issue_at=f"timestamptz '2026-04-14 12:00Z' + {due}",
        )
        await generate(conn, issues, readers, id="n", subscriber_id="n", due_at=MADE, created_at=MADE)
        state = "CASE WHEN n % 100 = 0 THEN 'pending' WHEN n % 100_003 = 1 THEN 'claimed' ELSE 'sent' END"
        await generate(
            conn,
            deliveries,
            readers,
            id="n",
            issue_id="n",
            subscriber_id="n",
            kind="'issue'",
            state=state,
            worker="CASE WHEN n % 100 = 0 THEN NULL ELSE 'worker ' || n / 1000 END",
            due_at="timestamptz '2026-04-14 11:00Z'",
            created_at=MADE,
        )
        await generate(conn, mailed, readers, subscriber_id="n", paper="1 + n % 1000")
        await generate(conn, votes, readers, subscriber_id="n", paper="1 + n % 1000")
        await generate(conn, topics, readers, subscriber_id="n")
        answered = {"answered_at": MADE, "confirmed_at": MADE, "asked_at": MADE}
        await generate(conn, asks, readers, id="n", address_hash="n::text", **answered)
        await generate(
            conn, bounces, readers, id="n", key="n::text", received_at=f"{MADE} - n % 200 * interval '1 day'"
        )
        await generate(conn, suppressions, readers, address_hash="n::text", created_at=MADE)
    async with db.write() as conn:
        await conn.execute(text("ANALYZE"))


async def generate(
    conn: AsyncConnection, table: Table, rows: int, *, joined: str = "", **columns: str
) -> None:
    """INSERT … SELECT from a series `n`, `joined` to more; other required columns hold empty values."""
    values = {c.name: _empty(c.type) for c in table.columns if not c.nullable and c.name not in columns}
    values |= columns
    names, expressions = ", ".join(f'"{name}"' for name in values), ", ".join(values.values())
    series = f"(SELECT n, random() AS chance FROM generate_series(1, {rows}) AS n) AS numbers {joined}"
    await conn.execute(
        text(f"INSERT INTO {table.name} ({names}) SELECT {expressions} FROM {series} ON CONFLICT DO NOTHING")
    )


def _empty(kind: Any) -> str:
    if isinstance(kind, JSON):
        return "'[]'::json"
    if isinstance(kind, UtcDateTime):
        return "timestamptz '2026-04-14 11:00Z'"
    return {str: "''", int: "0", bool: "false", float: "0.0"}[kind.python_type]


async def plans(db: Database, work: Callable[[AsyncConnection], Awaitable[object]]) -> list[str]:
    """The plan of each statement that `work` executes; what it wrote is rolled back."""
    async with _rolled_back(db) as conn:
        await conn.execute(text("SET LOCAL random_page_cost = 1.1"))  # as on any disk of today
        seen: list[tuple[str, Any]] = []

        def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            seen.append((statement, parameters))

        engine = conn.sync_connection.engine  # type: ignore[union-attr]
        event.listen(engine, "before_cursor_execute", note)
        try:
            await work(conn)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return [await _plan(conn, *one) for one in seen if not one[0].startswith("ROLLBACK")]


async def _plan(conn: AsyncConnection, statement: str, parameters: Any) -> str:
    many = isinstance(parameters, list)
    driver: Any = (await conn.get_raw_connection()).driver_connection
    cursor = await driver.execute(f"EXPLAIN {statement}", parameters[0] if many else parameters)
    lines = [row[0] for row in await cursor.fetchall()]
    return "\n".join([" ".join(statement.split()), *lines])


@asynccontextmanager
async def _rolled_back(db: Database) -> AsyncIterator[AsyncConnection]:
    class _BackError(Exception):
        pass

    try:
        async with db.write() as conn:
            yield conn
            raise _BackError
    except _BackError:
        return
