"""Addresses that must never be mailed again, kept as hashes so that forgetting a reader is possible."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage.tables import subscribers, suppressions


def address_hash(email: str) -> str:
    """SHA-256 of the case-folded address, in hexadecimal: what remains of a forgotten address."""
    return hashlib.sha256(email.strip().casefold().encode()).hexdigest()


async def suppress(conn: AsyncConnection, email: str, reason: str, now: datetime) -> None:
    """Never mail this address again; a subscriber with it becomes `suppressed`. Twice changes nothing."""
    await conn.run_sync(suppress_all, [email], reason, now)


def suppress_all(conn: Connection, emails: Sequence[str], reason: str, now: datetime) -> None:
    """`suppress` for many, inside a group of the ledger."""
    for email in emails:
        hashed = address_hash(email)
        if conn.scalar(select(suppressions.c.reason).where(suppressions.c.address_hash == hashed)) is None:
            values = {"address_hash": hashed, "reason": reason, "created_at": now}
            conn.execute(insert(suppressions).values(values))
        conn.execute(
            update(subscribers)
            .where(subscribers.c.address == email.strip().casefold())
            .values(status="suppressed", next_issue_at=None)
        )


async def suppressed_for(conn: AsyncConnection, email: str) -> str | None:
    """Why this address is never mailed; None if it may be."""
    query = select(suppressions.c.reason).where(suppressions.c.address_hash == address_hash(email))
    return await conn.scalar(query)


async def revive(conn: AsyncConnection, email: str) -> None:
    """The operator takes a suppression back; the subscriber's status is another matter."""
    await conn.execute(delete(suppressions).where(suppressions.c.address_hash == address_hash(email)))
