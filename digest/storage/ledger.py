"""One group of the ledger: what came back, what goes out next, in one transaction. Decides nothing.

Synchronous on purpose: `Database.write_whole` runs a group on SQLite in one trip to one thread, where a
statement at a time through the asynchronous driver took 20 ms a group; on PostgreSQL the same function
runs through the asynchronous driver.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Update, bindparam, func, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg

from digest.models import Delivery, DeliveryState
from digest.storage.database import chunks
from digest.storage.relays import reserve_slots
from digest.storage.reservations import release
from digest.storage.suppressions import suppress_all
from digest.storage.tables import deliveries

#: A claim that nobody settled is free again after this; longer than the 600 s of the final reply.
LEASE = timedelta(minutes=15)

_D = deliveries.c


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known about a message right before it goes out."""

    delivery: Delivery
    message_id: str
    body_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one transaction writes."""

    settled: Sequence[Delivery] = ()
    dead_addresses: Sequence[str] = ()  # of them, those that the server called unknown
    unsent: Collection[int] = ()  # claimed or marked, certainly not sent: pending again
    marks: Sequence[Mark] = ()  # may go out as soon as this is committed


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A limit of messages a second, shared by all workers of a relay and kept across restarts."""

    relay: str
    rate: float
    at: datetime  # moves on even where the run's clock stands still


def write(
    conn: Connection, group: Group, *, worker: str, now: datetime, pace: Pace | None = None
) -> tuple[int, set[int]]:
    """Write one group; gives how many of the marks, from the first, the pace allows, and which are ours.

    A mark is not ours if its lease ran out and another worker took the row: that message must not be sent.
    """
    settle(conn, group.settled, worker=worker, now=now)
    suppress_all(conn, group.dead_addresses, "hard bounce", now)
    give_back(conn, group.unsent, worker=worker)
    allowed = len(group.marks)
    if pace and group.marks:
        allowed = reserve_slots(conn, pace.relay, pace.rate, pace.at, len(group.marks))
    return allowed, mark(conn, group.marks[:allowed], worker=worker, now=now)


def mark(conn: Connection, marks: Sequence[Mark], *, worker: str, now: datetime) -> set[int]:
    """Commit this before the final dot: from here on a crash leaves doubt. Gives the ids that are ours."""
    rows = [
        {
            "d_id": one.delivery.id,
            "d_attempts": one.delivery.attempts,
            "d_message_id": one.message_id,
            "d_body_hash": one.body_hash,
            "d_worker": worker,
        }
        for one in marks
    ]
    ids = {one.delivery.id for one in marks}
    if _many(conn, _MARK, rows, d_lease=now + LEASE) == len(rows):
        return ids
    ours = select(_D.id).where(_D.id.in_(ids), _D.state == "data", _D.worker == worker)
    return set(conn.scalars(ours))


_MARK = (
    update(deliveries)
    .where(_D.id == bindparam("d_id"), _D.state == "claimed", _D.worker == bindparam("d_worker"))
    .values(
        state="data",
        message_id=bindparam("d_message_id"),
        body_hash=bindparam("d_body_hash"),
        attempts=bindparam("d_attempts"),
        leased_until=bindparam("d_lease"),
    )
)


def settle(conn: Connection, settled: Sequence[Delivery], *, worker: str, now: datetime) -> None:
    """Write what attempts came to; papers of deliveries that ended without a mail are free again.

    `sent` always wins, even over a worker that took the row over meanwhile: the server has the message.
    """
    sent = [
        {"s_id": one.id, "s_attempts": one.attempts, "s_reply": one.reply, "s_worker": worker}
        for one in settled
        if one.state is DeliveryState.SENT
    ]
    _many(conn, _SENT, sent, s_settled_at=now)
    if rest := [one for one in settled if one.state is not DeliveryState.SENT]:
        conn.execute(_SETTLE, [_settled(one, worker) for one in rest])
        release(conn, [one.issue_id for one in rest if one.state in _UNSENT and one.issue_id])


_UNSENT = (DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.SUPPRESSED)


def _settled(delivery: Delivery, worker: str) -> dict[str, Any]:
    return {
        "s_id": delivery.id,
        "s_worker": worker,
        "s_state": delivery.state.value,
        "s_due_at": delivery.due_at,
        "s_attempts": delivery.attempts,
        "s_reply": delivery.reply,
        "s_settled_at": delivery.settled_at,
        "s_uncertain_at": delivery.settled_at if delivery.state is DeliveryState.UNCERTAIN else None,
    }


_OUTCOME: Mapping[str, Any] = {
    "reply": bindparam("s_reply"),
    "settled_at": bindparam("s_settled_at"),
    "leased_until": None,
    "attempts": bindparam("s_attempts"),
}
_SENT = (
    update(deliveries)
    .where(_D.id == bindparam("s_id"))
    .values(state="sent", worker=bindparam("s_worker"), **_OUTCOME)
)
_SETTLE = (
    update(deliveries)
    .where(_D.id == bindparam("s_id"), _D.worker == bindparam("s_worker"), _D.state != "sent")
    .values(
        state=bindparam("s_state"),
        due_at=bindparam("s_due_at"),
        uncertain_at=func.coalesce(_D.uncertain_at, bindparam("s_uncertain_at", type_=_D.uncertain_at.type)),
        **_OUTCOME,
    )
)


def _many(conn: Connection, statement: Update, rows: Sequence[dict[str, Any]], **times: datetime) -> int:
    """Run a statement for many rows and give how many it changed; `times` are the same for all rows.

    The statement is compiled once for each kind of database, and its values go to the driver as they are:
    the usual way costs 20 us a row, more than the statement itself.
    """
    if not rows:
        return 0
    sql, constants, as_stored = _compiled(statement, conn.dialect.name)
    shared = constants | {name: as_stored(value) for name, value in times.items()}
    return conn.exec_driver_sql(sql, [shared | row for row in rows]).rowcount


@cache
def _compiled(statement: Update, name: str) -> tuple[str, dict[str, Any], Callable[[datetime], Any]]:
    """SQL with named values for the driver, the values that never change, and how it stores times."""
    dialect: Dialect = sqlite.dialect(paramstyle="named") if name == "sqlite" else psycopg.dialect()  # type: ignore[no-untyped-call]
    compiled = statement.compile(dialect=dialect)
    times = _D.settled_at.type.dialect_impl(dialect).bind_processor(dialect)
    return str(compiled), dict(compiled.params), times or _as_it_is


def _as_it_is(value: datetime) -> Any:
    return value


def give_back(conn: Connection, ids: Collection[int], *, worker: str) -> None:
    """Deliveries that this worker took but certainly did not send: pending again, at once."""
    for chunk in chunks(sorted(ids)):
        conn.execute(
            update(deliveries)
            .where(_D.id.in_(chunk), _D.worker == worker, _D.state.in_(("claimed", "data")))
            .values(state="pending", leased_until=None)
        )
