"""One group of the ledger: what came back, what goes out next, in one transaction. Decides nothing.

Synchronous on purpose: `Database.write_whole` runs a group on SQLite in one trip to one thread, where a
statement at a time through the asynchronous driver took 20 ms a group; on PostgreSQL the same function
runs through the asynchronous driver.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import pysqlite

from digest.models import Delivery, DeliveryState
from digest.storage import doubts, refusals
from digest.storage.database import chunks
from digest.storage.refusals import Refusal
from digest.storage.relays import reserve_slots
from digest.storage.reservations import release
from digest.storage.tables import UtcDateTime, deliveries

#: A claim that nobody settled is free again after this; longer than the 600 s of the final reply.
LEASE = timedelta(minutes=15)

_D = deliveries.c


class Mark(NamedTuple):
    """What is known about a message right before it goes out."""

    delivery: Delivery
    message_id: str
    raw: bytes  # as it leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one transaction writes."""

    settled: Sequence[Delivery] = ()
    refused: Mapping[Delivery, Refusal] = field(default_factory=dict)  # of them, for their address
    unsent: Collection[int] = ()  # claimed or marked, certainly not sent: pending again
    doubtful: Mapping[int, bytes] = field(default_factory=dict)  # messages whose delivery ends in doubt
    marks: Sequence[Mark] = ()  # may go out as soon as this is committed


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A limit of messages a second, shared by all workers of a relay and kept across restarts."""

    relay: str
    rate: float
    at: datetime  # moves on even where the run's clock stands still


class Written(NamedTuple):
    """What became of a group."""

    allowed: int  # so many of the marks, from the first, the pace allows
    ours: set[int]  # the marked; not those whose lease ran out, and that another worker took: never send them
    gone: set[int]  # of what came back, deliveries that were deleted meanwhile, with their reader


def write(conn: Connection, group: Group, *, worker: str, now: datetime, pace: Pace | None = None) -> Written:
    """Write one group."""
    gone = settle(conn, group.settled, worker=worker, now=now) | _missing(conn, group.unsent)
    doubts.keep(conn, {one: raw for one, raw in group.doubtful.items() if one not in gone})
    refusals.record(conn, {one: what for one, what in group.refused.items() if one.id not in gone}, now)
    give_back(conn, group.unsent, worker=worker)
    allowed = len(group.marks)
    if pace and group.marks:
        allowed = reserve_slots(conn, pace.relay, pace.rate, pace.at, len(group.marks))
    return Written(allowed, mark(conn, group.marks[:allowed], worker=worker), gone)


def _missing(conn: Connection, ids: Collection[int]) -> set[int]:
    """Those that are not stored any more."""
    known = {
        one for some in chunks(sorted(ids)) for one in conn.scalars(select(_D.id).where(_D.id.in_(some)))
    }
    return {*ids} - known


def mark(conn: Connection, marks: Sequence[Mark], *, worker: str) -> set[int]:
    """Commit this before the final dot: from here on a crash leaves doubt. Gives the ids that are ours.

    The lease is that of the claim, which whoever runs renews.
    """
    rows = [
        (one.delivery.id, one.delivery.attempts, one.message_id, hashlib.sha256(one.raw).hexdigest())
        for one in marks
    ]
    ids, made = {one.delivery.id for one in marks}, [one.delivery.created_at for one in marks]
    if _for_all(conn, _MARK, rows, made, worker) == len(rows):
        return ids
    ours = select(_D.id).where(_D.id.in_(ids), _D.state == "data", _D.worker == worker)
    return set(conn.scalars(ours))


#: The rows are a table of column1, column2, … With the moments between which they were made, PostgreSQL looks
#: into their month alone. With the bounds of their ids it takes the primary key, also in a month that nobody
#: has analysed yet; else it read 3,000 rows, 13 ms, for each group.
_MARK = """\
UPDATE deliveries
SET state = 'data', attempts = v.column2, message_id = v.column3, body_hash = v.column4
FROM {rows} AS v
WHERE deliveries.id = v.column1 AND deliveries.id BETWEEN ? AND ? AND deliveries.created_at BETWEEN ? AND ?
  AND deliveries.state = 'claimed' AND deliveries.worker = ?
