"""What readers change about themselves: choices, address, everything that we know of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.links import CONFIRM_FOR
from digest.models import DeliveryKind, Issue, Subscriber, SubscriberStatus
from digest.pipeline import wishes
from digest.pipeline.intake import due_after_change
from digest.schedule import next_due
from digest.storage import addresses, asks, counters, issues, subscribers, suppressions
from digest.storage.addresses import Change
from digest.storage.database import Database
from digest.storage.suppressions import address_hash

#: Letters about a change of address that one reader may cause in a day, and one address get in an hour.
CHANGES_A_DAY = 5


@dataclass(frozen=True, slots=True)
class Agreed:
    """Where a change of address stands after a press."""

    done: bool = False
    waits_for: str = ""  # old | new
    gone: bool = False


async def save(db: Database, reader: Subscriber, now: datetime) -> Subscriber:
    """Store what the reader chose; the next issue follows the new schedule and the pause."""
    async with db.write() as conn:
        found = await subscribers.by_ids(conn, [reader.id])
        before = found[reader.id]
        active = before.status is SubscriberStatus.ACTIVE
        due_at = await due_after_change(conn, reader, before, now) if active else None
        chosen = replace(reader, email=before.email, status=before.status, next_issue_at=due_at)
        await subscribers.change(conn, chosen)
    return chosen


async def resume(db: Database, reader: Subscriber, now: datetime) -> None:
    """End a pause that has no end; the next issue covers the gap."""
    if reader.status is SubscriberStatus.PAUSED:
        async with db.write() as conn:
            due_at = next_due(reader.schedule, now)
            await subscribers.set_status(conn, reader.id, SubscriberStatus.ACTIVE, due_at)


async def ask_for_address(db: Database, reader: Subscriber, email: str, now: datetime) -> None:
    """Ask both addresses whether the digest may move; says nothing about who else is subscribed."""
    async with db.write() as conn:
        if await _is_limited(conn, reader, email, now):
            return
        change_id = await addresses.record(conn, reader.id, email, now)
        await counters.add(conn, [f"letters {address_hash(email)}", f"changes {reader.id}"], now)
        for letter, to in (("change-old", reader.email), ("change-new", email)):
            await asks.post(
                conn,
                letter,
                to,
                kind=DeliveryKind.NOTICE,
                now=now,
                about=change_id,
                subscriber_id=reader.id,
            )


async def _is_limited(conn: AsyncConnection, reader: Subscriber, email: str, now: datetime) -> bool:
    if await suppressions.suppressed_for(conn, email) is not None:
        return True
    if await counters.within(conn, f"changes {reader.id}", now, 24) >= CHANGES_A_DAY:
        return True
    return await counters.within(conn, f"letters {address_hash(email)}", now, 1) >= 1


async def agree_to_address(db: Database, change_id: int, side: int, *, network: str, now: datetime) -> Agreed:
    """One of the two addresses agrees; with both the digest moves. A second press changes nothing."""
    async with db.write() as conn:
        change = await addresses.by_id(conn, change_id)
        if change is None or now - change.asked_at > CONFIRM_FOR:
            return Agreed(gone=True)
        change = await addresses.agree(conn, change, side, now)
        if change.old_at is None or change.new_at is None:
            return Agreed(waits_for="new" if change.new_at is None else "old")
        return Agreed(done=True) if await _move(conn, change, network, now) else Agreed(gone=True)


async def _move(conn: AsyncConnection, change: Change, network: str, now: datetime) -> bool:
    """Give the reader the new address; False if somebody has it by now."""
    found = await subscribers.by_ids(conn, [change.subscriber_id])
    holder = await subscribers.by_email(conn, change.email)
    if holder is not None:
        return holder.id == change.subscriber_id
    await asks.consent(
        conn, "moved", address_hash(found[change.subscriber_id].email), network=network, now=now
    )
    await addresses.move(conn, change.subscriber_id, change.email)
    await asks.consent(conn, "confirmed", address_hash(change.email), network=network, now=now)
    return True


async def export(db: Database, reader: Subscriber) -> Mapping[str, Any]:
    """Everything that is stored about a reader."""
    async with db.read() as conn:
        sent = await issues.of_subscriber(conn, reader.id)
        voted = await addresses.votes_of(conn, reader.id)
        record = await asks.consents_of(conn, address_hash(reader.email))
        mailed = await issues.reserved_ids(conn, reader.id)
    choices = wishes.to_json(reader)
    del choices["welcome"]
    return {
        "email": reader.email,
        "name": reader.name,
        "status": reader.status.value,
        **choices,
        "pause_until": _iso(reader.pause_until),
        "next_issue_at": _iso(reader.next_issue_at),
        "issues": [_issue(issue) for issue in sent],
        "papers_sent": sorted(mailed),
        "votes": voted,
        "consents": [
            {"event": row["event"], "at": _iso(row["at"]), "network": row["network"], "text": row["text"]}
            for row in record
        ],
    }


def _issue(issue: Issue) -> dict[str, Any]:
    shown = [{"id": match.paper_id, "topic": match.topic, "score": match.score} for match in issue.shown]
    trending = list(issue.trending)
    return {"due_at": _iso(issue.due_at), "papers": shown, "trending": trending, "note": issue.note}


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
