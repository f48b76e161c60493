"""What an operator does to one reader or one delivery; the page and the terminal call the same functions."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import DeliveryState, SubscriberStatus
from digest.pipeline.compose import compose_extra
from digest.schedule import next_due
from digest.storage import bounces, operations, recovery, subscribers, suppressions
from digest.storage.database import Database

Clock = Callable[[], datetime]

#: An issue older than this is not sent again: it would be overdue (`outbox.OVERDUE_AFTER`).
RECENT = timedelta(days=3)

_HANDED_OVER = (DeliveryState.SENT.value, DeliveryState.UNCERTAIN.value)


async def pause_reader(db: Database, reader_id: int) -> bool:
    """Send nothing to this reader until it is resumed; False if the reader is not active."""
    async with db.write() as conn:
        reader = (await subscribers.by_ids(conn, [reader_id])).get(reader_id)
        if reader is None or reader.status is not SubscriberStatus.ACTIVE:
            return False
        await subscribers.set_status(conn, reader_id, SubscriberStatus.PAUSED, None)
    return True


async def resume_reader(db: Database, reader_id: int, now: datetime) -> bool:
    """End a pause: one issue for the gap comes at the schedule's next time. False if there was no pause."""
    async with db.write() as conn:
        reader = (await subscribers.by_ids(conn, [reader_id])).get(reader_id)
        pausing = reader and (reader.status is SubscriberStatus.PAUSED or reader.pause_until)
        if reader is None or not pausing:
            return False
        due_at = next_due(reader.schedule, now)
        active = replace(reader, status=SubscriberStatus.ACTIVE, pause_until=None, next_issue_at=due_at)
        await subscribers.change(conn, active)
    return True


async def lift(conn: AsyncConnection, email: str) -> bool:
    """Take a suppression back and forget the bounces; False if there is none, or the address was forgotten.

    After a complaint or a hard bounce only the operator does.
    """
    if await suppressions.suppressed_for(conn, email) in (None, "forgotten"):
        return False
    await suppressions.revive(conn, email)
    await bounces.forgive(conn, email)
    return True


async def remove_reader(db: Database, reader_id: int) -> bool:
    """Delete a reader with issues and votes; the address may subscribe again."""
    async with db.write() as conn:
        known = await subscribers.by_ids(conn, [reader_id])
        await subscribers.remove(conn, reader_id)
    return bool(known)


async def send_again(db: Database, reader_id: int, clock: Clock) -> bool:
    """The last issue once more, if it is recent and went out or may have; else an extra one with what is new.

    False if there is nothing to send, or the reader gets no mail.
    """
    async with db.write() as conn:
        reader = (await subscribers.by_ids(conn, [reader_id])).get(reader_id)
        if reader is None or reader.status is not SubscriberStatus.ACTIVE:
            return False
        last = await operations.last_delivery(conn, reader_id)
        if last and last["state"] in _HANDED_OVER and last["created_at"] > clock() - RECENT:
            await recovery.send_again(conn, last["id"], clock())
            return True
    return not (await compose_extra(db, reader, clock=clock)).is_empty


async def resolve(db: Database, ids: Sequence[int], *, resend: bool, now: datetime) -> int:
    """End the doubt about deliveries: send once more, or drop. Gives how many."""
    async with db.write() as conn:
        return await recovery.resolve(conn, ids, resend=resend, now=now)
