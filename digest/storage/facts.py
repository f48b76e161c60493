"""Small facts of this installation, each with a name: its identity, a pause. Contains no business logic."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.tables import UtcDateTime
from digest.storage.tables_running import facts

_KEEP = text(
    """
    INSERT INTO facts (name, value, changed_at) VALUES (:name, :value, :at)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at
    """
).bindparams(bindparam("value", type_=facts.c.value.type), bindparam("at", type_=UtcDateTime))


async def fact(conn: AsyncConnection, name: str) -> Any:
    """The value of a fact; None if it was never kept."""
    return await conn.scalar(select(facts.c.value).where(facts.c.name == name))


async def keep(conn: AsyncConnection, name: str, value: Any, now: datetime) -> None:
    """Write a fact, in place of its older value."""
    await conn.execute(_KEEP, {"name": name, "value": value, "at": now})


async def drop(conn: AsyncConnection, name: str) -> None:
    """Forget a fact."""
    await conn.execute(delete(facts).where(facts.c.name == name))