"""


def settle(conn: Connection, settled: Sequence[Delivery], *, worker: str, now: datetime) -> set[int]:
    """Write what attempts came to; papers of deliveries that ended without a mail are free again.

    `sent` always wins, even over a worker that took the row over meanwhile: the server has the message.
    Gives the ids of those that are not stored any more.
    """
    gone: set[int] = set()
    sent = [one for one in settled if one.state is DeliveryState.SENT]
    rows, made = [(one.id, one.attempts, one.reply) for one in sent], [one.created_at for one in sent]
    if _for_all(conn, _SENT, rows, made, worker, at=now) != len(sent):
        conn.execute(_SENT_AFTER_ALL, [_settled(one, worker) for one in sent])
        gone |= _missing(conn, [one.id for one in sent])
    if rest := [one for one in settled if one.state is not DeliveryState.SENT]:
        conn.execute(_SETTLE, [_settled(one, worker) for one in rest])
        gone |= _missing(conn, [one.id for one in rest])
        release(conn, [one.issue_id for one in rest if one.state in _UNSENT and one.issue_id])
    if ended := [one.id for one in settled if one.resends and one.state is not DeliveryState.UNCERTAIN]:
        doubts.forget(conn, ended)
    return gone


_SENT = """\
UPDATE deliveries
SET state = 'sent', attempts = v.column2, reply = v.column3, settled_at = ?, leased_until = NULL
FROM {rows} AS v
WHERE deliveries.id = v.column1 AND deliveries.id BETWEEN ? AND ? AND deliveries.created_at BETWEEN ? AND ?
  AND deliveries.worker = ?
"""


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
_SENT_AFTER_ALL = (
    update(deliveries)
    .where(_D.id == bindparam("s_id"), _D.state != "sent")
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


def _for_all(
    conn: Connection,
    sql: str,
    rows: Sequence[tuple[Any, ...]],
    made: Sequence[datetime],
    worker: str,
    *,
    at: datetime | None = None,
) -> int:
    """Run one statement over many rows, `made` at these moments (`at`: a time that it takes first).

    Gives how many it changed.

    Straight to the driver: the usual way, a statement a row, costs more than all the rest of a group.
    """
    if not rows:
        return 0
    sqlite = conn.dialect.name == "sqlite"
    text = _over_values(sql, len(rows), len(rows[0])) if sqlite else _over_json(sql, len(rows[0]))
    given = chain.from_iterable(rows) if sqlite else [json.dumps(rows)]
    first, *between = (_as_stored(time) if sqlite else time for time in (at, min(made), max(made)))
    ids = [row[0] for row in rows]
    values = (*([first] if at else []), *given, min(ids), max(ids), *between, worker)
    return conn.exec_driver_sql(text, values).rowcount


@lru_cache(maxsize=1024)
def _over_values(sql: str, count: int, width: int) -> str:
    """The statement for so many rows: SQLite calls the columns of a list of values column1, column2, …"""
    row = f"({', '.join('?' * width)})"
    return sql.format(rows=f"(VALUES {', '.join([row] * count)})")


@lru_cache
def _over_json(sql: str, width: int) -> str:
    """The statement for any number of rows, two integers and texts each, in one value.

    PostgreSQL prepares it once. With a place for every value, the driver and the server read it anew for each
    group, which took half of a group's time.
    """
    kinds = ["integer", "integer", *["text"] * (width - 2)]
    row = ", ".join(f"(j->>{place})::{kind} AS column{place + 1}" for place, kind in enumerate(kinds))
    return sql.format(rows=f"(SELECT {row} FROM jsonb_array_elements(?::jsonb) AS j)").replace("?", "%s")


_as_stored: Any = UtcDateTime().dialect_impl(pysqlite.dialect()).bind_processor(pysqlite.dialect())


def give_back(conn: Connection, ids: Collection[int], *, worker: str) -> None:
    """Deliveries that this worker took but certainly did not send: pending again, at once."""
    for chunk in chunks(sorted(ids)):
        conn.execute(
            update(deliveries)
            .where(_D.id.in_(chunk), _D.worker == worker, _D.state.in_(("claimed", "data")))
            .values(state="pending", leased_until=None)
        )
