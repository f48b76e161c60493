"""What the operator's page and the metrics show: sources, issues, the outbox, readers. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import DeliveryState
from digest.storage.accounting import LEASED, UNCERTAIN
from digest.storage.outbox import OPEN
from digest.storage.tables import deliveries, issues, passes, sources, subscribers
from digest.storage.tables_web import asks, consents

#: What a day shows of an issue without a delivery.
QUIET = "quiet"

#: States in which a delivery is not settled: on its way, or waiting for a word.
UNSETTLED = ("pending", "claimed", "data", "deferred", "uncertain")

#: Literal, not bound, as in `OPEN`.
DOUBTFUL = text("deliveries.state = 'uncertain'")
FAILED = text("deliveries.state = 'failed'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """What is not settled, and for how long it has been waiting."""

    by_state: Mapping[str, int]  # every state in which a delivery is not settled
    oldest_due_at: datetime | None  # of what is due and not sent; None: nothing waits


async def papers_a_day(conn: AsyncConnection, since: datetime) -> dict[str, dict[date, int]]:
    """Source -> day -> papers that it brought first, from the summaries of the passes."""
    query = select(passes.c.committed_at, passes.c.summary).where(passes.c.committed_at >= since)
    found: dict[str, dict[date, int]] = {}
    for committed_at, summary in await conn.execute(query):
        for source in summary.get("sources", ()):
            days = found.setdefault(source["name"], {})
            day = committed_at.date()
            days[day] = days.get(day, 0) + source["new"]
    return found


async def all_sources(conn: AsyncConnection) -> list[Mapping[str, Any]]:
    """The active sources as they were left by their last answers, by name."""
    names = ("name", "family", "state", "state_since", "checked_at", "last_new_at", "failures", "error")
    rows = await conn.execute(select(*(sources.c[name] for name in names)).where(sources.c.active))
    return sorted((dict(row._mapping) for row in rows), key=lambda row: str(row["name"]))


async def made_on(conn: AsyncConnection, day: date) -> dict[str, int]:
    """State of the delivery, or `quiet` -> number of issues made on that day (UTC); walks all of them."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = start + timedelta(days=1)
    its = and_(
        deliveries.c.issue_id == issues.c.id,
        deliveries.c.created_at == issues.c.created_at,
        deliveries.c.created_at >= start,  # once more, so that PostgreSQL reads one month
        deliveries.c.created_at < end,
    )
    state = func.coalesce(deliveries.c.state, QUIET)
    query = (
        select(state.label("state"), func.count().label("number"))
        .select_from(issues.outerjoin(deliveries, its))
        .where(issues.c.created_at >= start, issues.c.created_at < end)
        .group_by(state)
    )
    return {row.state: row.number for row in await conn.execute(query)}


async def outbox(conn: AsyncConnection, now: datetime) -> Outbox:
    """How the deliveries stand that are not settled, states without any included; asks partial indexes."""
    found = dict.fromkeys(UNSETTLED, 0)
    for which in (OPEN, LEASED, DOUBTFUL):
        counted = select(deliveries.c.state, func.count()).where(which).group_by(deliveries.c.state)
        found |= {state: number for state, number in await conn.execute(counted)}  # noqa: C416
    oldest = select(func.min(deliveries.c.due_at)).where(OPEN, deliveries.c.due_at <= now)
    return Outbox(by_state=found, oldest_due_at=await conn.scalar(oldest))


async def postponed(conn: AsyncConnection, now: datetime) -> tuple[int, datetime | None]:
    """How many deliveries are tried later than now, and when the first of them is."""
    query = select(func.count(), func.min(deliveries.c.due_at)).where(OPEN, deliveries.c.due_at > now)
    number, first = (await conn.execute(query)).one()
    return int(number), first


async def waiting_issues(conn: AsyncConnection) -> int:
    """How many issues wait for a late batch."""
    query = select(func.count()).where(subscribers.c.waiting_since.is_not(None))
    return int(await conn.scalar(query) or 0)


async def troubled(conn: AsyncConnection, limit: int) -> list[Mapping[str, Any]]:
    """Deliveries in doubt, then those that failed, the newest first."""
    names = ("id", "email", "state", "attempts", "reply", "settled_at", "issue_id", "subscriber_id")
    query = select(*(deliveries.c[name] for name in names))
    doubtful = query.where(DOUBTFUL).order_by(deliveries.c.id.desc()).limit(limit)
    failed = query.where(FAILED).order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc()).limit(limit)
    rows = [*await conn.execute(doubtful), *await conn.execute(failed)]
    return [dict(row._mapping) for row in rows[:limit]]


async def uncertain_ids(conn: AsyncConnection) -> list[int]:
    """Deliveries of which nobody knows whether they arrived."""
    return list(await conn.scalars(select(deliveries.c.id).where(DOUBTFUL)))


async def deferred_codes(conn: AsyncConnection, limit: int = 5_000) -> Sequence[str]:
    """What servers said to deliveries that wait for another try."""
    query = select(deliveries.c.reply).where(OPEN, deliveries.c.state == DeliveryState.DEFERRED.value)
    return list(await conn.scalars(query.limit(limit)))


async def readers_by_status(conn: AsyncConnection) -> dict[str, int]:
    """How many subscribers have each status."""
    query = select(subscribers.c.status, func.count().label("number")).group_by(subscribers.c.status)
    return {row.status: row.number for row in await conn.execute(query)}


async def consents_since(conn: AsyncConnection, at: datetime) -> dict[str, int]:
    """What readers said since a time: confirmed, unsubscribed and so on; and `asked`, the sign-up forms."""
    query = (
        select(consents.c.event, func.count().label("number"))
        .where(consents.c.at >= at)
        .group_by(consents.c.event)
    )
    asked = select(func.count()).where(asks.c.kind == "signup", asks.c.asked_at >= at)
    found = {row.event: row.number for row in await conn.execute(query)}
    return found | {"asked": int(await conn.scalar(asked) or 0)}


async def search(
    conn: AsyncConnection, text: str, *, after: int, limit: int
) -> tuple[list[Mapping[str, Any]], bool]:
    """Subscribers whose address or name contains a text, by number from `after` on; and: are there more?"""
    query = _search(text).where(subscribers.c.id > after).order_by(subscribers.c.id).limit(limit + 1)
    rows: list[Mapping[str, Any]] = [dict(row._mapping) for row in await conn.execute(query)]
    return rows[:limit], len(rows) > limit


def _search(text: str) -> Select[Any]:
    names = ("id", "email", "name", "status", "next_issue_at", "waiting_since", "created_at", "zone")
    query = select(*(subscribers.c[name] for name in names))
    if not text:
        return query
    words = text.casefold()
    named = func.lower(subscribers.c.name).contains(words, autoescape=True)
    return query.where(or_(subscribers.c.address.contains(words, autoescape=True), named))


async def last_delivery(conn: AsyncConnection, subscriber_id: int) -> Mapping[str, Any] | None:
    """The newest delivery of an issue to a reader."""
    query = (
        select(deliveries.c.id, deliveries.c.state, deliveries.c.created_at)
        .where(deliveries.c.subscriber_id == subscriber_id, deliveries.c.issue_id.is_not(None))
        .order_by(deliveries.c.id.desc())
        .limit(1)
    )
    row = (await conn.execute(query)).first()
    return dict(row._mapping) if row else None


async def count_uncertain(conn: AsyncConnection) -> int:
    """Doubtful deliveries that nobody has resolved and that were not resent yet."""
    return int(await conn.scalar(select(func.count()).select_from(deliveries).where(UNCERTAIN)) or 0)
