"""Changes of address that wait for both sides, and a reader's own votes for the export. Decides nothing."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.subscribers import address_of
from digest.storage.tables import papers, subscribers, votes
from digest.storage.tables_web import address_changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A digest that wants to move to another address."""

    id: int
    subscriber_id: int
    email: str
    asked_at: datetime
    old_at: datetime | None
    new_at: datetime | None


async def record(conn: AsyncConnection, subscriber_id: int, email: str, now: datetime) -> int:
    """Write a change down; it takes the place of earlier ones of this reader."""
    await conn.execute(delete(address_changes).where(address_changes.c.subscriber_id == subscriber_id))
    values = {"subscriber_id": subscriber_id, "email": email, "asked_at": now}
    result = await conn.execute(insert(address_changes).values(values))
    return int(result.inserted_primary_key[0])  # type: ignore[index]


async def by_id(conn: AsyncConnection, change_id: int) -> Change | None:
    """One change, locked for this transaction where the database can."""
    query = select(address_changes).where(address_changes.c.id == change_id).with_for_update()
    row = (await conn.execute(query)).mappings().first()
    return Change(**row) if row else None


async def agree(conn: AsyncConnection, change: Change, side: int, now: datetime) -> Change:
    """Side 0, the old address, or side 1, the new one, says yes; the first time counts."""
    name = "new_at" if side else "old_at"
    if getattr(change, name) is not None:
        return change
    changed = update(address_changes).where(address_changes.c.id == change.id).values({name: now})
    await conn.execute(changed)
    return replace(change, new_at=now) if side else replace(change, old_at=now)


async def move(conn: AsyncConnection, subscriber_id: int, email: str) -> None:
    """Write the new address over the old one."""
    values = {"email": email, "address": address_of(email)}
    await conn.execute(update(subscribers).where(subscribers.c.id == subscriber_id).values(values))


async def votes_of(conn: AsyncConnection, subscriber_id: int) -> list[dict[str, Any]]:
    """Paper and value of each vote of a reader, oldest first."""
    query = (
        select(papers.c.id, votes.c.value)
        .join(papers, papers.c.number == votes.c.paper)
        .where(votes.c.subscriber_id == subscriber_id)
        .order_by(votes.c.voted_at, papers.c.id)
    )
    return [{"paper": row.id, "value": row.value} for row in await conn.execute(query)]
