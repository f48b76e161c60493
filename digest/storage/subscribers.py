"""Subscribers and their topics: rows in, frozen `Subscriber` values out. Contains no business logic."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Issue, Schedule, Subscriber, SubscriberStatus, Topic
from digest.storage import doubts
from digest.storage.database import chunks
from digest.storage.tables import subscribers, topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A subscriber and what the last import of the file left about it."""

    subscriber: Subscriber
    file_hash: str | None
    in_file: bool


def address_of(email: str) -> str:
    """The identity of an address: addresses are compared case-folded."""
    return email.casefold()


async def add(
    conn: AsyncConnection, subscriber: Subscriber, *, now: datetime, file_hash: str | None = None
) -> int:
    """Store a new subscriber with a fresh unsubscribe token; its id."""
    row = _row(subscriber) | {
        "address": address_of(subscriber.email),
        "token": secrets.token_urlsafe(24),
        "created_at": now,
        "file_hash": file_hash,
        "in_file": file_hash is not None,
        "last_pass": None,
    }
    result = await conn.execute(insert(subscribers).values(row).returning(subscribers.c.id))
    new_id = int(result.scalar_one())
    await _write_topics(conn, new_id, subscriber.topics)
    return new_id


async def change(
    conn: AsyncConnection,
    subscriber: Subscriber,
    *,
    file_hash: str | None = None,
    in_file: bool | None = None,
) -> None:
    """Overwrite what a person may set: everything but identity, token and history."""
    row = _row(subscriber)
    if file_hash is not None:
        row |= {"file_hash": file_hash}
    if in_file is not None:
        row |= {"in_file": in_file}
    await conn.execute(update(subscribers).where(subscribers.c.id == subscriber.id).values(row))
    await conn.execute(delete(topics).where(topics.c.subscriber_id == subscriber.id))
    await _write_topics(conn, subscriber.id, subscriber.topics)


async def remove(conn: AsyncConnection, subscriber_id: int) -> None:
    """Delete a subscriber with issues, deliveries, votes and reserved papers."""
    await doubts.forget_reader(conn, subscriber_id)
    await conn.execute(delete(subscribers).where(subscribers.c.id == subscriber_id))


async def by_email(conn: AsyncConnection, email: str) -> Subscriber | None:
    """The subscriber of this address, whatever its status."""
    stored = await by_emails(conn, [email])
    return stored[address_of(email)].subscriber if stored else None


async def by_emails(conn: AsyncConnection, emails: Iterable[str]) -> dict[str, Stored]:
    """Case-folded address -> subscriber, for those that are stored."""
    found: dict[str, Stored] = {}
    for part in chunks([address_of(email) for email in emails]):
        for stored in await _load(conn, select(subscribers).where(subscribers.c.address.in_(part))):
            found[address_of(stored.subscriber.email)] = stored
    return found


async def by_token(conn: AsyncConnection, token: str) -> Subscriber | None:
    """The subscriber of this unsubscribe token."""
    stored = await _load(conn, select(subscribers).where(subscribers.c.token == token))
    return stored[0].subscriber if stored else None


async def by_ids(conn: AsyncConnection, ids: Iterable[int]) -> dict[int, Subscriber]:
    """Id -> subscriber, for those that are stored."""
    found: dict[int, Subscriber] = {}
    for part in chunks(sorted(set(ids))):
        for stored in await _load(conn, select(subscribers).where(subscribers.c.id.in_(part))):
            found[stored.subscriber.id] = stored.subscriber
    return found


async def listed(conn: AsyncConnection) -> list[Stored]:
    """Every subscriber, by address."""
    return await _load(conn, select(subscribers).order_by(subscribers.c.address))


async def in_file(conn: AsyncConnection) -> list[Stored]:
    """Those that the last import found in the file."""
    return await _load(conn, select(subscribers).where(subscribers.c.in_file))


