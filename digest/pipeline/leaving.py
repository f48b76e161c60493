"""Leave: stop the mails, or delete everything. Works for ever, by a token that can do nothing else."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Subscriber, SubscriberStatus
from digest.storage import asks, bounces, doubts, outbox, subscribers, suppressions
from digest.storage.database import Database
from digest.storage.suppressions import address_hash

_LEFT = (SubscriberStatus.UNSUBSCRIBED, SubscriberStatus.SUPPRESSED)


async def unsubscribe(db: Database, token: str, *, network: str, now: datetime) -> None:
    """`leave`, in a transaction of its own."""
    async with db.write() as conn:
        await leave(conn, token, network=network, now=now)


async def leave(conn: AsyncConnection, token: str, *, network: str, now: datetime) -> None:
    """No more mails, from this moment; again, or with a token of nobody, it changes nothing.

    The claim of a delivery reads the status, so what waits in the outbox does not go out either.
    """
    reader = await subscribers.by_token(conn, token)
    if reader is None or reader.status in _LEFT:
        return
    await subscribers.set_status(conn, reader.id, SubscriberStatus.UNSUBSCRIBED, None)
    await asks.consent(conn, "unsubscribed", address_hash(reader.email), network=network, now=now)


async def forget(db: Database, reader: Subscriber, *, network: str, now: datetime) -> None:
    """`erase`, by the reader's own wish, which is recorded."""
    async with db.write() as conn:
        await erase(conn, reader.email, now)
        await asks.consent(conn, "forgotten", address_hash(reader.email), network=network, now=now)


async def erase(conn: AsyncConnection, email: str, now: datetime) -> None:
    """Delete everything about an address, letters and bounces too; a hash stays, against every revival."""
    if known := await subscribers.by_email(conn, email):
        await subscribers.remove(conn, known.id)
    await asks.erase(conn, email)
    await outbox.erase(conn, email)
    await doubts.forget_lost(conn)
    await bounces.erase(conn, email)
    await suppressions.suppress(conn, email, "forgotten", now)
