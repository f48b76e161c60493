"""What people typed into forms, and the record of what they agreed to. Decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import DeliveryKind
from digest.storage import outbox
from digest.storage.database import chunks
from digest.storage.suppressions import address_hash
from digest.storage.tables import subscribers
from digest.storage.tables_web import asks, consents

#: Version of the words that a reader agrees to; raise it when the pages say something else.
TEXT = "2026-11"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One form that somebody sent; it proves nothing yet."""

    id: int
    kind: str  # signup | link
    email: str | None  # None: expired
    address_hash: str
    wishes: Mapping[str, Any] | None
    asked_at: datetime
    answer: str | None
    confirmed_at: datetime | None


async def record(
    conn: AsyncConnection,
    kind: str,
    email: str,
    *,
    wishes: Mapping[str, Any] | None,
    network: str,
    now: datetime,
) -> int:
    """Write down an ask; its id."""
    values = {
        "kind": kind,
        "email": email,
        "address_hash": address_hash(email),
        "wishes": wishes,
        "network": network,
        "text": TEXT,
        "asked_at": now,
    }
    result = await conn.execute(insert(asks).values(values))
    return int(result.inserted_primary_key[0])  # type: ignore[index]


async def waits(conn: AsyncConnection) -> bool:
    """Is there an ask for which no mail was decided yet?"""
    return await conn.scalar(select(asks.c.id).where(asks.c.answered_at.is_(None)).limit(1)) is not None


async def unanswered(conn: AsyncConnection, limit: int) -> list[Ask]:
    """The oldest asks for which no mail was decided yet, locked for this transaction."""
    query = select(asks).where(asks.c.answered_at.is_(None)).order_by(asks.c.id).limit(limit)
    return [_ask(row) for row in await conn.execute(query.with_for_update(skip_locked=True))]


async def by_id(conn: AsyncConnection, ask_id: int) -> Ask | None:
    """One ask."""
    row = (await conn.execute(select(asks).where(asks.c.id == ask_id))).first()
    return _ask(row) if row else None


async def answer(conn: AsyncConnection, ask_id: int, what: str, now: datetime) -> None:
    """Remember which letter went out for an ask, or why none did."""
    await conn.execute(update(asks).where(asks.c.id == ask_id).values(answer=what, answered_at=now))


async def confirm(conn: AsyncConnection, ask_id: int, subscriber_id: int, now: datetime) -> bool:
    """Mark an ask as confirmed; False if it was before."""
    row = asks.c.id == ask_id, asks.c.confirmed_at.is_(None)
    values = {"confirmed_at": now, "subscriber_id": subscriber_id}
    return bool((await conn.execute(update(asks).where(*row).values(values))).rowcount)


async def expire(conn: AsyncConnection, before: datetime) -> None:
    """Delete old asks that nobody confirmed and the readers of them; of the others forget the address."""
    old = asks.c.asked_at < before
    await conn.execute(delete(asks).where(old, asks.c.confirmed_at.is_(None)))
    await conn.execute(update(asks).where(old, asks.c.email.is_not(None)).values(email=None, wishes=None))
    waiting = select(asks.c.address_hash).where(asks.c.confirmed_at.is_(None))
    kept = set((await conn.execute(waiting)).scalars())
    pending = subscribers.c.status == "pending", subscribers.c.created_at < before
    rows = (await conn.execute(select(subscribers.c.id, subscribers.c.email).where(*pending))).all()
    gone = [row.id for row in rows if address_hash(row.email) not in kept]
    for some in chunks(gone):
        await conn.execute(delete(subscribers).where(subscribers.c.id.in_(some)))


async def erase(conn: AsyncConnection, email: str) -> None:
    """Take the address and the wishes out of every ask of it."""
    mine = asks.c.address_hash == address_hash(email)
    await conn.execute(update(asks).where(mine).values(email=None, wishes=None))


async def consent(
    conn: AsyncConnection,
    event: str,
    hashed: str,
    *,
    network: str,
    now: datetime,
    ask_id: int | None = None,
) -> None:
    """Record that an address agreed or took it back: confirmed, unsubscribed, refused, forgotten, moved."""
    values = {"event": event, "address_hash": hashed, "network": network, "at": now, "text": TEXT}
    await conn.execute(insert(consents).values(values | {"ask_id": ask_id}))


async def last_consent(conn: AsyncConnection, hashed: str, event: str) -> datetime | None:
    """When this address last did that."""
    mine = consents.c.address_hash == hashed, consents.c.event == event
    found: datetime | None = await conn.scalar(select(func.max(consents.c.at)).where(*mine))
    return found


async def consents_of(conn: AsyncConnection, hashed: str) -> list[Mapping[str, Any]]:
    """The record of an address, oldest first."""
    query = select(consents).where(consents.c.address_hash == hashed).order_by(consents.c.id)
    return [dict(row) for row in (await conn.execute(query)).mappings()]


async def post(
    conn: AsyncConnection,
    letter: str,
    email: str,
    *,
    kind: DeliveryKind,
    now: datetime,
    about: int | None = None,
    subscriber_id: int | None = None,
) -> None:
    """Put a letter into the outbox."""
    row = outbox.new_row(kind=kind, email=email, due_at=now, now=now, subscriber_id=subscriber_id)
    await outbox.enqueue_all(conn, [row | {"letter": letter, "about": about}])


def _ask(row: Row[Any]) -> Ask:
    return Ask(**{name: getattr(row, name) for name in Ask.__dataclass_fields__})
