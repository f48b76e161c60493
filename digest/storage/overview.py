"""What an operator asks: how deliveries stand, which are in doubt, who got an issue. Reads only."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import DeliveryState
from digest.storage.tables import bounces, deliveries, issues, subscribers

_COLUMNS = (
    deliveries.c.id,
    deliveries.c.email,
    deliveries.c.state,
    deliveries.c.attempts,
    deliveries.c.message_id,
    deliveries.c.reply,
    deliveries.c.settled_at,
    deliveries.c.issue_id,
    issues.c.due_at,
)


async def by_state(conn: AsyncConnection) -> dict[str, int]:
    """Number of deliveries in each state of the ledger, states without any included."""
    rows = await conn.execute(
        select(deliveries.c.state, func.count().label("number")).group_by(deliveries.c.state)
    )
    found = {row.state: row.number for row in rows}
    return {state.value: found.get(state.value, 0) for state in DeliveryState}


async def uncertain(conn: AsyncConnection) -> list[Mapping[str, Any]]:
    """Deliveries of which nobody knows whether they arrived, oldest first."""
    return await _listed(conn, _query().where(deliveries.c.state == DeliveryState.UNCERTAIN.value))


async def of_subscriber(conn: AsyncConnection, subscriber_id: int, limit: int) -> list[Mapping[str, Any]]:
    """The latest issues of a reader with what became of them, newest first; quiet ones have no delivery."""
    query = (
        select(*_COLUMNS, issues.c.note, issues.c.considered, issues.c.matched, issues.c.shown)
        .select_from(issues.outerjoin(deliveries, deliveries.c.issue_id == issues.c.id))
        .where(issues.c.subscriber_id == subscriber_id)
        .order_by(issues.c.due_at.desc())
        .limit(limit)
    )
    return await _listed(conn, query)


async def of_issue(conn: AsyncConnection, issue_id: int) -> list[Mapping[str, Any]]:
    """What became of one issue, bounces that came later included."""
    return await _listed(conn, _with_bounces().where(deliveries.c.issue_id == issue_id))


async def of_day(conn: AsyncConnection, start: datetime, end: datetime) -> list[Mapping[str, Any]]:
    """What became of every issue that was due from `start` to before `end`, by address."""
    query = _with_bounces().where(issues.c.due_at >= start, issues.c.due_at < end)
    return await _listed(conn, query.order_by(None).order_by(deliveries.c.email, deliveries.c.id))


def _with_bounces() -> Select[Any]:
    bounced = select(func.max(bounces.c.kind)).where(bounces.c.delivery_id == deliveries.c.id)
    return _query().add_columns(bounced.scalar_subquery().label("bounced"))


async def unsent(conn: AsyncConnection, limit: int) -> list[Mapping[str, Any]]:
    """The latest deliveries that did not go out, newest first."""
    bad = [state.value for state in (DeliveryState.FAILED, DeliveryState.DEFERRED, DeliveryState.UNCERTAIN)]
    query = _query().where(deliveries.c.state.in_(bad)).order_by(deliveries.c.id.desc()).limit(limit)
    return await _listed(conn, query)


async def quiet(conn: AsyncConnection, limit: int) -> list[Mapping[str, Any]]:
    """The latest issues that had nothing to mail, with the reason, newest first."""
    query = (
        select(issues.c.id.label("issue_id"), subscribers.c.email, issues.c.due_at, issues.c.note)
        .join(subscribers, subscribers.c.id == issues.c.subscriber_id)
        .outerjoin(deliveries, deliveries.c.issue_id == issues.c.id)
        .where(deliveries.c.id.is_(None))
        .order_by(issues.c.id.desc())
        .limit(limit)
    )
    return await _listed(conn, query)


def _query() -> Select[Any]:
    joined = deliveries.outerjoin(issues, issues.c.id == deliveries.c.issue_id)
    return select(*_COLUMNS).select_from(joined).order_by(deliveries.c.id)


async def _listed(conn: AsyncConnection, query: Select[Any]) -> list[Mapping[str, Any]]:
    rows: Sequence[Any] = (await conn.execute(query)).mappings().all()
    return [dict(row) for row in rows]
