"""The tables of procrastinate, PostgreSQL only: made and upgraded with ours, by the scripts of its package.

The newest script that was applied is the comment of its main table. Its scripts come in two kinds: `pre`
ones that workers of the version before can live with, and `post` ones that take away what only those need;
a `post` script waits for an upgrade at a time when no worker runs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

_EXISTS = text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
_APPLIED = text("SELECT obj_description('procrastinate_jobs'::regclass)")
_ALIVE = text("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '1 minute'")

_WAITING = text(
    "SELECT queue_name, count(*) AS number FROM procrastinate_jobs WHERE status = 'todo' GROUP BY queue_name"
)


def prepare(connection: Connection) -> bool:
    """Create or upgrade the tables of the queue, in the caller's transaction; True if something changed."""
    from procrastinate.schema import SchemaManager

    scripts = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    if not connection.scalar(_EXISTS):
        _run(connection, SchemaManager.get_schema())
        _remember(connection, scripts[-1].name)
        return True
    applied = connection.scalar(_APPLIED) or ""
    newer = [script for script in scripts if script.name > applied]
    due = allowed([script.name for script in newer], bool(connection.scalar(_ALIVE)))
    for script in newer[: len(due)]:
        _run(connection, script.read_text("utf-8"))
        _remember(connection, script.name)
    return bool(due)


async def waiting(conn: AsyncConnection) -> dict[str, int]:
    """Jobs that wait, by queue."""
    return {row.queue_name: row.number for row in await conn.execute(_WAITING)}


async def workers(conn: AsyncConnection) -> int:
    """Workers whose heart has beaten within the last minute."""
    return int(await conn.scalar(_ALIVE) or 0)


def allowed(newer: Sequence[str], workers: bool) -> Sequence[str]:
    """The scripts, from the first on, that may be applied now. Pure."""
    waits = (number for number, name in enumerate(newer) if workers and "_post_" in name)
    return newer[: next(waits, len(newer))]


def _run(connection: Connection, script: str) -> None:
    """A script of many statements: only the driver's plain way, without parameters, takes it."""
    driver: Any = connection.connection.driver_connection
    driver.execute(script)


def _remember(connection: Connection, name: str) -> None:
    _run(connection, f"COMMENT ON TABLE procrastinate_jobs IS '{name}'")
