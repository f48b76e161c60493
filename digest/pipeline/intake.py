"""subscribers.yaml -> database: an entry changes a subscriber only when its own text changed.

So what a reader changed on the web stays. An entry that vanished is paused and reported, an address
that was forgotten or suppressed is never revived by the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.config import Listed
from digest.errors import ConfigError, RankError
from digest.match.rank import check_topic
from digest.models import Subscriber, SubscriberStatus
from digest.pipeline import reach
from digest.schedule import next_after_change, next_due
from digest.storage import issues, subscribers, suppressions
from digest.storage.database import Database
from digest.storage.subscribers import Stored, address_of


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeReport:
    """Addresses by what the import did with them."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    paused: tuple[str, ...] = ()  # their entry vanished from the file
    refused: tuple[str, ...] = ()  # suppressed or forgotten
    unreachable: tuple[str, ...] = ()  # sentences about new addresses that the mail server cannot carry


async def import_listed(
    db: Database, listed: Sequence[Listed], now: datetime, *, welcome: bool = True, carried: bool = True
) -> IntakeReport:
    """Bring the database to what the file says; all of it, or nothing if a topic cannot be ranked.

    Unless they are `carried`, new addresses with letters beyond ASCII before the @ are refused.
    """
    _check_topics(listed)
    async with db.write() as conn:
        stored = await subscribers.by_emails(conn, [entry.subscriber.email for entry in listed])
        banned = [e.subscriber.email for e in listed if await _is_banned(conn, e.subscriber.email)]
        added, changed, unreachable = [], [], []
        for entry in listed:
            email = entry.subscriber.email
            known = stored.get(address_of(email))
            if known is None and (reason := reach.refusal(email, carried=carried)):
                unreachable.append(f"{entry.place}: {reason}")
            elif known is None and email not in banned:
                await _add(conn, entry, now, welcome)
                added.append(email)
            elif known is not None and _has_changed(entry, known):
                await _change(conn, entry, known, now)
                changed.append(email)
        paused = await _pause_vanished(conn, listed)
    return IntakeReport(
        added=tuple(added),
        changed=tuple(changed),
        paused=tuple(paused),
        refused=tuple(banned),
        unreachable=tuple(unreachable),
    )


def first_issue_at(subscriber: Subscriber, now: datetime, *, welcome: bool) -> datetime:
    """A new subscriber is due at once, or at the schedule's next time; never before a pause ends."""
    start = max(now, subscriber.pause_until or now)
    return now if welcome and start == now else next_due(subscriber.schedule, start)


def _check_topics(listed: Sequence[Listed]) -> None:
    for entry in listed:
        for topic in entry.subscriber.topics:
            try:
                check_topic(topic)
            except RankError as error:
                raise ConfigError(f"{entry.place}: {entry.subscriber.email}: {error}") from error


async def _is_banned(conn: AsyncConnection, email: str) -> bool:
    return await suppressions.suppressed_for(conn, email) is not None


async def _add(conn: AsyncConnection, entry: Listed, now: datetime, welcome: bool) -> None:
    new = replace(entry.subscriber, next_issue_at=first_issue_at(entry.subscriber, now, welcome=welcome))
    await subscribers.add(conn, new, now=now, file_hash=entry.file_hash)


def _has_changed(entry: Listed, known: Stored) -> bool:
    return known.file_hash != entry.file_hash or not known.in_file


async def _change(conn: AsyncConnection, entry: Listed, known: Stored, now: datetime) -> None:
    """The file's wishes over the stored identity.

    Who came back to the file is resumed; who waits for a confirmation is active, for the operator vouches.
    """
    before = known.subscriber
    back = not known.in_file and known.file_hash is not None
    vouched = before.status is SubscriberStatus.PENDING or (back and before.status is SubscriberStatus.PAUSED)
    status = SubscriberStatus.ACTIVE if vouched else before.status
    wished = replace(entry.subscriber, id=before.id, status=status)
    active = status is SubscriberStatus.ACTIVE
    due_at = await due_after_change(conn, wished, before, now) if active else None
    await subscribers.change(
        conn, replace(wished, next_issue_at=due_at), file_hash=entry.file_hash, in_file=True
    )


async def due_after_change(
    conn: AsyncConnection, wished: Subscriber, before: Subscriber, now: datetime
) -> datetime:
    """Who never had an issue stays due; else the new schedule counts, but nothing due is put off."""
    pause = wished.pause_until
    if pause and pause > now:
        return next_due(wished.schedule, pause)
    due_at = before.waiting_since or before.next_issue_at
    if due_at and (before.last_pass is None or due_at <= now):
        return due_at
    served_at = await issues.last_due_at(conn, before.id)
    return next_after_change(before.schedule, wished.schedule, served_at, now)


async def _pause_vanished(conn: AsyncConnection, listed: Sequence[Listed]) -> list[str]:
    present = {address_of(entry.subscriber.email) for entry in listed}
    gone = [
        s.subscriber for s in await subscribers.in_file(conn) if address_of(s.subscriber.email) not in present
    ]
    for subscriber in gone:
        await subscribers.vanish(conn, subscriber.id)
    return [subscriber.email for subscriber in gone]


def summary(report: IntakeReport) -> Mapping[str, int]:
    """Counts, for the log: no addresses."""
    return {
        "added": len(report.added),
        "changed": len(report.changed),
        "paused": len(report.paused),
        "unreachable": len(report.unreachable),
    }