async def due(conn: AsyncConnection, now: datetime, limit: int) -> list[Subscriber]:
    """Active subscribers whose issue is due, longest waiting first."""
    query = (
        select(subscribers)
        .where(subscribers.c.status == SubscriberStatus.ACTIVE.value, subscribers.c.next_issue_at <= now)
        .order_by(subscribers.c.next_issue_at, subscribers.c.id)
        .limit(limit)
    )
    return [stored.subscriber for stored in await _load(conn, query)]


async def due_among(conn: AsyncConnection, ids: Sequence[int], now: datetime) -> list[Subscriber]:
    """Those of the named subscribers who are active and due, by id."""
    query = select(subscribers).where(
        subscribers.c.id.in_(ids),
        subscribers.c.status == SubscriberStatus.ACTIVE.value,
        subscribers.c.next_issue_at <= now,
    )
    return [stored.subscriber for stored in await _load(conn, query.order_by(subscribers.c.id))]


async def still_due(conn: AsyncConnection, ids: Sequence[int], now: datetime) -> set[int]:
    """Which of these are due even now, locked for this transaction: the guard against a second pass."""
    query = (
        select(subscribers.c.id)
        .where(
            subscribers.c.id.in_(ids),
            subscribers.c.status == SubscriberStatus.ACTIVE.value,
            subscribers.c.next_issue_at <= now,
        )
        .with_for_update(skip_locked=True)
    )
    return set((await conn.execute(query)).scalars())


async def next_due_at(conn: AsyncConnection) -> datetime | None:
    """When the next issue of anybody is due."""
    query = select(func.min(subscribers.c.next_issue_at))
    value = await conn.execute(query.where(subscribers.c.status == SubscriberStatus.ACTIVE.value))
    found: datetime | None = value.scalar_one()
    return found


async def move_on(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """After an issue: `{"b_id", "next_issue_at", "last_pass"}` a subscriber, in one statement."""
    if rows:
        statement = update(subscribers).where(subscribers.c.id == bindparam("b_id"))
        await conn.execute(
            statement.values(
                next_issue_at=bindparam("next_issue_at"),
                last_pass=bindparam("last_pass"),
                waiting_since=None,
            ),
            list(rows),
        )


async def hold(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Issues that wait: `{"b_id", "until", "since"}` a subscriber; nobody looks at them before `until`."""
    if rows:
        statement = update(subscribers).where(subscribers.c.id == bindparam("b_id"))
        await conn.execute(
            statement.values(next_issue_at=bindparam("until"), waiting_since=bindparam("since")), list(rows)
        )


async def release(conn: AsyncConnection) -> int:
    """Every issue that waits is looked at again, now: what it waits for may have come. Gives how many."""
    waiting = subscribers.c.waiting_since.is_not(None), subscribers.c.status == SubscriberStatus.ACTIVE.value
    values = {"next_issue_at": subscribers.c.waiting_since}
    return (await conn.execute(update(subscribers).where(*waiting).values(values))).rowcount


async def count_due(conn: AsyncConnection, before: datetime, limit: int) -> int:
    """How many active subscribers were due before a time and are not served; counts up to `limit`."""
    query = (
        select(subscribers.c.id)
        .where(subscribers.c.status == SubscriberStatus.ACTIVE.value, subscribers.c.next_issue_at < before)
        .limit(limit)
    )
    return int(await conn.scalar(select(func.count()).select_from(query.subquery())) or 0)


async def active_ids(conn: AsyncConnection) -> list[int]:
    """Ids of everybody who gets issues."""
    active = subscribers.c.status == SubscriberStatus.ACTIVE.value
    return list(await conn.scalars(select(subscribers.c.id).where(active).order_by(subscribers.c.id)))


async def rewind(conn: AsyncConnection, replaced: Iterable[Issue]) -> None:
    """The windows of replaced issues count again: nothing in them was read."""
    for issue in replaced:
        row = subscribers.c.id == issue.subscriber_id, subscribers.c.last_pass > issue.from_pass
        await conn.execute(update(subscribers).where(*row).values(last_pass=issue.from_pass))


async def set_status(
    conn: AsyncConnection, subscriber_id: int, status: SubscriberStatus, next_issue_at: datetime | None
) -> None:
    """Change the status; only an active subscriber has a next issue."""
    values = {"status": status.value, "next_issue_at": next_issue_at, "waiting_since": None}
    await conn.execute(update(subscribers).where(subscribers.c.id == subscriber_id).values(values))


async def vanish(conn: AsyncConnection, subscriber_id: int) -> None:
    """The entry is no longer in the file: remember that, and pause it if it was active."""
    row = subscribers.c.id == subscriber_id
    await conn.execute(update(subscribers).where(row).values(in_file=False))
    active = subscribers.c.status == SubscriberStatus.ACTIVE.value
    values = {"status": SubscriberStatus.PAUSED.value, "next_issue_at": None, "waiting_since": None}
    await conn.execute(update(subscribers).where(row, active).values(values))


async def _load(conn: AsyncConnection, query: Select[Any]) -> list[Stored]:
    rows = (await conn.execute(query)).all()
    found: dict[int, list[Topic]] = {row.id: [] for row in rows}
    for part in chunks(list(found)):
        lines = select(topics).where(topics.c.subscriber_id.in_(part)).order_by(topics.c.position)
        for line in await conn.execute(lines):
            found[line.subscriber_id].append(_topic(line))
    return [_stored(row, found[row.id]) for row in rows]


async def _write_topics(conn: AsyncConnection, subscriber_id: int, listed: Sequence[Topic]) -> None:
    if listed:
        rows = [_topic_row(subscriber_id, position, topic) for position, topic in enumerate(listed)]
        await conn.execute(insert(topics), rows)


def _row(subscriber: Subscriber) -> dict[str, Any]:
    schedule = subscriber.schedule
    return {
        "email": subscriber.email,
        "name": subscriber.name,
        "status": subscriber.status.value,
        "weekdays": list(schedule.weekdays),
        "month_day": schedule.month_day,
        "at": f"{schedule.at:%H:%M}",
        "zone": schedule.zone,
        "max_papers": subscriber.max_papers,
        "cut": subscriber.cut,
        "trending": subscriber.trending,
        "revisions": subscriber.revisions,
        "quiet_note": subscriber.quiet_note,
        "citations": subscriber.citations,
        "sources": list(subscriber.sources),
        "pause_until": subscriber.pause_until,
        "next_issue_at": subscriber.next_issue_at,
        "waiting_since": subscriber.waiting_since,
    }


#: Columns that are what they are in a Subscriber.
_PLAIN = (
    *("id", "email", "name", "max_papers", "cut", "trending", "revisions", "quiet_note", "citations"),
    *("pause_until", "next_issue_at", "waiting_since", "last_pass", "token"),
)


def _stored(row: Row[Any], followed: Iterable[Topic]) -> Stored:
    values = dict(zip(row._fields, row, strict=True))  # by name each column costs ten times as much
    subscriber = Subscriber(
        **{name: values[name] for name in _PLAIN},
        status=SubscriberStatus(values["status"]),
        topics=tuple(followed),
        schedule=Schedule(
            weekdays=tuple(values["weekdays"]),
            month_day=values["month_day"],
            at=time.fromisoformat(values["at"]),
            zone=values["zone"],
        ),
        sources=tuple(values["sources"]),
    )
    return Stored(subscriber=subscriber, file_hash=values["file_hash"], in_file=values["in_file"])


def _topic_row(subscriber_id: int, position: int, topic: Topic) -> dict[str, Any]:
    return {
        "subscriber_id": subscriber_id,
        "position": position,
        "name": topic.name,
        "about": topic.about,
        "keywords": list(topic.keywords),
        "exclude": list(topic.exclude),
        "authors": list(topic.authors),
        "categories": list(topic.categories),
        "weight": topic.weight,
        "liked": list(topic.liked),
        "disliked": list(topic.disliked),
    }


def _topic(row: Row[Any]) -> Topic:
    return Topic(
        name=row.name,
        about=row.about,
        keywords=tuple(row.keywords),
        exclude=tuple(row.exclude),
        authors=tuple(row.authors),
        categories=tuple(row.categories),
        weight=row.weight,
        liked=tuple(row.liked),
        disliked=tuple(row.disliked),
    )
